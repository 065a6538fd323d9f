"""What is taken back is gone at that moment, whoever has just read it."""

from __future__ import annotations

import asyncio

import sqlalchemy as sa

from bot.domain import SECOND
from storage import published
from storage.database import Database
from storage.tables import chat, chat_watch
from tests.fakes.clock import NOW
from tests.pages.stand import Site, hill, site


async def test_what_is_taken_back_is_gone_at_once(stand: Site) -> None:
    watch = await stand.watch("night", name="Night Radio")
    session = await stand.goes(watch, hill(20, 900), start=NOW, ends=False)
    addresses = ("/", "/records", f"/s/{session}", f"/w/{watch.id}")
    for shown in (True, False, True):
        await stand.show(watch, public=shown)
        for address in addresses:
            _, text = await stand.answer(address, fresh=False)
            assert ("Night Radio" in text) == shown, address


async def test_who_reads_while_it_is_taken_back_leaves_nothing_behind(stand: Site) -> None:
    watch = await stand.watch("night", name="Night Radio")
    session = await stand.goes(watch, hill(20, 900), start=NOW, ends=False)
    for _ in range(5):
        await stand.show(watch)
        readers = [asyncio.create_task(stand.answer(f"/s/{session}", fresh=False)) for _ in range(20)]
        await stand.show(watch, public=False)
        answer, text = await stand.answer(f"/s/{session}", fresh=False)
        assert answer.status == 404
        assert "Night Radio" not in text
        await asyncio.gather(*readers)


async def test_a_chat_that_is_gone_and_one_that_stops_watching_take_their_pages_with_them(stand: Site) -> None:
    watch = await stand.watch("night", name="Night Radio")
    session = await stand.goes(watch, hill(20, 900), start=NOW, ends=False)
    await stand.get(f"/s/{session}", fresh=False)
    async with stand.database.write() as connection:
        await connection.execute(sa.update(chat).values(disabled_at=NOW))
    await stand.get(f"/s/{session}", fresh=False, status=404)
    async with stand.database.write() as connection:
        await connection.execute(sa.update(chat).values(disabled_at=None))
    await stand.get(f"/s/{session}", fresh=False)
    async with stand.database.write() as connection:
        await connection.execute(sa.delete(chat_watch).where(chat_watch.c.watch_id == watch.id))
    await stand.get(f"/s/{session}", fresh=False, status=404)


async def test_what_another_process_takes_back_is_gone_within_a_second(postgres_url: str) -> None:
    ours, theirs = Database(postgres_url), Database(postgres_url)
    await ours.open()
    await theirs.open()
    try:
        async with site(ours) as stand:
            watch = await stand.watch("elsewhere", name="Night Radio")
            session = await stand.goes(watch, hill(20, 900), start=NOW, ends=False)
            await stand.get(f"/s/{session}", fresh=False)
            async with theirs.write() as connection:
                for chat_id in {its.chat_id for its in (await published.everything(connection)).values()}:
                    await published.publish(connection, chat_id=chat_id, watch_ids=[watch.id], at=None)
            stand.clock.now += SECOND
            await stand.get(f"/s/{session}", fresh=False, status=404)
    finally:
        await ours.close()
        await theirs.close()
