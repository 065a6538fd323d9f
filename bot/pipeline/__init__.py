"""From source to chat, a file a stage: schedule, poll, ingest, deliver. Every stage is a ``tick(now)``."""
