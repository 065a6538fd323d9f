"""A record that was told and is none: its post is edited once, whoever was told, and nobody else hears of it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bot.charts import Workshop
from bot.domain import DAY, HOUR, MINUTE
from bot.domain.measure import Measure
from bot.domain.reading import Answer, Reading
from bot.ports.chat import MessageGone, TryLater
from bot.ports.command import Request
from bot.ports.message import plain_text
from bot.ports.source import Registry
from bot.services import disputing
from bot.services.context import Services
from storage import chats, sessions, watches
from storage.database import Database
from storage.records import Entry
from tests.fakes.clockwork import NOW, Clockwork
from tests.fakes.rows import INTERVAL, a_watch, past, rows
from tests.fakes.source import live, over, told

RECORD = "New record for one: 1,100 viewers at once"
WITHDRAWN = "→ Withdrawn: 1,100 viewers at once, no record of one"
KINDS = ["record"]


class Court(Clockwork):
    """The stages, and admins who dispute."""

    @property
    def services(self) -> Services:
        return Services(
            database=self.database,
            registry=Registry({}),
            clock=self.clock,
            interval=INTERVAL,
            grace=5 * MINUTE,
            started_at=NOW,
            easel=Workshop(),  # it starts nothing before it draws
        )

    def asks(self, key: str = "ann", *, operator: bool = False) -> Request:
        return Request(platform="fake", chat=key, command="record", user="7", is_admin=True, is_operator=operator)

    async def doubt(
        self, key: str = "ann", *, session: int | None = None, everywhere: bool = False, why: str = "Bots"
    ) -> int:
        """Dispute the newest session's peak; return how many posts are corrected."""
        session = session or await self.newest()
        judged = await disputing.doubt(
            self.services, self.asks(key), session, Measure.PEAK, why, everywhere=everywhere
        )
        return judged.posts

    async def trust(self, key: str = "ann", *, session: int | None = None, everywhere: bool = False) -> None:
        session = session or await self.newest()
        await disputing.trust(self.services, self.asks(key), session, Measure.PEAK, everywhere=everywhere)

    async def enter(self, value: float, *, everywhere: bool = False, key: str = "ann", **values: Any) -> int:
        entry = Entry(platform="x", measure="peak", scope=3, value=value, holder="Book", **values)
        made = await disputing.add(self.services, self.asks(key), entry, everywhere=everywhere)
        return made.entry.id

    async def newest(self) -> int:
        async with self.database.read() as connection:
            found = await sessions.newest(connection, (await self.watched()).id)
        return found[0].id

    async def breaks(self, *keys: str, **values: Any) -> None:
        """Let a session break the record of its watch, and these chats be told."""
        await self.watch(*(keys or ("ann",)), kinds=KINDS, **values)
        async with self.database.write() as connection:
            watch = await watches.by_reference(connection, "fake", "one")
            assert watch is not None
            await past(connection, watch, "old", 1000, ended_at=NOW - DAY)
        await self.rises(900, 1100)

    async def rises(self, *figures: float, first: int = 0) -> None:
        for n, figure in enumerate(figures, first):
            await self.says(live(NOW + n * INTERVAL, figure))
            await self.tick(NOW + n * INTERVAL)

    def lines(self, place: int = -1) -> list[str]:
        return [plain_text(line) for line in self.chat.posts[place].message.lines]


@pytest.fixture(name="bot")
async def _bot(database: Database) -> Court:
    return Court(database)


async def test_a_disputed_figure_is_withdrawn_where_it_was_told_once(bot: Court) -> None:
    await bot.breaks("ann", "bob")
    assert await bot.doubt(why="A raid of bots") == 1
    await bot.tick(NOW + HOUR)
    assert bot.heard("ann") == [RECORD, WITHDRAWN]
    assert bot.heard("bob") == [RECORD]
    first, last = (post for post in bot.chat.posts if post.target.chat == "ann")
    assert last.replaces == f"post-{first.delivery}"
    assert bot.lines() == [
        "The figure is disputed: A raid of bots",
        "The record stands at its own 1,000 (21 November 2026).",
    ]
    assert await bot.doubt(why="Something else") == 0
    await bot.tick(NOW + 2 * HOUR)
    assert len(bot.heard("ann")) == 2


async def test_an_operator_judges_for_all_chats(bot: Court) -> None:
    await bot.breaks("ann", "bob")
    assert await bot.doubt(everywhere=True) == 2
    await bot.tick(NOW + HOUR)
    assert bot.heard("ann") == bot.heard("bob") == [RECORD, WITHDRAWN]


async def test_a_disputed_figure_breaks_no_record_and_is_no_rival_there(bot: Court) -> None:
    await bot.breaks("ann", "bob")
    await bot.doubt()
    await bot.rises(1150, 1200, first=2)
    await bot.says(over(NOW + 4 * INTERVAL))
    await bot.tick(NOW + 4 * INTERVAL)
    await bot.says(Answer(at=NOW + HOUR))
    for n, figure in enumerate((1050, 1060)):
        await bot.says(live(NOW + 2 * HOUR + n * INTERVAL, figure, key="b"))
    await bot.tick(NOW + 3 * HOUR)
    assert bot.heard("ann") == [RECORD, WITHDRAWN, "New record for one: 1,060 viewers at once"]
    assert bot.heard("bob") == [RECORD]


async def test_taken_back_it_stands_again_and_what_was_told_without_it_falls(bot: Court) -> None:
    await bot.breaks()
    first = await bot.newest()
    await bot.doubt()
    await bot.tick(NOW + MINUTE)
    await bot.says(over(NOW + 2 * MINUTE))
    await bot.says(Answer(at=NOW + HOUR))
    for n, figure in enumerate((1050, 1060)):
        await bot.says(live(NOW + 2 * HOUR + n * INTERVAL, figure, key="b"))
    await bot.tick(NOW + 3 * HOUR)
    await bot.trust(session=first)
    await bot.tick(NOW + 4 * HOUR)
    assert bot.heard("ann") == [
        RECORD,
        WITHDRAWN,
        "New record for one: 1,060 viewers at once",
        f"→ {RECORD}",
        "→ Withdrawn: 1,060 viewers at once, no record of one",
    ]
    assert bot.lines(3)[-1] == "It was withdrawn for a time, and stands after all."
    assert bot.lines() == ["The record stands at its own 1,100 (22 November 2026)."]


async def test_whoever_was_called_gets_an_answer_that_calls_nobody(bot: Court) -> None:
    await bot.breaks("ann", "bob", mention="here")
    await bot.watch("bob", kinds=KINDS, mention=None)
    await bot.doubt(everywhere=True)
    await bot.tick(NOW + HOUR)
    assert bot.heard("ann") == bot.heard("bob")  # both were called by the record
    told_, edit, answer = (post for post in bot.chat.posts if post.target.chat == "ann")
    key = f"post-{told_.delivery}"
    assert (told_.mention, told_.answers) == ("here", None)
    assert (edit.mention, edit.replaces, edit.answers) == (None, key, None)
    assert (answer.mention, answer.replaces, answer.answers) == (None, None, key)
    assert plain_text(answer.message.title) == WITHDRAWN.removeprefix("→ ")


async def test_who_was_not_called_gets_no_answer_whoever_would_be_called_now(bot: Court) -> None:
    await bot.breaks()
    await bot.watch("ann", kinds=KINDS, mention="here")
    await bot.doubt()
    await bot.tick(NOW + HOUR)
    assert bot.heard("ann") == [RECORD, WITHDRAWN]


async def test_a_post_that_was_deleted_by_hand_is_neither_posted_anew_nor_answered(bot: Court) -> None:
    await bot.breaks(mention="here")
    await bot.doubt()
    bot.chat.fails("ann", MessageGone("it is gone"))
    await bot.tick(NOW + HOUR)
    await bot.tick(NOW + 2 * HOUR)
    assert bot.heard("ann") == [RECORD]


async def test_what_was_never_sent_needs_no_correction(bot: Court) -> None:
    await bot.watch("ann", kinds=KINDS)
    bot.chat.fails("ann", TryLater("wait", retry_after=HOUR))
    await bot.breaks()
    assert bot.heard("ann") == []
    await bot.doubt()
    bot.chat.pace.hold(0, "ann")
    for minutes in range(0, 121, 10):
        await bot.tick(NOW + minutes * MINUTE)
    assert bot.heard("ann") == []


async def test_what_is_being_sent_as_it_is_disputed_is_corrected_too(bot: Court) -> None:
    await bot.watch("ann", kinds=KINDS)
    gate = bot.chat.gates["ann"] = asyncio.Event()
    sending = asyncio.create_task(bot.breaks())
    async with asyncio.timeout(10):
        while not bot.chat.busy["ann"]:  # noqa: ASYNC110 - the fake sets no event
            await asyncio.sleep(0.01)
    await bot.doubt()
    gate.set()
    await sending
    await bot.tick(NOW + HOUR)
    assert bot.heard("ann") == [RECORD, WITHDRAWN]


@pytest.mark.parametrize("given_up", ["muted", "unsubscribed", "other kinds"])
async def test_a_post_is_mended_whatever_the_chat_has_chosen_since(bot: Court, given_up: str) -> None:
    await bot.breaks(mention="here")
    async with bot.database.write() as connection:
        chat = await chats.find(connection, platform="fake", key="ann")
        watch = await bot.watched()
        assert chat is not None
        if given_up == "muted":
            await chats.change_subscriptions(connection, chat_id=chat.id, watch_id=watch.id, muted_until=NOW + DAY)
        elif given_up == "unsubscribed":
            await chats.unsubscribe(connection, chat_id=chat.id, watch_id=watch.id, topic="")
    if given_up == "other kinds":
        await bot.watch("ann", kinds=["ended"])
    await bot.doubt()
    await bot.tick(NOW + HOUR)
    answers = 1 if given_up == "other kinds" else 0  # an answer would be a new post
    assert bot.heard("ann")[:2] == [RECORD, WITHDRAWN]
    assert len(bot.heard("ann")) == 2 + answers


async def test_restarts_and_a_crash_before_the_settling_repeat_no_post(bot: Court) -> None:
    await bot.breaks("ann", "bob", mention="here")
    await bot.doubt(everywhere=True)
    for hours in range(1, 4):
        bot.restart()
        await bot.deliver.begin()
        await bot.tick(NOW + hours * HOUR)
    for chat in ("ann", "bob"):
        assert bot.heard(chat) == [RECORD, WITHDRAWN, WITHDRAWN.removeprefix("→ ")]


async def test_an_entry_that_was_known_too_late_corrects_the_last_week(bot: Court) -> None:
    await bot.breaks("ann", "bob")
    bot.clock.now = NOW + 6 * DAY
    await bot.enter(1200)
    await bot.tick(NOW + 6 * DAY)
    # It is of another scope than what was told: the watch's own record it remains.
    assert bot.heard("ann") == [RECORD]


async def told_on_the_platform(bot: Court) -> None:
    """Let two chats be told of a record on the platform."""
    async with bot.database.write() as connection:
        other = await a_watch(connection, "other")
        await past(connection, other, "theirs", 1050, ended_at=NOW - DAY)
    await bot.breaks("ann", "bob")
    assert bot.heard("ann") == bot.heard("bob") == ["New record on X: 1,100 viewers at once"]


GONE = "→ Withdrawn: 1,100 viewers at once, no record on X"


@pytest.mark.parametrize("everywhere", [False, True])
async def test_an_entry_corrects_in_its_own_chat_and_everybodys_in_all(bot: Court, *, everywhere: bool) -> None:
    await told_on_the_platform(bot)
    bot.clock.now = NOW + 6 * DAY
    await bot.enter(1100, everywhere=everywhere, link="https://example.org/r", date="2025")
    await bot.tick(NOW + 6 * DAY)
    assert bot.heard("ann")[1:] == [GONE]
    assert bot.heard("bob")[1:] == ([GONE] if everywhere else [])
    ann = next(post for post in bot.chat.posts if post.replaces is not None and post.target.chat == "ann")
    assert [plain_text(line) for line in ann.message.lines] == [
        "The record stands at 1,100 by Book (2025).",
        "That figure is imported, not observed by us.",
        "It is a record of one all the same.",
    ]


@pytest.mark.parametrize(
    ("entry", "days"),
    [
        pytest.param({"value": 1099}, 1, id="lower"),
        pytest.param({"value": 2000, "date": "2026-11-25"}, 5, id="set later"),
        pytest.param({"value": 2000, "date": "2027"}, 5, id="set in a later year"),
        pytest.param({"value": 2000}, 8, id="told too long ago"),
    ],
)
async def test_an_entry_that_makes_nothing_false_corrects_nothing(
    bot: Court, entry: dict[str, Any], days: int
) -> None:
    await told_on_the_platform(bot)
    bot.clock.now = NOW + days * DAY
    await bot.enter(everywhere=True, **entry)
    await bot.tick(NOW + days * DAY)
    assert len(bot.heard("ann")) == len(bot.heard("bob")) == 1
    assert await bot.count("delivery") == 2


async def test_with_the_entry_removed_what_it_withdrew_stands_again_and_restored_it_does_not(bot: Court) -> None:
    await told_on_the_platform(bot)
    number = await bot.enter(2000, everywhere=True)
    await bot.tick(NOW + HOUR)
    operator = bot.asks(operator=True)
    await disputing.remove(bot.services, operator, number)
    await bot.tick(NOW + 2 * HOUR)
    await disputing.restore(bot.services, operator, number)
    await bot.tick(NOW + 3 * HOUR)
    record = "New record on X: 1,100 viewers at once"
    assert bot.heard("ann") == bot.heard("bob") == [record, GONE, f"→ {record}", GONE]


async def test_a_recap_is_written_anew_without_the_record(bot: Court) -> None:
    await bot.watch("ann", kinds=["record", "ended"])
    async with bot.database.write() as connection:
        watch = await watches.by_reference(connection, "fake", "one")
        assert watch is not None
        await past(connection, watch, "old", 1000, ended_at=NOW - DAY)
    await bot.rises(900, 1100)
    await bot.says(over(NOW + 2 * INTERVAL))
    await bot.says(Answer(at=NOW + HOUR))
    await bot.tick(NOW + HOUR)
    recap = bot.chat.posts[-1]
    assert any("Record of one" in line for line in bot.lines())
    await bot.doubt()
    await bot.tick(NOW + 2 * HOUR)
    edit = bot.chat.posts[-1]
    assert edit.replaces == f"post-{recap.delivery}"
    assert edit.message.title == recap.message.title
    assert not any("ecord of one: 1,100" in line for line in bot.lines())


def tuned_in(at: int, figure: float | None) -> Answer:
    return Answer(at=at, readings=(Reading(session="a", concurrent=50, tuned_in=figure),))


@pytest.mark.parametrize("restarts", [False, True])
async def test_a_total_that_the_source_takes_back_withdraws_its_record(bot: Court, *, restarts: bool) -> None:
    await bot.watch("ann", kinds=KINDS)
    async with bot.database.write() as connection:
        watch = await watches.by_reference(connection, "fake", "one")
        assert watch is not None
        await past(connection, watch, "old", 100, ended_at=NOW - DAY)  # 300 tuned in
    for n, figure in enumerate((200, 5000, 4000, 220, 230, None, 290, 4999, 5000, 6000)):
        if restarts:
            bot.restart()
        await bot.says(tuned_in(NOW + n * INTERVAL, figure))
        await bot.tick(NOW + n * INTERVAL)
    assert bot.heard("ann") == [
        "New record for one: 5,000 tuned in",
        "→ Withdrawn: 5,000 tuned in, no record of one",
        "→ New record for one: 5,000 tuned in",
    ]
    assert bot.lines(1) == [
        "The source has taken the figure back to 220.",
        "The record stands at its own 300 (21 November 2026).",
    ]


async def test_what_had_ended_before_it_was_known_withdraws_what_was_told_meanwhile(bot: Court) -> None:
    await bot.watch("ann", kinds=KINDS)
    async with bot.database.write() as connection:
        late = await a_watch(connection, "late")
    await told_on_the_platform(bot)
    # A source that keeps a history tells today of what was over before.
    before = NOW - 6 * HOUR
    answers = [live(before, 1500), live(before + INTERVAL, 1500), over(before + 2 * INTERVAL)]
    bot.clock.now = NOW + HOUR
    given = told(*answers, Answer(at=before + HOUR))
    await bot.ingest.take([(late, given)], bot.clock.now)
    await bot.tick(NOW + HOUR)
    assert bot.heard("ann")[1:] == [GONE]
    async with bot.database.read() as connection:
        kinds = [kind for (kind,) in await rows(connection, "alert", "kind")]
    assert kinds.count("correction") == 2


async def test_what_an_entry_makes_false_is_found_by_an_index(bot: Court) -> None:
    await told_on_the_platform(bot)
    plans = await bot.plans(bot.enter(50))
    if bot.database.url.startswith("sqlite"):
        (looked,) = (plan for plan in plans if "ix_alert_record" in plan)
        assert "SCAN" not in looked
