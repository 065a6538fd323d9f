"""A chat's own words, as they are kept."""

from __future__ import annotations

from bot.domain.alerts import milestone, record
from storage import chats, wordings
from storage.database import Database
from tests.fakes.clock import NOW
from tests.fakes.rows import a_chat


async def test_each_chat_has_its_words_by_kind_and_the_last_ones_stand(database: Database) -> None:
    async with database.write() as connection:
        ann, bob = await a_chat(connection), await a_chat(connection, "bob")
        for chat, kind, text in (
            (ann, milestone.KIND, "one"),
            (ann, milestone.KIND, "two\nلاہور 🎉"),
            (ann, record.KIND, "three"),
            (bob, milestone.KIND, "four"),
        ):
            await wordings.put(connection, chat_id=chat.id, kind=kind, text=text, made_by="7", now=NOW)
        assert await wordings.of_chat(connection, ann.id) == {
            milestone.KIND: "two\nلاہور 🎉",
            record.KIND: "three",
        }
        assert await wordings.of_kind(connection, bob.id, milestone.KIND) == "four"
        assert await wordings.of_kind(connection, bob.id, record.KIND) is None
        assert await wordings.remove(connection, chat_id=ann.id, kind=record.KIND)
        assert not await wordings.remove(connection, chat_id=ann.id, kind=record.KIND)
        assert list(await wordings.of_chat(connection, ann.id)) == [milestone.KIND]


async def test_words_go_with_a_chat_that_moves_and_with_one_that_is_forgotten(database: Database) -> None:
    async with database.write() as connection:
        old, new = await a_chat(connection, "old"), await a_chat(connection, "new")
        for chat, kind in ((old, milestone.KIND), (old, record.KIND), (new, milestone.KIND)):
            await wordings.put(connection, chat_id=chat.id, kind=kind, text=chat.key, made_by=None, now=NOW)
        await chats.move(connection, platform="fake", old="old", new="new", now=NOW)
        moved = await chats.find(connection, platform="fake", key="new")
        assert moved is not None
        assert await wordings.of_chat(connection, moved.id) == {milestone.KIND: "new", record.KIND: "old"}
        await chats.forget(connection, moved.id)
        assert await wordings.of_chat(connection, moved.id) == {}
