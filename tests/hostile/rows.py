"""What a database holds of one chat, row by row, to tell whether another chat has changed anything of it."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from storage.database import Database
from storage.tables import metadata

Row = tuple[Any, ...]
#: What readings change of a watch, whoever watches it; all else is what its chats rely on.
MOVES = {"due_at", "asked_at", "answered_at", "trouble", "trouble_since"}


async def rows_of(database: Database, *, platform: str, key: str) -> dict[str, list[Row]]:
    """Return all rows that belong to a chat, and what it watches."""
    kept: dict[str, list[Row]] = {}
    async with database.read() as connection:

        async def rows(name: str, query: sa.Select[Any]) -> list[Any]:
            found = (await connection.execute(query)).all()
            kept[name] = sorted((tuple(one) for one in found), key=repr)
            return list(found)

        tables = metadata.tables
        chat = tables["chat"]
        (own,) = await rows("chat", sa.select(chat).where(chat.c.platform == platform, chat.c.key == key))
        for name, table in tables.items():
            if "chat_id" in table.c:
                await rows(name, sa.select(table).where(table.c.chat_id == own.id))
        ties = tables["tie"], tables["tie_watch"]
        await rows("tie_watch", sa.select(ties[1]).join(ties[0]).where(ties[0].c.chat_id == own.id))
        subscription, card = tables["subscription"], tables["card"]
        await rows("card", sa.select(card).join(subscription).where(subscription.c.chat_id == own.id))
        watch, of_chat = tables["watch"], tables["chat_watch"]
        lasting = [column for column in watch.c if column.name not in MOVES]
        await rows("watch", sa.select(*lasting).join(of_chat).where(of_chat.c.chat_id == own.id))
        session = tables["session"]
        await rows(
            "session",
            sa.select(session)
            .join(of_chat, of_chat.c.watch_id == session.c.watch_id)
            .where(of_chat.c.chat_id == own.id),
        )
    return kept


def changes(before: dict[str, list[Row]], after: dict[str, list[Row]]) -> dict[str, Any]:
    """Return what differs, by table."""
    return {name: (before[name], after[name]) for name in before if before[name] != after[name]}
