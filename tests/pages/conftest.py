"""The pages are tested on both engines: see ``tests/fakes/databases.py``."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from storage.database import Database
from tests.fakes.databases import database, postgres_url, url
from tests.pages.stand import Site, site

__all__ = ["database", "postgres_url", "stand", "url"]


@pytest.fixture
async def stand(database: Database) -> AsyncIterator[Site]:
    """A site without anything on it."""
    async with site(database) as made:
        yield made
