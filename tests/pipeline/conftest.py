"""The pipeline is tested on both engines: see ``tests/fakes/databases.py``."""

from __future__ import annotations

from tests.fakes.databases import database, postgres_url, url

__all__ = ["database", "postgres_url", "url"]
