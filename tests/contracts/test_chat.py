"""What every chat keeps to: the console, Telegram and Discord, on their real adapters and our servers.

What is particular to one platform is in ``tests/chats``. A platform is asked for nothing that it does not have.
"""

from __future__ import annotations

import asyncio
import io
import json
import re
import traceback
import unicodedata
import zlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.chats.console import ConsoleChat, Figures
from bot.domain import SECOND
from bot.ports.chat import (
    Chat,
    ChatGone,
    ChatMoved,
    MessageGone,
    NotPermitted,
    Partly,
    Post,
    SendError,
    Target,
    TopicGone,
    TryLater,
    Unsure,
    lane,
)
from bot.ports.message import Button, Field, File, Message, Picture, Span, Style, says
from tests.contracts.chats import SECRET, STANDS, WAIT, Heard, Stand, knowing, until
from tests.servers.pages import free_port

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


# --- the console, for people and for programs

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
    assert chat.platform
    assert not chat.is_group("console")
    await chat.start(Heard())
    await chat.send(post(says("Hello")))
    assert "Hello" in out.getvalue()
    assert await chat.check() is None
    await chat.stop()
    await chat.stop()
    await chat.close()
    await chat.close()


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
    heard = Heard()
    chat = ConsoleChat(out=out, lines=io.StringIO("/stats Night Radio\n\nhelp\n"))
    await chat.start(heard)
    assert chat._task is not None
    await chat._task
    assert [(one.command, one.text) for one in heard.requests] == [("stats", "Night Radio"), ("help", "")]
    assert all(one.is_admin and one.is_operator for one in heard.requests)
    assert "stats was asked: Night Radio." in out.getvalue()


async def test_leaving_the_console_is_told() -> None:
    left = []
    chat = ConsoleChat(out=io.StringIO(), lines=io.StringIO("/quit\n/stats\n"), on_leave=lambda: left.append(True))
    heard = Heard()
    await chat.start(heard)
    assert chat._task is not None
    await chat._task
    assert (left, heard.requests) == ([True], [])


# --- every chat


@pytest.fixture
async def stand(request: pytest.FixtureRequest) -> AsyncIterator[Stand]:
    async with request.param.open() as stand:
        yield stand


def on(stands: Sequence[type[Stand]]) -> pytest.MarkDecorator:
    """Run a test on each of these."""
    return pytest.mark.parametrize("stand", stands, indirect=True, ids=lambda one: one.name)


def is_sentence(said: str) -> bool:
    """Tell whether something can be shown to an admin as it is."""
    plain = "\n" not in said and "Traceback" not in said and SECRET not in said
    return plain and len(said.split()) >= 3 and len(said) <= 300


@on(STANDS)
async def test_a_post_arrives_once_whole_and_in_its_place(stand: Stand) -> None:
    place, other = stand.place(), stand.place()
    message = Message(
        symbol="🏆",
        title=(Span("Ada & Bob "), Span("500", Style.BOLD)),
        lines=((Span("On the air "), Span("x:1", Style.CODE)), (Span("faint", Style.FAINT),)),
        fields=(Field("Peak", (Span("1,908 at once"),)), Field("Average", (Span("165,000"),))),
        footer=(Span("Read every 30 s."),),
    )
    await stand.chat.send(stand.post(place, message))
    (seen,) = stand.seen(place)
    told = [
        *("🏆 Ada & Bob 500", "On the air x:1", "faint", "Peak", "1,908 at once", "Average", "165,000"),
        "Read every 30 s.",
    ]
    places = [seen.text.find(one) for one in told]
    assert -1 not in places, seen.text
    assert places == sorted(places)
    assert (seen.links, seen.buttons, seen.silent, seen.pings) == ((), (), False, ())
    if other != place:
        assert not stand.seen(other)


@on(STANDS)
async def test_posts_sent_at_once_all_arrive(stand: Stand) -> None:
    place = stand.place()
    await asyncio.gather(*(stand.chat.send(stand.post(place, says(f"number {n}."))) for n in range(5)))
    assert sorted(one.text for one in stand.seen(place)) == [f"number {n}." for n in range(5)]


@on(knowing("edits"))
async def test_the_key_that_came_back_edits_the_post(stand: Stand) -> None:
    place = stand.place()
    key = await stand.chat.send(stand.post(place))
    assert key is not None
    for text in ("It was 90", "It was 90", "It was 80"):  # the same again is well
        assert await stand.chat.send(stand.post(place, says(text), replaces=key)) == key
        (seen,) = stand.seen(place)
        assert (seen.key, seen.text) == (key, text)


@on(knowing("edits"))
async def test_a_post_that_answers_another_is_a_reply_also_where_that_is_gone(stand: Stand) -> None:
    place = stand.place()
    key = await stand.chat.send(stand.post(place))
    assert key is not None
    await stand.chat.send(stand.post(place, says("It was 90"), answers=key))
    assert [one.answers for one in stand.seen(place)] == [None, key]
    await stand.lose(place, key)
    await stand.chat.send(stand.post(place, recap(picture=chart()), answers=key))
    assert [one.answers for one in stand.seen(place)][-1] is None
    assert stand.seen(place)[-1].files


@on(knowing("silence"))
async def test_silent_posts_make_no_sound(stand: Stand) -> None:
    place = stand.place()
    for silent in (True, False):
        await stand.chat.send(stand.post(place, silent=silent))
    assert [one.silent for one in stand.seen(place)] == [True, False]


@on(knowing("mentions"))
async def test_a_mention_calls_exactly_whom_it_names_and_an_edit_nobody(stand: Stand) -> None:
    place = stand.place()
    role = stand.role(place)
    key = await stand.chat.send(stand.post(place, mention=role))
    await stand.chat.send(stand.post(place, mention="here"))
    await stand.chat.send(stand.post(place, mention="here", silent=True))
    await stand.chat.send(stand.post(place))
    await stand.chat.send(stand.post(place, says("It was 90"), replaces=key, mention="here"))
    pings = [one.pings for one in stand.seen(place)]
    assert pings == [(role,), ("everyone",), ("everyone",), ()]


@on([one for one in STANDS if "mentions" not in one.knows])
async def test_where_nobody_can_be_called_a_mention_is_nothing(stand: Stand) -> None:
    place = stand.place()
    await stand.chat.send(stand.post(place, mention="here"))
    (seen,) = stand.seen(place)
    assert (seen.pings, seen.text) == ((), "Night Radio reached 100")


@on(knowing("links"))
async def test_links_are_only_where_the_message_has_them_and_lead_where_it_says(stand: Stand) -> None:
    place = stand.place()
    good = "https://example.org/a?b=1&c=(d)_e"
    bad = [
        "javascript:alert(1)",
        "tg://user?id=1",
        "https://",
        "http:///x",
        "https://[",
        "",
        "not a link",
        "//x.org",
    ]
    line = (Span("good", url=good), *(Span(f" bad{n}", url=one) for n, one in enumerate(bad)))
    await stand.chat.send(stand.post(place, Message(title=(Span("Links"),), lines=(line,))))
    for one in bad:
        await stand.chat.send(stand.post(place, Message(title=(Span("bad", url=one),), lines=((Span("x"),),))))
    first, *others = stand.seen(place)
    assert [one.replace("%28", "(").replace("%29", ")") for one in first.links] == [good]
    assert first.text.endswith("good" + "".join(f" bad{n}" for n in range(len(bad))))
    assert len(others) == len(bad)
    assert not any(one.links for one in others)


@on(knowing("buttons"))
async def test_buttons_are_there_only_if_they_lead_somewhere(stand: Stand) -> None:
    place = stand.place()
    buttons = (
        Button("Open", url="https://example.org/1"),
        Button("Stats", command="/stats Night Radio"),
        Button("Bare", command="stats"),
        Button("No such command", command="/nothing x"),
        Button("No command", command="/"),
        Button("No link", url="javascript:x"),
        Button("No host", url="https://"),
        Button("Nowhere"),
        Button("", command="/start"),
        Button("\u202e\u200b", command="/start"),
    )
    await stand.chat.send(stand.post(place, Message(title=(Span("Choose"),), buttons=buttons)))
    await stand.ask("start", at=place)
    seen = stand.seen(place)[0]
    assert [(label, what.removeprefix("/")) for label, what in seen.buttons] == [
        ("Open", "https://example.org/1"),
        ("Stats", "stats Night Radio"),
        ("Bare", "stats"),
    ]


# --- pictures and files


def chart(size: int = 0, *, shade: int = 0) -> Picture:
    """Make a picture of at least so many bytes: a small true PNG, and what a reader leaves out."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    head = (64).to_bytes(4, "big") + (48).to_bytes(4, "big") + bytes((8, 0, 0, 0, 0))
    pixels = zlib.compress((b"\0" + bytes([shade]) * 64) * 48)
    parts = (b"\x89PNG\r\n\x1a\n", chunk(b"IHDR", head), chunk(b"IDAT", pixels), chunk(b"tEXt", bytes(size)))
    return Picture(png=b"".join((*parts, chunk(b"IEND", b""))), alt="Night Radio: at once, over the hour")


def file_in(folder: Path, content: bytes = b"at,at once\r\n1,2\r\n") -> File:
    path = folder / "made.tmp"
    path.write_bytes(content)
    return File(path=path, name="night radio.csv")


def recap(*, lines: int = 0, **more: Any) -> Message:
    told = tuple((Span(f"Rung {n:,} reached at 22:{n % 60:02}"),) for n in range(lines))
    return Message(symbol="🏁", title=(Span("Night Radio ended"),), lines=told, **more)


def seen_files(stand: Stand, *pieces: tuple[str, bytes]) -> tuple[tuple[str, bytes], ...]:
    """Return what is to be seen of files, where pictures say what they show or not."""
    return tuple((name if "alt" in stand.knows or "." in name else "", data) for name, data in pieces)


@on(STANDS)
@pytest.mark.parametrize("lines", [0, 90], ids=["short", "long"])
async def test_a_post_s_picture_is_shown_with_all_of_its_text(stand: Stand, lines: int) -> None:
    place, picture = stand.place(), chart()
    message = recap(lines=lines, picture=picture)
    await stand.chat.send(stand.post(place, message))
    wanted = seen_files(stand, (picture.alt, picture.png))
    await until(lambda: [one.files for one in stand.seen(place)] == [wanted])
    (seen,) = stand.seen(place)
    assert seen.text.startswith("🏁 Night Radio ended")
    assert seen.text.count("Rung") == lines


@on(STANDS)
@pytest.mark.parametrize("lines", [0, 90], ids=["short", "long"])
async def test_a_post_s_file_arrives_under_its_name_and_is_deleted(
    stand: Stand, lines: int, tmp_path: Path
) -> None:
    place, file = stand.place(), file_in(tmp_path)
    content = file.path.read_bytes()
    await stand.chat.send(stand.post(place, recap(lines=lines, picture=chart(), file=file)))
    await until(lambda: [len(one.files) for one in stand.seen(place)] == [2])
    (seen,) = stand.seen(place)
    name, data = seen.files[1]
    assert name.replace("_", " ") == "night radio.csv"
    assert data == content
    await until(lambda: not file.path.exists())
    assert seen.text.count("Rung") == lines


@on(STANDS)
async def test_an_answer_has_its_picture_and_its_file(stand: Stand, tmp_path: Path) -> None:
    place, picture, file = stand.place(), chart(), file_in(tmp_path)
    content = file.path.read_bytes()
    seen = await stand.answered(recap(picture=picture, file=file), at=place)
    (shown, (name, data)) = seen.files
    assert (shown,) == seen_files(stand, (picture.alt, picture.png))
    assert (name.replace("_", " "), data) == ("night radio.csv", content)
    assert seen.text.startswith("🏁 Night Radio ended")
    await until(lambda: not file.path.exists())


@on(knowing("edits"))
async def test_a_text_gets_a_picture_by_an_edit_and_another_one_by_the_next(stand: Stand) -> None:
    place, one, two = stand.place(), chart(), chart(shade=200)
    key = await stand.chat.send(stand.post(place))
    for picture, text in ((one, "It was 90"), (one, "It was 80"), (two, "It was 80"), (two, "It was 80")):
        message = Message(title=(Span(text),), picture=picture)
        assert await stand.chat.send(stand.post(place, message, replaces=key)) == key
        (seen,) = stand.seen(place)
        assert (seen.key, seen.text) == (key, text)
        assert seen.files == seen_files(stand, (picture.alt, picture.png))
    assert await stand.chat.send(stand.post(place, says("It was 70"), replaces=key)) == key
    (seen,) = stand.seen(place)
    assert seen.text == "It was 70"


@on(knowing("edits"))
async def test_a_long_text_gets_a_picture_by_an_edit_and_loses_nothing(stand: Stand) -> None:
    place, one, two = stand.place(), chart(), chart(shade=200)
    key = await stand.chat.send(stand.post(place, recap(lines=90)))
    for picture in (one, two, two):
        await stand.chat.send(stand.post(place, recap(lines=90, picture=picture), replaces=key))
        wanted = seen_files(stand, (picture.alt, picture.png))
        await until(lambda wanted=wanted: [one.files for one in stand.seen(place)] == [wanted])  # type: ignore[misc]
        assert stand.seen(place)[0].text.count("Rung") == 90


@on(knowing("edits", "rights"))
async def test_without_the_permission_a_post_arrives_without_its_picture_and_that_is_said(stand: Stand) -> None:
    place = stand.place()
    key = await stand.chat.send(stand.post(place))
    called = await stand.refuse_files(place)
    for replaces in (None, key):
        message = Message(title=(Span("It was 90"),), picture=chart())
        with pytest.raises(Partly, match=called) as caught:
            await stand.chat.send(stand.post(place, message, replaces=replaces))
        assert is_sentence(str(caught.value)), str(caught.value)
        arrived = {one.key: one for one in stand.seen(place)}[caught.value.key]
        assert (arrived.text, arrived.files) == ("It was 90", ())
        assert replaces in {None, caught.value.key}
    assert len(stand.seen(place)) == 2


@on(knowing("hosts"))
async def test_a_picture_that_is_too_large_keeps_no_text_back(stand: Stand) -> None:
    place = stand.place()
    huge = chart((10 << 20) + 1)
    key = await stand.chat.send(stand.post(place, recap(picture=huge)))
    assert await stand.chat.send(stand.post(place, says("It was 90"), replaces=key))
    assert await stand.chat.send(stand.post(place, recap(picture=huge), replaces=key))
    (seen,) = stand.seen(place)
    assert (seen.text, seen.files) == ("🏁 Night Radio ended", ())
    answer = await stand.answered(recap(picture=huge), at=place)
    assert "The picture is larger than" in answer.text
    assert answer.files == ()


@on(STANDS)
async def test_a_file_that_is_not_there_is_said_and_keeps_no_text_back(stand: Stand, tmp_path: Path) -> None:
    file = File(path=tmp_path / "gone.csv", name="gone.csv")
    place = stand.place()
    await stand.chat.send(stand.post(place, recap(file=file)))
    assert stand.seen(place)[0].text.startswith("🏁 Night Radio ended")
    answer = await stand.answered(recap(file=file), at=place)
    assert "⚠️" in answer.text
    assert answer.files == ()


@pytest.mark.parametrize("wrong", [TryLater, ChatGone, NotPermitted])
@on(knowing("hosts"))
async def test_a_file_is_deleted_however_sending_it_ends(
    stand: Stand, wrong: type[SendError], tmp_path: Path
) -> None:
    post, file = await stand.trouble(wrong), file_in(tmp_path)
    with pytest.raises(SendError):
        await stand.chat.send(replace(post, message=recap(lines=90, file=file)))
    assert not file.path.exists()


async def test_figures_print_nothing_of_a_picture_and_delete_files(tmp_path: Path) -> None:
    out, file = io.StringIO(), file_in(tmp_path)
    await Figures(out).send(post(recap(picture=chart(), file=file)))
    assert json.loads(out.getvalue()) == {"kind": "started", "title": "Night Radio ended"}
    assert not file.path.exists()


# --- posts of one's own, later


@on(knowing("edits"))
async def test_a_post_is_removed_and_that_it_is_gone_already_is_well(stand: Stand) -> None:
    place = stand.place()
    key, kept = [await stand.chat.send(stand.post(place, says(f"number {n}."))) for n in range(2)]
    assert key is not None
    for _ in range(2):
        await stand.chat.remove(place, key)
        assert [one.key for one in stand.seen(place)] == [kept]
    with pytest.raises(MessageGone):
        await stand.chat.send(stand.post(place, replaces=key))
    for none in ("", "x", "-1"):
        await stand.chat.remove(place, none)


@on(knowing("edits"))
async def test_a_post_with_a_picture_that_followed_it_is_removed_whole(stand: Stand) -> None:
    place = stand.place()
    key = await stand.chat.send(stand.post(place, recap(lines=90, picture=chart())))
    await until(lambda: stand.seen(place)[0].files and stand.settled())
    assert key is not None
    await stand.chat.remove(place, key)
    assert not stand.seen(place)


@on(knowing("edits"))
async def test_what_cannot_be_removed_is_an_error_of_sending(stand: Stand) -> None:
    post = await stand.trouble(ChatGone if stand.name == "telegram" else TopicGone)
    with pytest.raises(SendError) as caught:
        await stand.chat.remove(post.target, "4711")
    assert is_sentence(str(caught.value)), str(caught.value)


@on(knowing("edits"))
async def test_a_removal_takes_its_place_in_the_pace(stand: Stand) -> None:
    place = stand.place()
    key = await stand.chat.send(stand.post(place))
    assert key is not None
    stand.chat.pace.hold(3_600)
    with pytest.raises(TryLater) as caught:
        await stand.chat.remove(place, key)
    assert caught.value.retry_after > 3_000 * SECOND
    assert stand.seen(place)


@on(knowing("edits"))
async def test_a_picture_s_edit_finds_that_the_post_was_deleted_by_hand(stand: Stand) -> None:
    place = stand.place()
    key = await stand.chat.send(stand.post(place, recap(picture=chart())))
    assert key is not None
    await stand.lose(place, key)
    for message in (
        recap(picture=chart(shade=9)),
        recap(picture=chart()),
        recap(lines=90, picture=chart()),
        recap(),
    ):
        with pytest.raises(MessageGone):
            await stand.chat.send(stand.post(place, message, replaces=key))
    assert not stand.seen(place)


@on(knowing("edits"))
async def test_a_post_is_buried_by_what_comes_after_it_in_its_place(stand: Stand) -> None:
    place, other = stand.place(), stand.place()
    key = await stand.chat.send(stand.post(place))
    assert key is not None
    assert stand.chat.buried(place, key) in {0, None}
    assert stand.chat.buried(place, "x") is None
    for _ in range(3):
        await stand.chat_in(place)
    await stand.chat.send(stand.post(other))
    await stand.chat_in(other)
    assert stand.chat.buried(place, key) == 3
    again = await stand.chat.send(stand.post(place))
    assert again is not None
    assert stand.chat.buried(place, key) == 4
    assert stand.chat.buried(place, again) in {0, None}
    await stand.chat.send(stand.post(place, says("It was 90"), replaces=key))  # edits bury nothing
    assert stand.chat.buried(place, key) == 4


@on(STANDS)
async def test_of_what_was_before_it_began_to_hear_nothing_is_known(stand: Stand) -> None:
    place = stand.place()
    key = await stand.chat.send(stand.post(place)) or "1"
    assert stand.restarted().buried(place, key) is None


# --- text from outside

OUTSIDE = {
    "html": "<b>x</b> &amp; <script>alert(1)</script> </code></a>",
    "markdown": "**b** __u__ *i* _i_ ~~s~~ ||spoiler|| `c` ```block``` [x](https://evil.example/x)",
    "line starts": "# not a heading",
    "quote": "> no quote",
    "list": "1. no list",
    "mentions": "@everyone @here <@1> <@&1> <#1> @ada_lovelace",
    "braces": "{0} %s %(x)s ${x} \\n \\x1b[31m",
    "bidi": "\u202egnp.exe\u202c \u2066x\u2069 \u2067y\u2069",
    "zero width": "a\u200bb\ufeffc\u2060d",
    "controls": "a\x00b\x07c\x1b[31md\x7fe\x9bf",
    "lines": "a\nb\rc\u2028d\te",
    "half a sign": "a\ud83db",
    "emoji": "👩\u200d🚀👨\u200d👩\u200d👧\u200d👦🇵🇰🏴\U000e0067\U000e0062👍🏽❤\ufe0f",
    "scripts": "خلا میں گفتگو ナイト 라디오 हिन्दी עברית Ελλάδα e\u0301",
}
LONG = {
    "long": "x" * 10_000,
    "long emoji": "👩\u200d👩\u200d👧\u200d👦" * 1_500,
    "long markup": "*<&_`[" * 2_000,
    "long words": "Night Radio " * 1_000,
    "long accents": "e" + "\u0301" * 9_999,
}
#: Controls that a chat would obey rather than show.
OBEYED = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def legible(text: str) -> str:
    """Return of a text what can be read of it, without blanks."""
    hidden = {"Cc", "Cf", "Cs"}
    return "".join(sign for sign in text if not sign.isspace() and unicodedata.category(sign) not in hidden)


def everywhere(text: str) -> Message:
    """Return a message with a text in all its places."""
    span = (Span(text),)
    return Message(title=span, lines=(span,), fields=(Field(text, span),), footer=span)


@on(STANDS)
@pytest.mark.parametrize("text", OUTSIDE.values(), ids=OUTSIDE.keys())
async def test_text_from_outside_arrives_as_text(stand: Stand, text: str) -> None:
    place = stand.place()
    await stand.chat.send(stand.post(place, everywhere(text)))
    (seen,) = stand.seen(place)
    assert not OBEYED.search(seen.text)
    assert (
        legible(seen.text).replace("?", "").count(legible(text).replace("?", "")) == 5
    )  # title, line, label, value, footer
    assert (seen.links, seen.pings) == ((), ())
    if "\U0001f680" in text:  # what is joined stays joined
        assert seen.text.count(text) == 5


@on(STANDS)
@pytest.mark.parametrize("text", LONG.values(), ids=LONG.keys())
async def test_text_that_is_too_long_is_cut_within_the_platform_s_counts(stand: Stand, text: str) -> None:
    place = stand.place()
    await stand.chat.send(stand.post(place, everywhere(text)))
    await stand.chat.send(stand.post(place, Message(title=(Span("Short"),), lines=((Span(text),),) * 40)))
    first, second = stand.seen(place)  # which the platform took
    assert legible(first.text).startswith(legible(text)[:60])
    assert second.text.startswith("Short")
    assert [*first.links, *first.pings, *second.links, *second.pings] == []


@on(knowing("hosts"))
async def test_a_message_with_nothing_to_see_arrives_all_the_same(stand: Stand) -> None:
    place = stand.place()
    for text in ("", " ", "\u200b", "\x00", "\u202e"):
        await stand.chat.send(stand.post(place, everywhere(text)))
    await stand.chat.send(stand.post(place, Message()))
    assert len(stand.seen(place)) == 6


# --- what goes wrong


@pytest.mark.parametrize(
    ("stand", "wrong"),
    [(stand, wrong) for stand in STANDS for wrong in stand.errors],
    indirect=["stand"],
    ids=lambda one: getattr(one, "name", None) or one.__name__,
)
async def test_what_goes_wrong_has_its_class_and_is_a_sentence(stand: Stand, wrong: type[SendError]) -> None:
    post = await stand.trouble(wrong)
    with pytest.raises(SendError) as caught:
        await stand.chat.send(post)
    error = caught.value
    assert isinstance(error, wrong)
    assert is_sentence(str(error)), str(error)
    assert SECRET not in "".join(traceback.format_exception(error))
    if isinstance(error, TryLater) and "floods" in stand.knows:
        assert WAIT * SECOND <= error.retry_after <= (WAIT + 2) * SECOND
        assert not error.everywhere
    if isinstance(error, ChatMoved):
        assert error.key == stand.new_id(post.target)  # type: ignore[attr-defined]
        assert await stand.chat.send(stand.post(Target(chat=error.key)))
    if isinstance(error, Unsure):
        assert len(stand.seen(post.target)) == 1  # it had arrived


@on(knowing("floods"))
async def test_a_chat_that_has_to_wait_holds_up_no_other(stand: Stand) -> None:
    post, other = await stand.trouble(TryLater), stand.place()
    with pytest.raises(TryLater):
        await stand.chat.send(post)
    assert 1 < stand.chat.pace.wait(lane(stand.chat, post.target)) <= WAIT + 2
    assert stand.chat.pace.wait(lane(stand.chat, other)) == 0
    await stand.chat.send(stand.post(other))


@on(STANDS)
async def test_a_person_is_told_in_private(stand: Stand) -> None:
    who, place = stand.somebody(), stand.place()
    before = len(stand.private(who))
    await stand.chat.tell(who, says("Allow me to write there, @everyone & <b>all</b>."))
    (told,) = stand.private(who)[before:]
    assert legible(told.text) == legible("Allow me to write there, @everyone & <b>all</b>.")
    assert not told.pings
    assert not stand.seen(place)


@on(knowing("hosts"))
@pytest.mark.parametrize("who", ["", "ada", "@ada", "-1", "99999999999999999", "x" * 1_000])
async def test_nobody_is_told_who_is_nobody(stand: Stand, who: str) -> None:
    with pytest.raises(SendError) as caught:
        await stand.chat.tell(who, says("x"))
    assert is_sentence(str(caught.value)), str(caught.value)


# --- its life


async def sent(stand: Stand, post: Post) -> str | None:
    """Send as the deliverer does: again while it is not yet connected."""
    async with asyncio.timeout(10):
        while True:
            try:
                return await stand.chat.send(post)
            except TryLater:
                await asyncio.sleep(0.05)


async def listening(stand: Stand) -> None:
    await stand.chat.start(stand.heard)
    await until(lambda: stand.chat.connected)


@on(STANDS)
async def test_it_can_be_closed_twice_and_started_again(stand: Stand) -> None:
    place = stand.place()
    await stand.chat.close()
    await stand.chat.close()
    await stand.chat.start(stand.heard)
    await sent(stand, stand.post(place))
    assert len(stand.seen(place)) == 1
    await stand.chat.close()
    await stand.chat.start(stand.heard)
    await stand.chat.close()


@on(STANDS)
async def test_it_is_started_and_stopped_as_often_as_wanted(stand: Stand) -> None:
    place = stand.place()
    for _ in range(3):
        await stand.chat.stop()
        assert stand.chat.connected is None
        await until(lambda: not stand.listeners())
        await listening(stand)
        await stand.chat.start(stand.heard)  # which it is already
        _, answer = await stand.ask("stats", "Night Radio", at=place)
        assert answer == "stats was asked: Night Radio."
        assert stand.listeners() <= 1
    assert len(stand.heard.requests) == 3


@on(STANDS)
async def test_it_sends_before_it_listens_and_after(stand: Stand) -> None:
    place, person = stand.place(), stand.somebody()
    await stand.chat.stop()
    fresh = stand.fresh()
    await fresh.open()
    await fresh.open()
    begun = stand.begun()
    try:
        for chat in (fresh, stand.chat):
            before = len(stand.seen(place))
            stand.chat = chat
            key = await sent(stand, stand.post(place, recap(picture=chart(shade=before))))
            await chat.tell(person, says("Allow me to write there."))
            if "edits" in stand.knows:
                assert key is not None
                await chat.send(stand.post(place, says("It was 90"), replaces=key))
                assert chat.buried(place, key) in {0, None}
                gone = await chat.send(stand.post(place, says("A mistake")))
                await chat.remove(place, gone or "")
            assert len(stand.seen(place)) == before + 1
            assert chat.connected is None
            assert stand.listeners() == 0
        assert len(stand.private(person)) >= 2
        assert stand.begun() == begun
    finally:
        await fresh.close()


@on(knowing("edits"))
async def test_who_does_not_listen_knows_nothing_of_what_came_after_a_post(stand: Stand) -> None:
    place = stand.place()
    key = await stand.chat.send(stand.post(place)) or ""
    assert stand.chat.buried(place, key) in {0, None}
    await stand.chat.stop()
    later = await stand.chat.send(stand.post(place)) or ""
    assert stand.chat.buried(place, later) is None
    assert stand.chat.buried(place, key) in {1, None}
    await listening(stand)
    assert stand.chat.buried(place, later) is None


@pytest.mark.parametrize(
    ("stand", "wrong"),
    [(stand, wrong) for stand in STANDS for wrong in stand.errors],
    indirect=["stand"],
    ids=lambda one: getattr(one, "name", None) or one.__name__,
)
async def test_what_goes_wrong_has_its_class_also_where_nobody_listens(
    stand: Stand, wrong: type[SendError]
) -> None:
    post = await stand.trouble(wrong)
    await stand.chat.stop()
    with pytest.raises(SendError) as caught:
        await stand.chat.send(post)
    assert isinstance(caught.value, wrong)
    assert is_sentence(str(caught.value)), str(caught.value)


@on(knowing("hosts"))
async def test_another_listens_as_soon_as_one_has_stopped(stand: Stand) -> None:
    place, first = stand.place(), stand.chat
    other = stand.fresh()
    try:
        for _ in range(2):
            for before, after in ((first, other), (other, first)):
                await before.stop()
                stand.chat = after
                await listening(stand)
                _, answer = await stand.ask("stats", "Night Radio", at=place)
                assert answer == "stats was asked: Night Radio."
    finally:
        await other.close()
        stand.chat = first
    assert len(stand.heard.requests) == 4
    assert not stand.conflicts()


@on(knowing("hosts"))
async def test_it_stops_soon_though_a_post_hangs(stand: Stand) -> None:
    place = stand.place()
    await stand.hang()
    sending = asyncio.create_task(stand.chat.send(stand.post(place)))
    telling = asyncio.create_task(stand.chat.tell(stand.somebody(), says("x")))
    await asyncio.sleep(0.3)
    start = asyncio.get_running_loop().time()
    await stand.chat.close()
    assert asyncio.get_running_loop().time() - start < 5
    for task in (sending, telling):
        task.cancel()
        with suppress(asyncio.CancelledError, SendError):
            await task


@on(knowing("hosts"))
async def test_it_stops_soon_though_an_answer_hangs(stand: Stand) -> None:
    place = stand.place()
    stand.heard.gate = asyncio.Event()
    asking = asyncio.create_task(stand.ask("stats", at=place))
    await until(lambda: stand.heard.requests)
    start = asyncio.get_running_loop().time()
    await stand.chat.close()
    assert asyncio.get_running_loop().time() - start < 5
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)


@on(STANDS)
async def test_it_finds_nothing_wrong_when_all_is_well(stand: Stand) -> None:
    assert await stand.chat.check() is None


@on(knowing("hosts"))
async def test_a_wrong_token_and_a_host_that_does_not_answer_are_said_in_a_sentence(stand: Stand) -> None:
    wrong = SECRET[::-1]
    for chat in (
        stand.other(token=f"1234567:{wrong}"),
        stand.other(token=f"{wrong} x"),
        stand.other(url=f"http://127.0.0.1:{free_port()}/{SECRET}"),
        stand.other(url=f"http://ann:{SECRET}@127.0.0.1:{free_port()}"),
    ):
        said = await chat.check()
        await chat.close()
        assert said is not None
        assert is_sentence(said), said
        assert wrong not in said
    assert await stand.chat.check() is None


@on(STANDS)
async def test_limits_are_those_that_the_platform_documents(stand: Stand) -> None:
    assert stand.other().pace.limits == stand.limits


@on(STANDS)
async def test_posts_of_one_lane_are_those_that_share_a_limit(stand: Stand) -> None:
    place = stand.place()
    assert lane(stand.chat, place) == (place.topic if stand.chat.by_topic else place.chat)
    assert lane(stand.chat, Target(chat="1")) == "1"


# --- who asks


@on(STANDS)
async def test_a_command_is_one_request_and_its_answer_comes_back(stand: Stand) -> None:
    place = stand.place()
    request, answer = await stand.ask("stats", "Night Radio", at=place)
    assert answer == "stats was asked: Night Radio."
    assert (request.platform, request.chat) == (stand.chat.platform, place.chat)
    assert (request.command, request.text) == ("stats", "Night Radio")
    assert (request.is_admin, request.elsewhere) == (True, False)
    assert len(stand.heard.requests) == 1
    if "topics" in stand.knows:
        assert request.topic == place.topic
        assert stand.chat.is_group(request.chat)


@on(knowing("rights"))
async def test_who_asks_is_known_with_rights_and_language(stand: Stand) -> None:
    place = stand.place()
    boss, _ = await stand.ask("subscribe", "Night Radio", at=place)
    ada, _ = await stand.ask("subscribe", "Night Radio", at=place, admin=False)
    assert (boss.is_admin, ada.is_admin) == (True, False)
    assert boss.user
    assert ada.user
    assert boss.user != ada.user
    assert {boss.locale, ada.locale} == {"de"}
    assert boss.chat_title
    assert not boss.is_operator


@on(knowing("rights"))
async def test_text_from_outside_is_heard_as_it_was_typed(stand: Stand) -> None:
    place = stand.place()
    for text in ("<b>x</b> & @everyone", "ナイト 라디오 👩\u200d🚀", "x" * 900):
        request, _ = await stand.ask("stats", text, at=place)
        assert request.text == text


@on(knowing("places"))
async def test_a_command_counts_in_the_place_that_it_names_and_is_answered_where_it_was_typed(
    stand: Stand,
) -> None:
    place = stand.place()
    there = await stand.elsewhere(place)
    request, answer = await stand.ask("subscribe", "Night Radio", at=place, there=there)
    assert (request.chat, request.topic) == (there.chat, there.topic)
    assert (request.elsewhere, request.is_admin, request.text) == (True, True, "Night Radio")
    assert "Night Radio" in answer
    assert not stand.seen(there)


@on(knowing("suggestions"))
async def test_what_is_typed_of_an_argument_is_suggested_on(stand: Stand) -> None:
    place = stand.place()
    assert await stand.suggestions("Night", at=place) == ["Night Radio"]
    assert await stand.suggestions("", at=place) == ["Night Radio", "Morning Radio"]
    assert stand.heard.asked == [("name", "Night"), ("name", "")]
    assert not stand.heard.requests


@on(knowing("presence"))
async def test_it_is_told_where_the_bot_is_let_in_and_put_out(stand: Stand) -> None:
    chat = await stand.join()
    await until(lambda: ("in", chat, "") in stand.heard.told)
    await stand.leave(chat)
    await until(lambda: ("out", chat, "") in stand.heard.told)
    place = stand.place()
    await stand.ask("stats", at=place)
    await until(lambda: ("in", place.chat, place.topic) in stand.heard.told)
    await stand.close(place)
    await until(lambda: ("out", place.chat, place.topic) in stand.heard.told)
    assert all(is_sentence(f"{why}, it says") for why in stand.heard.why)
