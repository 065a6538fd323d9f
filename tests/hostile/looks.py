"""How messages look on all three platforms, and what none of them may hold, whatever went in."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from bot.chats.console.render import render as console
from bot.chats.discord import render as discord
from bot.chats.telegram import render as telegram
from bot.chats.telegram.buttons import Taps
from bot.ports.message import Message
from handlers import COMMANDS
from tests.servers.discord import checks
from tests.servers.telegram import parse_html
from tests.servers.telegram.entities import is_link, settled

NAMES = [one.name for one in COMMANDS]
#: https://core.telegram.org/bots/api#sendmessage , https://core.telegram.org/bots/api#sendphoto
TEXT, CAPTION, ENTITIES = 4096, 1024, 100
#: Whom Telegram calls, and what only markup from outside could make.
CALLS = {"mention", "text_mention"}
OWN = {"bold", "italic", "code", "text_link"}
#: What a chat or terminal would obey rather than show; an isolate that ends in its line turns nothing behind it.
OBEYED = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066\u2067\u206a-\u206f\ud800-\udfff]")
#: What tells of this machine, or of how the program is made.
INSIDES = re.compile(
    r"Traceback|File \"|site-packages|sqlalchemy|sqlite3|asyncpg|aiosqlite|psycopg|\.py\b|<\w+ object at|"
    r"Error\(|Exception\(|/home/|/root/|/work/"
)
#: Seconds of the processor for one answer, with all that is drawn of it: what hangs takes minutes.
MOST_SECONDS = 5.0


@contextmanager
def bounded(what: object, seconds: float = MOST_SECONDS) -> Iterator[None]:
    """Fail where work takes more of the processor than anybody would wait for."""
    begun = time.process_time()
    yield
    taken = time.process_time() - begun
    assert taken < seconds, f"{taken:.1f} s of the processor for {str(what)[:200]!r}"


def assert_harmless(message: Message) -> None:
    """Assert that a message can be shown everywhere, and does nothing but be read."""
    _assert_on_telegram(message)
    _assert_on_discord(message)
    _assert_on_console(message)


def assert_tells_nothing(message: Message, *typed: str) -> None:
    """Assert that a message tells nothing of the machine and the program that was not typed."""
    text = console(message).plain
    for one in typed:
        text = text.replace(one, "")
    if any(INSIDES.search(one) for one in typed):
        return
    found = INSIDES.search(text)
    assert found is None, text


def assert_entities(text: str, entities: list[dict[str, Any]], *, most: int) -> None:
    """Assert what Telegram makes of a text: nobody is called, all markup is our own."""
    assert len(text) <= most, len(text)
    assert len(entities) <= ENTITIES
    assert {one["type"] for one in entities} <= OWN
    assert all(is_link(one["url"]) for one in entities if one["type"] == "text_link")
    _, whole = settled(text, entities)
    called = [one for one in whole if one["type"] in CALLS]
    assert not called, (text, called)


def _assert_on_telegram(message: Message) -> None:
    for markup, most in ((telegram.text(message), TEXT), (telegram.caption(message), CAPTION)):
        text, entities = parse_html(markup)
        assert text.strip()
        assert not OBEYED.search(text), text
        assert_entities(text, entities, most=most)
    assert len(telegram.unmarked(message)) <= TEXT
    keyboard = Taps().keyboard(message, commands=NAMES)
    for row in keyboard.inline_keyboard if keyboard else ():
        for button in row:
            assert 1 <= len(button.text) <= 64
            assert not OBEYED.search(button.text)
            assert button.url is None or button.url.startswith(("https://", "http://"))
            assert len(str(button.callback_data or "").encode()) <= 64


def _assert_on_discord(message: Message) -> None:
    body = discord.payload_of(message, commands=NAMES)
    checks.message(body)
    assert body["content"] == ""
    assert body["allowed_mentions"] == {"parse": []}
    for text in _texts(body["embeds"]):
        assert not OBEYED.search(text), text


def _assert_on_console(message: Message) -> None:
    shown = console(message).plain
    assert not OBEYED.search(shown.encode(errors="replace").decode()), shown


def _texts(part: Any) -> Iterator[str]:
    if isinstance(part, str):
        yield part
    elif isinstance(part, dict | list):
        for one in part.values() if isinstance(part, dict) else part:
            yield from _texts(one)
