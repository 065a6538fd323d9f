"""Every source over real HTTP, told lies: nothing hangs, reaches inward, breaks what is stored or does harm."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
import structlog

from bot.chats.console.render import render
from bot.domain import LARGEST_FIGURE, SECOND
from bot.domain.reading import Answer, Failure
from bot.ports.message import discard
from bot.ports.source import Ask, SourceError
from bot.sources import SOURCES
from bot.sources.stage import Stage
from tests.hostile.corpus import EFFORT
from tests.hostile.liars import NOW, Liars, liars
from tests.hostile.looks import INSIDES, assert_harmless, bounded
from tests.hostile.party import PLATFORMS, Party, party
from tests.servers import postgres

#: How long what a source says may be, in a sentence of one line.
MOST_SAID = 700
#: Of SQLite and PostgreSQL.
LARGEST_WHOLE = 2**63 - 1
#: Faults of our own, whatever others answer.
FAULTS = {
    "a source failed in a way it should not",
    "a question to a source broke off",
    "an alert could not be written",
    "a delivery failed and will be tried again",
    "delivering failed and will be tried again",
    "a command failed",
}
#: Not asked over HTTP: recordings are files of who runs the bot, stages are seen by the Discord chat.
ELSEWHERE = {"replay", "stage"}


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> Iterator[str | None]:
    if request.param == "sqlite":
        yield None
        return
    if postgres.server() is None:
        pytest.skip(postgres.INSTALL)
    with postgres.a_database() as address:
        yield address


async def test_liars_never_make_a_source_fail_hang_or_reach_inward(tmp_path: Path, database: str | None) -> None:
    async with liars() as lying, party(tmp_path, address=database, now=NOW, settings=lying.settings) as made:
        assert set(lying.addresses) | ELSEWHERE >= set(SOURCES), "a new source needs a platform in liars.py"
        for address in lying.addresses.values():
            await made.set_up(f"/watch {address}")
        with structlog.testing.capture_logs() as logs:
            for number in range(5 * EFFORT):
                lying.chance = Random(number) if number % 4 else None
                with bounded(f"the lies of {number}", 20):
                    await told(made, lying)
                    await polled(made)
                wrong = [one for one in logs if one["event"] in FAULTS]
                assert not wrong, (number, wrong[0])
                logs.clear()
        assert lying.told > 30
        assert not lying.inside.requests


async def told(made: Party, lying: Liars) -> None:
    """Ask each source itself, as a new watch and as one that is known."""
    for platform, address in lying.addresses.items():
        source = made.parts.sources[platform]
        reference = address.partition(":")[2]
        async with asyncio.timeout(30):
            try:
                described = await source.describe(reference, made.clock.now)
            except SourceError as error:
                assert_said(str(error))
            else:
                assert_said(described.note, described.unit)
                assert described.reference
            ask = Ask(reference=reference, known=("a", "b"), started=NOW)
            try:
                (answers,) = await source.read([ask], made.clock.now)
            except SourceError as error:
                assert_said(str(error))
                continue
        for answer in answers.answers:
            assert_sane(answer)


def assert_sane(answer: Answer | Failure) -> None:
    """Assert that an answer holds nothing that cannot be counted, stored and told."""
    if isinstance(answer, Failure):
        assert_said(answer.detail)
        return
    for one in answer.readings:
        figures = (one.concurrent, one.tuned_in, one.views, one.posts, one.source_peak)
        for figure in figures:
            assert figure is None or (math.isfinite(figure) and 0 <= figure <= LARGEST_FIGURE), one
        assert one.started_at is None or 0 <= one.started_at <= LARGEST_WHOLE, one
        assert one.session
        assert len(one.session) <= 1_000
        assert one.url is None or one.url.startswith(("http://", "https://")), one.url
        assert one.title is None or len(one.title) <= 1_000, len(one.title)
        assert len(one.hosts) <= 100
        assert_said(one.reason)


def assert_said(*said: str | None) -> None:
    for one in said:
        text = str(one or "")
        assert len(text) <= MOST_SAID, text
        assert "\n" not in text
        assert not INSIDES.search(text), text


async def polled(made: Party) -> None:
    """Let the pipeline ask, store and tell; then let people ask."""
    for _ in range(2):
        made.clock.now += 20 * 60 * SECOND
        await made.parts.poll.tick(made.clock.now)
        await made.parts.deliver.tick(made.clock.now)
    for platform in PLATFORMS:
        for post in made.heard[platform].posts:
            assert_harmless(post.message)
        made.heard[platform].posts.clear()
    for line in ("/live", "/watches", "/records", "/status", "/deliveries"):
        answer = await made.ask(line, is_operator=True)
        discard(answer)
        assert_harmless(answer)
        assert answer.symbol != "⚠️", render(answer).plain


def test_stages_are_told_of_by_the_chat_itself() -> None:
    assert SOURCES["stage"] is not None
    assert Stage.platform == "stage"
