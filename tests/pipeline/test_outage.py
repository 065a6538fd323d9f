"""Figures that are missing: told to each chat after its own patience, and corrected when they are back."""

from __future__ import annotations

import asyncio

import pytest
import sqlalchemy as sa

from bot.domain import HOUR, MINUTE
from bot.domain.reading import Answer, Trouble
from bot.pipeline import outage as stage_module
from bot.pipeline.outage import ASKED_ANEW, Outage
from bot.ports.chat import TryLater
from bot.ports.message import plain_text
from storage.database import Database
from storage.tables import watch as watch_table
from tests.fakes.clockwork import NOW, Clockwork, announced
from tests.fakes.rows import INTERVAL, a_session, a_watch, rows
from tests.fakes.source import live

#: The source fails a minute after it was last read.
SINCE = NOW + MINUTE
PATIENCE = 15 * MINUTE
BACK = SINCE + 38 * MINUTE
KINDS = ["outage"]
TOLD = "No figures of one since 15:16 UTC"
CORRECTED = "→ Figures of one are back since 15:54 UTC; 38 min are unknown."


@pytest.fixture(name="bot")
async def _bot(database: Database) -> Clockwork:
    return Clockwork(database)


async def fail(bot: Clockwork, *, until: int, first: int = SINCE) -> None:
    """Let the source fail once an interval, and all stages look at the clock meanwhile."""
    for at in range(first, until + 1, INTERVAL):
        await bot.fails(at)
        await bot.tick(at)


async def test_it_is_told_once_when_the_patience_is_over_and_corrected_when_figures_are_back(
    bot: Clockwork,
) -> None:
    await bot.watch("ann", kinds=KINDS)
    await bot.says(live(NOW, 100))
    await fail(bot, until=SINCE + PATIENCE - INTERVAL)
    assert bot.heard("ann") == []
    await fail(bot, until=BACK - INTERVAL, first=SINCE + PATIENCE)
    assert bot.heard("ann") == [TOLD]
    (post,) = bot.chat.posts
    assert [plain_text(line) for line in post.message.lines] == [
        "No answer.",
        "The session is taken as going on; what is missing counts as unknown.",
    ]
    await bot.says(live(BACK, 100))
    for later in range(0, 3 * MINUTE, INTERVAL):
        await bot.tick(BACK + later)
    assert bot.heard("ann") == [TOLD, CORRECTED]
    assert bot.chat.posts[1].replaces == f"post-{post.delivery}"


async def test_each_chat_is_told_after_its_own_patience_of_one_alert(bot: Clockwork) -> None:
    await bot.watch("ann", kinds=KINDS, patience=5 * MINUTE)
    await bot.watch("bob", kinds=KINDS)
    await bot.watch("cleo", kinds=KINDS, patience=HOUR)
    await bot.watch("dan", kinds=KINDS, patience=0)
    await bot.watch("eve", kinds=["record", "ended"])
    await bot.says(live(NOW, 100))
    heard = []
    for minutes in (4, 5, 15, 60, 600):
        await bot.fails(SINCE + minutes * MINUTE if minutes > 4 else SINCE)
        await bot.tick(SINCE + minutes * MINUTE)
        heard.append([len(bot.heard(chat)) for chat in ("ann", "bob", "cleo", "dan", "eve")])
    assert heard == [[0, 0, 0, 0, 0], [1, 0, 0, 0, 0], [1, 1, 0, 0, 0], [1, 1, 1, 0, 0], [1, 1, 1, 0, 0]]
    assert await bot.count("alert") == 2  # the start of the session, and the outage


async def test_only_who_was_told_hears_that_figures_are_back_and_of_a_short_outage_nobody(bot: Clockwork) -> None:
    await bot.watch("ann", kinds=KINDS, patience=5 * MINUTE)
    await bot.watch("bob", kinds=KINDS)
    await bot.says(live(NOW, 100))
    await fail(bot, until=SINCE + 10 * MINUTE)
    await bot.says(live(SINCE + 11 * MINUTE, 100))
    await bot.tick(SINCE + 2 * HOUR)
    assert len(bot.heard("ann")) == 2
    assert bot.heard("bob") == []


@pytest.mark.parametrize(
    "before",
    [
        pytest.param([], id="nothing was ever live"),
        pytest.param([announced(NOW, NOW + HOUR)], id="announced"),
        pytest.param([live(NOW - MINUTE, 5), Answer(at=NOW)], id="gone, within its grace"),
        pytest.param([live(NOW - HOUR, 5), Answer(at=NOW - HOUR + 1), Answer(at=NOW)], id="ended"),
    ],
)
async def test_while_nobody_is_live_it_is_not_told(bot: Clockwork, before: list[Answer]) -> None:
    await bot.watch("ann", kinds=KINDS)
    for answer in before:
        await bot.says(answer)
    await fail(bot, until=SINCE + 20 * MINUTE)
    assert await bot.count("delivery") == 0


async def test_that_an_account_is_gone_is_not_told_a_second_way(bot: Clockwork) -> None:
    await bot.watch("ann", kinds=KINDS)
    await bot.says(live(NOW, 100))
    await bot.fails(SINCE, "It is not there.", Trouble.GONE)
    await bot.tick(SINCE)
    await bot.tick(SINCE + HOUR)
    assert bot.chat.posts == []


async def test_what_is_on_nobodys_list_is_not_looked_at(bot: Clockwork) -> None:
    await bot.watch("ann", kinds=KINDS)
    await bot.says(live(NOW, 100))
    await bot.fails(SINCE)
    async with bot.database.write() as connection:
        await connection.execute(sa.update(watch_table).values(due_at=None))
    await bot.tick(SINCE + HOUR)
    await bot.tick(SINCE + 2 * HOUR)
    assert bot.chat.posts == []


async def test_what_could_not_be_sent_while_it_lasted_is_not_sent_and_not_corrected(bot: Clockwork) -> None:
    await bot.watch("ann", "bob", kinds=KINDS)
    await bot.says(live(NOW, 100))
    bot.chat.fails("ann", TryLater("wait", retry_after=HOUR))
    await fail(bot, until=BACK - INTERVAL)
    await bot.says(live(BACK, 100))
    bot.chat.pace.hold(0, "ann")
    for minutes in range(0, 121, 10):
        await bot.tick(BACK + minutes * MINUTE)
    assert bot.heard("ann") == []
    assert bot.heard("bob") == [TOLD, CORRECTED]


async def test_what_arrives_as_it_ends_is_corrected_too(bot: Clockwork) -> None:
    await bot.watch("ann", kinds=KINDS)
    await bot.says(live(NOW, 100))
    await fail(bot, until=BACK - 2 * INTERVAL - 20 * MINUTE)
    assert bot.heard("ann") == [TOLD]
    await bot.watch("bob", kinds=KINDS)
    gate = bot.chat.gates["bob"] = asyncio.Event()
    sending = asyncio.create_task(bot.tick(BACK - INTERVAL))
    async with asyncio.timeout(10):
        while not bot.chat.busy["bob"]:  # noqa: ASYNC110 - the fake sets no event
            await asyncio.sleep(0.01)
    await bot.says(live(BACK, 100))
    await bot.outage.tick(BACK)
    gate.set()
    await sending
    assert bot.heard("bob") == [TOLD]
    await bot.tick(BACK + MINUTE)
    assert bot.heard("ann") == bot.heard("bob") == [TOLD, CORRECTED]


async def test_a_second_outage_has_a_post_of_its_own_and_each_correction_finds_its_own(bot: Clockwork) -> None:
    await bot.watch("ann", kinds=KINDS)
    await bot.says(live(NOW, 100))
    await fail(bot, until=SINCE + PATIENCE)
    await bot.says(live(SINCE + 20 * MINUTE, 100))  # nobody looks at the clock before it fails again
    await fail(bot, until=SINCE + HOUR, first=SINCE + 25 * MINUTE)
    await bot.says(live(SINCE + 2 * HOUR, 100))
    await bot.tick(SINCE + 2 * HOUR)
    assert bot.heard("ann") == [
        TOLD,
        "→ Figures of one are back since 15:36 UTC; 20 min are unknown.",
        "No figures of one since 15:41 UTC",
        "→ Figures of one are back since 17:16 UTC; 1 h 35 min are unknown.",
    ]
    first, second = (post for post in bot.chat.posts if post.replaces is None)
    corrected = [post.replaces for post in bot.chat.posts if post.replaces is not None]
    assert corrected == [f"post-{first.delivery}", f"post-{second.delivery}"]


async def test_a_session_that_was_over_when_the_source_answered_is_not_called_back(bot: Clockwork) -> None:
    await bot.watch("ann", kinds=KINDS)
    await bot.says(live(NOW, 100))
    await fail(bot, until=BACK - INTERVAL)
    await bot.says(Answer(at=BACK))
    await bot.tick(BACK)
    assert bot.heard("ann") == [TOLD, "→ one could be read again at 15:54 UTC; 38 min are unknown."]


async def test_after_a_start_a_source_is_asked_anew_before_it_is_told_of(bot: Clockwork) -> None:
    await bot.watch("ann", kinds=KINDS)
    await bot.says(live(NOW, 100))
    await bot.fails(SINCE)
    bot.restart()
    late = SINCE + 3 * HOUR
    await bot.tick(late)
    assert bot.heard("ann") == []
    await bot.fails(late + 1)
    await bot.tick(late + 1)
    assert bot.heard("ann") == [TOLD]


async def test_a_source_that_wants_to_be_left_alone_is_told_of_although_it_is_not_asked(bot: Clockwork) -> None:
    await bot.watch("ann", kinds=KINDS)
    await bot.says(live(NOW, 100))
    await bot.fails(SINCE, "", Trouble.RATE_LIMITED)
    bot.restart()
    await bot.tick(SINCE + PATIENCE - 1)
    await bot.tick(SINCE + PATIENCE + ASKED_ANEW)
    assert bot.heard("ann") == [TOLD]
    assert plain_text(bot.chat.posts[0].message.lines[0]) == "The source wants to be asked less often."


async def test_restarts_repeat_nothing(bot: Clockwork) -> None:
    await bot.watch("ann", kinds=KINDS)
    await bot.says(live(NOW, 100))
    for minutes in range(0, 30, 5):
        bot.restart()
        await fail(bot, until=SINCE + minutes * MINUTE, first=SINCE + minutes * MINUTE)
    for _ in range(3):
        bot.restart()
        await bot.says(live(BACK, 100))
        await bot.tick(BACK)
    assert bot.heard("ann") == [TOLD, CORRECTED]


async def test_two_that_look_at_the_same_time_make_one_alert(bot: Clockwork) -> None:
    await bot.watch("ann", "bob", kinds=KINDS)
    await bot.says(live(NOW, 100))
    await bot.fails(SINCE)
    stages = [Outage(bot.database, bot.owed) for _ in range(8)]
    for at in (SINCE, SINCE + HOUR):
        await asyncio.gather(*(stage.tick(at) for stage in stages))
    async with bot.database.read() as connection:
        keys = [key for (key,) in await rows(connection, "alert", "key")]
    assert keys == ["started", f"outage@{SINCE}"]
    assert await bot.count("delivery") == 2


async def test_nobody_is_called_for_it(bot: Clockwork) -> None:
    await bot.watch("ann", kinds=["outage", "reminder"], mention="here")
    await bot.says(live(NOW, 100))
    await fail(bot, until=SINCE + PATIENCE)
    due = SINCE + HOUR
    await bot.says(live(due - 40 * MINUTE, 100))
    await bot.says(
        Answer(
            at=due - 15 * MINUTE,
            readings=(*live(0, 100).readings, *announced(0, due).readings),
        )
    )
    await bot.tick(due - 15 * MINUTE)
    assert [(post.mention, post.replaces is None) for post in bot.chat.posts] == [
        (None, True),
        ("here", True),
        (None, False),
    ]


async def test_while_all_is_well_a_tick_is_two_looks_at_indexes(bot: Clockwork) -> None:
    async with bot.database.write() as connection:
        for n in range(50):
            await a_session(connection, await a_watch(connection, str(n)))
    lasting, over = await bot.plans(bot.outage.tick(NOW))
    if bot.database.url.startswith("sqlite"):
        assert "ix_watch_trouble_since" in lasting
        assert "ix_alert_outage" in over
        assert "SCAN" not in lasting + over


async def test_more_than_one_transaction_shall_hold_is_owed_in_several(
    bot: Clockwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage_module, "AT_ONCE", 2)
    chats = [f"chat {n}" for n in range(5)]
    await bot.watch(*chats, kinds=KINDS)
    await bot.says(live(NOW, 100))
    await fail(bot, until=BACK - INTERVAL)
    await bot.says(live(BACK, 100))
    await bot.tick(BACK)
    assert [bot.heard(chat) for chat in chats] == [[TOLD, CORRECTED]] * 5
