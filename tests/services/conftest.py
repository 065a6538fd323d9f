"""Services are tested on both engines where storage is in question: see ``tests/fakes/databases.py``."""

from __future__ import annotations

from tests.fakes.databases import database, new_url, postgres_url, url

__all__ = ["database", "new_url", "postgres_url", "url"]
