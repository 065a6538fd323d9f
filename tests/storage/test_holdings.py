"""Who holds which record, as a chat sees it."""

from __future__ import annotations

from bot.domain import DAY
from bot.domain.measure import Measure
from storage import doubts, holdings
from storage.database import Database
from tests.fakes.clock import NOW
from tests.fakes.rows import INTERVAL, a_chat, a_watch, listens, past


async def test_each_watchs_best_with_how_it_was_measured_and_the_best_elsewhere(database: Database) -> None:
    async with database.write() as connection:
        one, two, other, hidden = [
            await a_watch(connection, name, public=name != "hidden") for name in ("one", "two", "other", "hidden")
        ]
        ann = await a_chat(connection)
        for watch in (one, two):
            await listens(connection, ann, watch)
        for watch, peaks in ((one, (50, 80, 80)), (two, (90,)), (other, (60, 70)), (hidden, (1_000,))):
            for n, peak in enumerate(peaks):
                await past(connection, watch, str(n), peak, ended_at=NOW - (9 - n) * DAY)
        mine = await holdings.of_watches(connection, [one.id, two.id], Measure.PEAK, chat_id=ann.id)
        found = [(held.name, held.value, held.sessions, held.interval, held.coverage) for held in mine]
        assert found == [("two", 90, 1, INTERVAL, 1), ("one", 80, 3, INTERVAL, 1)]
        first = mine[1]
        assert first.since == NOW - 9 * DAY - 3_600_000
        assert first.moment == NOW - 8 * DAY - 1_800_000  # the first of two that are equal, at its peak
        elsewhere = await holdings.elsewhere(
            connection, "x", Measure.PEAK, apart_from=[one.id, two.id], chat_id=ann.id
        )
        assert elsewhere is not None
        assert (elsewhere.name, elsewhere.value, elsewhere.sessions) == ("other", 70, 2)
        assert await holdings.elsewhere(connection, "kick", Measure.PEAK, apart_from=[], chat_id=ann.id) is None


async def test_what_is_doubted_holds_nothing_there(database: Database) -> None:
    async with database.write() as connection:
        watch, ann, bob = await a_watch(connection), await a_chat(connection), await a_chat(connection, "bob")
        low = await past(connection, watch, "low", 50)
        high = await past(connection, watch, "high", 90)
        for chat_id, why in ((ann.id, "bots"), (ann.id, "many bots")):
            await doubts.raise_(connection, high.id, Measure.PEAK, chat_id=chat_id, why=why, made_by="7", now=NOW)
        for chat, value in ((ann, 50), (bob, 90)):
            (held,) = await holdings.of_watches(connection, [watch.id], Measure.PEAK, chat_id=chat.id)
            assert held.value == value
        (tuned,) = await holdings.of_watches(connection, [watch.id], Measure.TUNED_IN, chat_id=ann.id)
        assert tuned.session_id == high.id
        (doubt,) = await holdings.doubts(connection, chat_id=ann.id)
        assert (doubt.session_id, doubt.value, doubt.why, doubt.everywhere) == (high.id, 90, "many bots", False)
        assert await holdings.doubts(connection, chat_id=bob.id) == []
        assert await doubts.why(connection, high.id, chat_id=ann.id) == {Measure.PEAK: "many bots"}
        assert await doubts.why(connection, low.id, chat_id=ann.id) == {}
        assert await doubts.lift(connection, high.id, Measure.PEAK, chat_id=ann.id, now=NOW, by="8")
        assert not await doubts.lift(connection, high.id, Measure.PEAK, chat_id=ann.id, now=NOW, by="8")
        assert await doubts.standing(connection) == frozenset()
        (lifted,) = await holdings.doubts(connection, chat_id=ann.id, lifted=True)
        assert (lifted.made_by, lifted.removed_by) == ("7", "8")
