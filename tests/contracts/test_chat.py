"""What every chat keeps to. Telegram and Discord have suites of their own, against their servers."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pytest

from bot.chats.console import ConsoleChat, Figures
from bot.ports.chat import Chat, Listener, Post, Target
from bot.ports.command import Declaration, Request
from bot.ports.message import Field, Message, Span, Style, says

HOSTILE = [
    "\x1b[31mred\x1b[0m",
    "[bold]x[/bold]",
    "<b>x</b>",
    "a\nb\rc",
    "\x07\x9b1m",
    "{0} %s",
    "@everyone",
    "x" * 10_000,
]


@dataclass
class Echo:
    """A listener that answers what it hears."""

    heard: list[Request]

    @property
    def commands(self) -> Sequence[Declaration]:
        return ()

    async def answer(self, request: Request) -> Message:
        self.heard.append(request)
        return says(f"{request.command}: {request.text}")

    async def suggest(self, request: Request, *, param: str, typed: str) -> list[str]:
        return []

    async def let_in(self, *, platform: str, chat: str, title: str | None) -> None: ...

    async def put_out(self, *, platform: str, chat: str, why: str) -> None: ...

    async def moved(self, *, platform: str, old: str, new: str) -> None: ...


CHATS: list[Callable[[io.StringIO], Chat]] = [lambda out: ConsoleChat(out=out, lines=None), Figures]


def post(message: Message) -> Post:
    return Post(
        delivery=7,
        target=Target(chat="console"),
        message=message,
        stamp="22:00",
        replaces=None,
        facts={"kind": "started", "title": "".join(span.text for span in message.title)},
    )


@pytest.fixture(params=CHATS)
def out_and_chat(request: pytest.FixtureRequest) -> tuple[io.StringIO, Chat]:
    out = io.StringIO()
    return out, request.param(out)


async def test_it_starts_sends_checks_and_stops_and_may_stop_twice(out_and_chat: tuple[io.StringIO, Chat]) -> None:
    out, chat = out_and_chat
    listener: Listener = Echo([])
    assert chat.platform
    assert not chat.is_group("console")
    await chat.start(listener)
    await chat.send(post(says("Hello")))
    assert "Hello" in out.getvalue()
    assert await chat.check() is None
    await chat.stop()
    await chat.stop()


@pytest.mark.parametrize("hostile", HOSTILE)
async def test_text_from_outside_is_plain_text(out_and_chat: tuple[io.StringIO, Chat], hostile: str) -> None:
    out, chat = out_and_chat
    span = Span(hostile, Style.BOLD, url=f"https://example.org/{hostile}")
    await chat.send(
        post(Message(title=(span,), lines=((span,),), fields=(Field(hostile, (span,)),), footer=(span,)))
    )
    printed = out.getvalue()
    assert "\x1b" not in printed
    assert "\x07" not in printed
    assert "\r" not in printed
    if isinstance(chat, Figures):
        (line,) = printed.splitlines()
        assert json.loads(line)["title"] == hostile


@pytest.mark.parametrize(
    "text",
    [
        "[bold]x[/bold] [link=https://example.org]y[/link]",
        "<b>x</b> &amp; <script>",
        "*x* _y_ `z` ~~w~~ ||v||",
        ":warning: :smile:",
        "@everyone @here <@1> #1",
        "{0} %s \\n \\x1b[31m",
        "日本語 اردو 한국어 🎧👩\u200d🚀",
    ],
)
async def test_what_is_sent_arrives_letter_by_letter(out_and_chat: tuple[io.StringIO, Chat], text: str) -> None:
    out, chat = out_and_chat
    span = Span(text)
    await chat.send(post(Message(title=(span,), lines=((span,),), fields=(Field(text, (span,)),), footer=(span,))))
    printed = out.getvalue()
    if isinstance(chat, Figures):
        assert json.loads(printed)["title"] == text
    else:
        assert printed.count(text) == 5  # title, line, label, value, footer


async def test_no_sign_that_a_terminal_would_obey_reaches_it(out_and_chat: tuple[io.StringIO, Chat]) -> None:
    out, chat = out_and_chat
    controls = "".join(map(chr, (*range(32), *range(127, 160))))
    span = Span(f"before{controls}after", url=f"https://example.org/{controls}")
    await chat.send(
        post(Message(title=(span,), lines=((span,),), fields=(Field(span.text, (span,)),), footer=(span,)))
    )
    if not isinstance(chat, Figures):  # which is for programs; JSON hides them there
        assert set(out.getvalue()) & set(controls) == {"\n"}
        assert len(out.getvalue().splitlines()) == 4


async def test_posts_that_are_sent_at_once_arrive_whole_and_in_order(
    out_and_chat: tuple[io.StringIO, Chat],
) -> None:
    out, chat = out_and_chat
    posts = [post(Message(title=(Span(f"title {n}"),), lines=((Span(f"line {n}"),),))) for n in range(20)]
    await asyncio.gather(*(chat.send(one) for one in posts))
    if isinstance(chat, Figures):
        assert [json.loads(line)["title"] for line in out.getvalue().splitlines()] == [
            f"title {n}" for n in range(20)
        ]
    else:
        words = [line.strip().removeprefix("22:00").strip() for line in out.getvalue().splitlines()]
        assert words == [word for n in range(20) for word in (f"title {n}", f"line {n}")]


async def test_the_console_hears_lines_with_and_without_a_slash() -> None:
    out = io.StringIO()
    echo = Echo([])
    chat = ConsoleChat(out=out, lines=io.StringIO("/stats Night Radio\n\nhelp\n"))
    await chat.start(echo)
    assert chat._task is not None
    await chat._task
    assert [(one.command, one.text) for one in echo.heard] == [("stats", "Night Radio"), ("help", "")]
    assert all(one.is_admin and one.is_operator for one in echo.heard)
    assert "stats: Night Radio" in out.getvalue()


async def test_leaving_the_console_is_told() -> None:
    left = []
    chat = ConsoleChat(out=io.StringIO(), lines=io.StringIO("/quit\n/stats\n"), on_leave=lambda: left.append(True))
    echo = Echo([])
    await chat.start(echo)
    assert chat._task is not None
    await chat._task
    assert (left, echo.heard) == ([True], [])
