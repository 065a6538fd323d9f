"""Every command with every text of the corpus, through the real dispatcher, shown by all three platforms."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import structlog
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.ports.command import Param, Request, Takes
from bot.ports.message import Message, discard, plain_text
from handlers import COMMANDS
from handlers.command import Command
from handlers.dispatch import LONGEST_TEXT
from tests.hostile.corpus import EFFORT, LARGE, NO_ADDRESSES, STRATEGY, TEXTS
from tests.hostile.looks import assert_harmless, assert_tells_nothing, bounded
from tests.hostile.party import NIGHT, PLATFORMS, Party, party

WATCHED = "Night Radio"
#: What else is watched: by names that are words of commands.
WORDS = ("and", "best", "peak")
#: In so many tests the commands are tried, to share the machine's processors.
TURNS = 4
#: Each text is tried on so large a part of the commands, in the short form.
SHARES = 5
#: As large as a request may be: here, what takes time by its square shows.
FULL = tuple(one[: LONGEST_TEXT - 100] for one in LARGE)
#: Words that commands know, between which hypothesis puts others.
SPOKEN = (
    "all", "platform", "chat", "peak", "average", "tuned_in", "tuned in", "week", "month", "2022-04-20",
    "today", "at", "mention", "@here", "<@&123456789012345678>", "here", "nobody", "kinds", "start",
    "+reminder", "1h", "-records", "milestones", "records", "recap", "card", "default", "off", "on", "none",
    "as", "vs", "and", "in", "add", "dispute", "remove", "restore", "log", "s1", "#1", "1", "2", "50k",
    "everywhere", "disputed", "at-least", "by", "csv", "json", "language", "timezone", "quiet", "words",
    "admins", "counting", "page", "public", "anyway", "dark", "23:00-07:00", "lakh", "ur", "Karachi",
    "everything", "best", "last", "https://a.invalid/", "icecast:http://127.0.0.1/x", WATCHED, "Both",
    f"replay:{NIGHT}",
)  # fmt: skip


@asynccontextmanager
async def a_party(folder: Path) -> AsyncIterator[Party]:
    """Give a chat on each platform that watches things, of which something is known."""
    async with party(folder) as made:
        address = made.recording(NIGHT, title="<b>*@everyone*</b>")
        for name in WORDS:
            made.recording(NIGHT.replace(".", f".{name}."), title=name)
        for platform in PLATFORMS:
            await made.set_up(f"/watch {address} as {WATCHED}", platform=platform)
            for name in WORDS:
                await made.set_up(f"/watch {address.replace('.', f'.{name}.')} as {name}", platform=platform)
        await made.play(16)
        yield made


def lines(command: Command, text: str) -> Iterator[str]:
    """Yield what is typed behind a command: the text alone, and in the place of each argument."""
    yield text
    known = [_known(param) for param in command.params]
    for place, param in enumerate(command.params):
        before = [*filter(None, known[:place]), *([param.lead] if param.lead else [])]
        yield " ".join([*before, text])


def shared(place: int) -> tuple[str, ...]:
    """Return the texts for one command of a turn: each text goes over many; in the long form, over all of them."""
    texts = (*TEXTS, *NO_ADDRESSES, *LARGE, *FULL)
    return texts if EFFORT > 1 else texts[place % SHARES :: SHARES]


def tried(command: Command, text: str, number: int) -> list[str]:
    """Return the text alone, and in the place of one argument; in the long form, of each."""
    alone, *placed = dict.fromkeys(lines(command, text))
    return [alone, *(placed if EFFORT > 1 else placed[number % len(placed) :][:1] if placed else [])]


def _known(param: Param) -> str:
    if param.takes is Takes.NAME:
        return WATCHED
    return param.choices[0] if param.choices else param.several[0] if param.several else ""


def assert_answer(message: Message, command: str, *typed: str) -> None:
    """Assert that an answer is one, and does no harm."""
    try:
        assert message.symbol != "⚠️", f"/{command} failed on {typed!r:.300}: {plain_text(message.title)}"
        assert_harmless(message)
        assert_tells_nothing(message, *typed)
    finally:
        discard(message)


@pytest.mark.parametrize("turn", range(TURNS))
async def test_no_text_breaks_a_command_or_out_of_its_answer(turn: int, tmp_path: Path) -> None:
    async with a_party(tmp_path) as made:
        for place, command in enumerate(COMMANDS[turn::TURNS]):
            for number, text in enumerate(shared(place)):
                for typed in tried(command, text, number):
                    who = {"platform": PLATFORMS[number % 3], "is_operator": number % 7 == 0}
                    with bounded(f"/{command.name} {typed}"):
                        answer = await made.give(command.name, typed, **who)
                        assert_answer(answer, command.name, typed)


def test_no_mixture_of_words_breaks_a_command(tmp_path: Path) -> None:
    words = st.lists(st.one_of(st.sampled_from(SPOKEN), st.sampled_from(SPOKEN), STRATEGY), max_size=7).map(
        " ".join
    )
    with asyncio.Runner() as runner:
        opened = a_party(tmp_path)
        made = runner.run(opened.__aenter__())

        @given(st.sampled_from(COMMANDS), words, st.sampled_from(PLATFORMS), st.booleans())
        @settings(max_examples=120 * EFFORT)
        def asked(command: Command, typed: str, platform: str, is_operator: bool) -> None:
            # What deletes is given where there is nothing: the others are to find something.
            chat = "-2" if command.name in {"forget", "unwatch"} else "-1"
            who = {"platform": platform, "is_operator": is_operator, "chat": chat}
            with structlog.testing.capture_logs() as logs, bounded(f"/{command.name} {typed}"):
                answer = runner.run(made.give(command.name, typed, **who))
                assert_answer(answer, command.name, typed)
            assert not [one for one in logs if one["log_level"] == "error"], logs

        try:
            asked()
        finally:
            runner.run(opened.__aexit__(None, None, None))


def test_whatever_is_typed_of_an_argument_suggestions_are_names(tmp_path: Path) -> None:
    params = [(command, param) for command in COMMANDS for param in command.params]
    with asyncio.Runner() as runner:
        opened = a_party(tmp_path)
        made = runner.run(opened.__aenter__())

        @given(st.sampled_from(params), st.one_of(STRATEGY, st.sampled_from(LARGE)))
        @settings(max_examples=100 * EFFORT)
        def asked(which: tuple[Command, Param], typed: str) -> None:
            command, param = which
            request = Request(platform="discord", chat="-1", user="5", command=command.name)
            with bounded(f"/{command.name} {param.name}:{typed}"):
                offered = runner.run(made.parts.dispatcher.suggest(request, param=param.name, typed=typed))
            known = {WATCHED, *WORDS, *param.choices, *param.also}
            assert all(one in known or set(one.split()) <= set(param.several) for one in offered), offered

        try:
            asked()
        finally:
            runner.run(opened.__aexit__(None, None, None))


async def test_an_unknown_command_of_any_name_is_answered(tmp_path: Path) -> None:
    async with party(tmp_path) as made:
        for text in (*TEXTS, *LARGE):
            with bounded(text):
                assert_answer(await made.give(text, text), "", text)


async def test_names_that_are_words_of_commands_cost_no_search(tmp_path: Path) -> None:
    async with a_party(tmp_path) as made:
        for command in ("compare", "tie", "top", "records", "stats"):
            for typed in (f"{word} " * times + "x" for word in WORDS for times in (40, 1_000)):
                with bounded(f"/{command} {typed}"):
                    assert_answer(await made.give(command, typed, is_admin=command == "tie"), command, typed)
