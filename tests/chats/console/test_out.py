"""What cannot be printed is an error that the port knows; what cannot be spelt is replaced."""

from __future__ import annotations

import asyncio
import io
import json
import os
from collections.abc import Callable
from typing import TextIO, cast

import pytest

from bot.chats.console import ConsoleChat, Figures, Unread
from bot.chats.console.out import Out
from bot.ports.chat import Listener, Post, SendError, Target, TryLater
from bot.ports.message import Message, Span

CHATS: list[Callable[[TextIO], ConsoleChat | Figures]] = [lambda out: ConsoleChat(out=out, lines=None), Figures]
TITLE = "Café خلا 🎧"
#: What terminals obey (ECMA-48, C1): U+009B begins a command as ESC [ does.
CONTROLS = "".join(map(chr, range(127, 160)))


def post(title: str) -> Post:
    return Post(
        delivery=7,
        target=Target(chat="console"),
        message=Message(title=(Span(title),)),
        stamp="22:00",
        replaces=None,
        facts={"title": title, "value": 2500},
    )


def paper(encoding: str, errors: str = "strict") -> tuple[io.BytesIO, TextIO]:
    printed = io.BytesIO()
    return printed, io.TextIOWrapper(printed, encoding=encoding, errors=errors)


@pytest.mark.parametrize("make", CHATS)
async def test_nobody_reading_is_an_error_of_the_port(make: Callable[[TextIO], ConsoleChat | Figures]) -> None:
    theirs, ours = os.pipe()
    os.close(theirs)
    out = os.fdopen(ours, "w", encoding="utf-8")
    chat = make(out)
    for _ in range(2):
        with pytest.raises(Unread, match="Standard output cannot be written: Broken pipe") as caught:
            await chat.send(post("Hello"))
        assert caught.value.retry_after > 0
    assert isinstance(chat.out.lost, Unread)
    with pytest.raises(BrokenPipeError):
        out.close()


@pytest.mark.parametrize("make", CHATS)
async def test_a_full_disk_is_an_error_of_the_port(make: Callable[[TextIO], ConsoleChat | Figures]) -> None:
    out = os.fdopen(os.open("/dev/full", os.O_WRONLY), "w", encoding="utf-8")
    chat = make(out)
    with pytest.raises(TryLater, match="No space left on device") as caught:
        await chat.send(post("Hello"))
    assert not isinstance(caught.value, Unread)
    with pytest.raises(OSError, match="No space"):
        out.close()


@pytest.mark.parametrize("make", CHATS)
async def test_a_closed_file_is_an_error_of_the_port(make: Callable[[TextIO], ConsoleChat | Figures]) -> None:
    out = io.StringIO()
    out.close()
    with pytest.raises(SendError, match="closed file"):
        await make(out).send(post("Hello"))


async def test_a_program_without_standard_output_knows_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout", None)  # as Python sets it for ``>&-``
    with pytest.raises(SendError, match="Standard output cannot be written: it is closed"):
        await ConsoleChat(lines=None).send(post("Hello"))


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [
        ("ascii", "Caf? ??? ?"),
        ("latin-1", "Café ??? ?"),
        ("cp1256", "Café خلا ?"),
        ("utf-8", TITLE),
    ],
)
@pytest.mark.parametrize("errors", ["strict", "surrogateescape"])
async def test_signs_that_a_terminal_does_not_have_are_replaced(encoding: str, errors: str, shown: str) -> None:
    printed, out = paper(encoding, errors)
    chat = ConsoleChat(out=out, lines=None)
    await chat.send(post(TITLE))
    await chat.send(post("next"))
    assert printed.getvalue().decode(encoding).splitlines() == [f"22:00  {shown}", "22:00  next"]
    assert chat.out.lost is None


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1256", "utf-8"])
@pytest.mark.parametrize("title", [TITLE, f"a{CONTROLS}b", f"{CONTROLS}🎧", '"\\\x00\x1b\n\u2028'])
async def test_figures_are_the_same_in_every_encoding_and_no_terminal_obeys_them(
    encoding: str, title: str
) -> None:
    printed, out = paper(encoding)
    await Figures(out).send(post(title))
    text = printed.getvalue().decode(encoding)
    assert json.loads(text) == {"title": title, "value": 2500}
    assert text.endswith("\n")
    assert not set(text[:-1]) & {*CONTROLS, *map(chr, range(32))}


async def test_half_a_character_is_printed_somehow() -> None:
    printed, out = paper("utf-8")
    Out(out).print("a\ud800b")
    assert printed.getvalue() == b"a?b"


async def test_a_line_whose_answer_cannot_be_printed_costs_no_other() -> None:
    closed, left = io.StringIO(), asyncio.Event()
    closed.close()
    chat = ConsoleChat(out=closed, lines=io.StringIO("/help\n/quit\n"), on_leave=left.set)
    await chat.start(cast("Listener", object()))  # nobody gets to be asked
    async with asyncio.timeout(10):
        await left.wait()
    await chat.close()
