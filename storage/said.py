"""A column of sentences: stored so that each reader can be told them in their own language."""

from __future__ import annotations

import sqlalchemy as sa

from bot.domain.sentence import kept, recalled


class Said(sa.types.TypeDecorator[str]):
    """Text that may be a ``Sentence``, and is one again when it is read; other text is stored as it is."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: sa.Dialect) -> str | None:
        """Return what is stored."""
        return None if value is None else kept(value)

    def process_result_value(self, value: str | None, dialect: sa.Dialect) -> str | None:
        """Return what was stored."""
        return None if value is None else recalled(value)
