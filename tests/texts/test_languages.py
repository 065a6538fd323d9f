"""Every sentence in every language, as both chats would show it; and what a real night says in each of them.

A sentence that a language lacks is said in English: gaps fail nothing here, ``make check`` lists them.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from babel.messages import Message as Entry
from babel.messages.pofile import read_po

from bot.app import open_sources
from bot.chats.discord import render as discord_render
from bot.chats.telegram import render as telegram_render
from bot.domain import SECOND
from bot.domain.outside import balanced
from bot.parts import build
from bot.ports.command import Request
from bot.ports.message import Line, Message, Span, Style, plain_text
from bot.settings import load
from bot.texts.catalog import CATALOGS, DOMAIN, languages, translations
from bot.texts.words import COUNTINGS, Words
from handlers import COMMANDS
from storage.database import Database
from tests.chats.walk import BEGIN, Shelf
from tests.chats.walk_lines import NIGHT, PARTS, WATCH_NIGHT, night
from tests.fakes.chat import FakeChat
from tests.servers.discord import checks
from tests.servers.telegram import parse_html
from tests.talk import Clock

NUMBERS = (0, 1, 2, 5, 100_000)
#: What may fill any placeholder: Latin and Urdu names, a command, figures, and what a chat would read as markup.
FILLINGS = ("Night Radio", "نشریات لاہور", "/stats Night Radio", "4,46,000", "<b>*_`[x](y)&@here")
#: https://core.telegram.org/bots/api#sendmessage , https://core.telegram.org/bots/api#botcommand ,
#: https://docs.discord.com/developers/interactions/application-commands
TELEGRAM, TELEGRAM_ABOUT, DISCORD_ABOUT = 4096, 256, 100
LONGEST_LABEL = 64

_PLACEHOLDER = re.compile(r"\{(\w+)\}")
_ISOLATE = re.compile("\u2068[^\u2068\u2069]*\u2069")
_RIGHT = {"R", "AL"}


def entries() -> list[Entry]:
    with (CATALOGS / f"{DOMAIN}.pot").open("rb") as file:
        return [entry for entry in read_po(file) if entry.id]


def said(words: Words, entry: Entry, start: int) -> Iterator[tuple[Line, dict[str, str]]]:
    """Yield a sentence as it is said, with what fills it; in each of its plural forms."""
    ids = (entry.id,) if isinstance(entry.id, str) else tuple(entry.id)
    names = sorted({name for one in ids for name in _PLACEHOLDER.findall(one)})
    fields = {name: FILLINGS[(start + at) % len(FILLINGS)] for at, name in enumerate(names)}
    if len(ids) == 1:
        yield words.say(ids[0], **fields), fields
        return
    others = {name: text for name, text in fields.items() if name != "n"}
    for n in NUMBERS:
        yield words.plural(ids[0], ids[1], n, **others), others


def assert_fit(message: Message, words: Words) -> None:
    """Assert that a message can be shown on both chats, and runs the right way in each of its lines."""
    text, entities = parse_html(telegram_render.text(message))
    assert 0 < len(text) <= TELEGRAM
    assert {one["type"] for one in entities} <= {"bold", "italic", "code", "text_link"}
    checks.message(discord_render.payload_of(message))
    for line in (message.title, *message.lines, *(field.value for field in message.fields), message.footer):
        assert_directed(line, words)
    for button in message.buttons:
        assert button.label.strip()
        assert len(button.label) <= LONGEST_LABEL


def assert_directed(line: Line, words: Words) -> None:
    """Assert that isolates are balanced, and that the first letter is one of the line's own direction."""
    text = plain_text(line)
    assert balanced([text]) == [text]
    kinds = [kind for sign in text if (kind := unicodedata.bidirectional(sign)) == "L" or kind in _RIGHT]
    if not kinds:
        return
    if not words.right_to_left:
        assert kinds[0] == "L", text
        return
    bare = text
    while (shorter := _ISOLATE.sub("", bare)) != bare:
        bare = shorter
    own = [kind for sign in bare if (kind := unicodedata.bidirectional(sign)) == "L" or kind in _RIGHT]
    typed = all(span.style is Style.CODE for span in line)
    english = "L" in own and not any(kind in _RIGHT for kind in own)  # a sentence that is not translated yet
    assert typed or english or kinds[0] in _RIGHT, text


@pytest.mark.parametrize("language", languages())
def test_every_sentence_can_be_said_and_shown(language: str) -> None:
    words = Words(language=language, timezone="Asia/Karachi")
    for start, entry in enumerate(entries()):
        for line, fields in said(words, entry, start):
            if not line:
                continue
            text = plain_text(line)
            assert set(_PLACEHOLDER.findall(text)) <= set(_PLACEHOLDER.findall(" ".join(fields.values()))), text
            for filling in fields.values():
                assert filling in text, text
            assert_fit(words.directed(Message(title=line, lines=(line,), footer=line)), words)
            assert_fit(words.directed(Message(symbol="🔴", title=line)), words)


@pytest.mark.parametrize("language", languages())
def test_what_menus_say_has_room_in_them(language: str) -> None:
    speak = translations(language).gettext
    for command in COMMANDS:
        assert len(speak(command.about)) <= min(DISCORD_ABOUT, TELEGRAM_ABOUT)
        for param in command.params:
            assert len(speak(param.about)) <= DISCORD_ABOUT


@pytest.mark.parametrize("language", languages())
@pytest.mark.parametrize("counting", [None, *COUNTINGS])
def test_figures_times_and_lengths_have_a_form(language: str, counting: str | None) -> None:
    words = Words(language=language, timezone="Asia/Karachi", counting=counting)
    for n in (*NUMBERS, 999, 99_999, 446_000, 1_234_567, 12_345_678, 2_345_678_901):
        for shown in (words.exact(n), words.number(n), words.short(n)):
            assert shown
            assert "{" not in shown
    for ms in (0, 45, 61, 600, 3_600, 9_060, 90_000, 200_000):
        assert "{" not in words.duration(ms * SECOND)
    assert "PKT" in words.time(round(BEGIN.timestamp()) * SECOND).text
    assert words.date(round(BEGIN.timestamp()) * SECOND).text


def test_lakh_and_crore_are_counted_where_a_chat_wants_it() -> None:
    words = Words(counting="lakh")
    assert (words.exact(446_000), words.exact(44_600_000)) == ("4,46,000", "4,46,00,000")
    assert (words.number(999_999), words.number(1_230_000), words.number(45_678_901)) == (
        "9,99,999",
        "12.3 lakh",
        "4.56 crore",
    )
    assert (words.short(20_000), words.short(450_000), words.short(12_000_000)) == ("20K", "4.5 lakh", "1.2 crore")
    as_ever = Words(counting="million")
    assert (as_ever.exact(446_000), as_ever.number(1_230_000), as_ever.short(450_000)) == (
        "446,000",
        "1.23 million",
        "450K",
    )


def test_a_name_of_the_other_direction_is_set_apart_in_either() -> None:
    english, urdu = Words(), Words(language="ur")
    assert english.text("{name} is live", name="نشریات") == "\u2068نشریات\u2069 is live"
    assert english.text("{name} is live", name="Night Radio") == "Night Radio is live"
    assert "\u2068Night Radio\u2069" in urdu.text("{name} is live", name="Night Radio")
    title = english.directed(Message(title=english.say("{name} is live", name="نشریات"))).title
    assert plain_text(title).startswith("\u200e")
    told = urdu.directed(Message(title=(Span("Night Radio "), Span("لائیو")))).title
    assert plain_text(told).startswith("\u200f")
    lone = english.text("{name} is live", name="a\u2069b\u2068")
    assert lone == "ab is live"


@pytest.mark.parametrize("language", languages())
async def test_a_real_night_in_each_language(language: str, tmp_path: Path) -> None:
    (tmp_path / NIGHT).write_text("\n".join(map(json.dumps, night())))
    clock = Clock(round(datetime(2022, 5, 3, 15, 0, tzinfo=UTC).timestamp()) * SECOND)
    heard = FakeChat("telegram")
    async with (
        open_sources(load({}, env_file=None)) as sources,
        build(
            database=Database(f"sqlite:///{tmp_path}/milepost.db", throwaway=True),
            sources=sources | {"replay": Shelf(tmp_path)},
            chats=[heard],
            clock=clock,
            operators=["telegram:1"],
            charts=False,
        ) as parts,
    ):
        asked = Request(platform="telegram", chat="1", command="", user="1", locale=language, is_admin=True)

        async def ask(line: str, request: Request = asked) -> Message:
            name, _, text = line.removeprefix("/").partition(" ")
            return await parts.dispatcher.answer(replace(request, command=name, text=text.strip()))

        await ask(WATCH_NIGHT)
        await ask("/subscribe Night Radio")
        for _ in range(60):
            clock.now += 60 * SECOND
            await parts.poll.tick(clock.now)
            await parts.deliver.tick(clock.now)
        messages = [post.message for post in heard.posts]
        assert {post.facts["kind"] for post in heard.posts} >= {"started", "milestone", "record", "ended"}
        member = replace(asked, user="2", is_admin=False)
        for command, part in PARTS.items():
            if command == "forget":
                continue
            for line in part.lines:
                if line.text:
                    clock.now += SECOND
                    messages.append(await ask(line.text, member if line.who == "member" else asked))
        words = Words(language=language)
        for message in messages:
            assert_fit(message, words)
            assert not re.search(r"\{(name|n|time|figure|example)\}", plain_text(message.title))
