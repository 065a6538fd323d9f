"""Every command and every kind of alert, as the platforms see them.

What differs from what is kept fails. If it should differ, ``python -m tests.chats.walk --write`` keeps it, and the
diff of ``tests/payloads/walk`` shows what people will read instead.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from bot.ports.command import Who
from handlers import COMMANDS
from tests.chats.walk import PAYLOADS, WALKS, Step, differences, kept
from tests.chats.walk_lines import ALERTS, PARTS
from tests.servers.discord import checks
from tests.servers.telegram import parse_html

ALERT_TITLES = {f"Alert: {kind}" for kind in ("started", "milestone", "record", "ended", "ended, edited")}


def test_every_command_has_lines_and_those_that_not_all_may_give_are_refused() -> None:
    assert set(PARTS) == {one.name for one in COMMANDS}, "a new command needs lines in tests/chats/walk_lines.py"
    for command in COMMANDS:
        lines = PARTS[command.name].lines
        assert any(one.who != "member" for one in lines), f"nobody gives /{command.name} who may"
        if command.who is not Who.EVERYONE:
            assert any(one.who == "member" for one in lines), f"nobody is refused /{command.name}"
        assert all((one.text or "/").startswith("/") for one in lines)


def test_what_is_kept_is_of_commands_that_there_are() -> None:
    for platform in WALKS:
        assert set(kept(platform)) == {*PARTS, ALERTS}
    assert {path.name for path in PAYLOADS.iterdir()} == set(WALKS)


@pytest.mark.parametrize("platform", WALKS)
async def test_what_is_sent_is_what_was_sent(platform: str) -> None:
    steps = await WALKS[platform]()
    for step in steps:
        assert_within_limits(step)
        assert_calls_nobody(step)
    assert {one.title for one in steps if one.command == ALERTS} >= ALERT_TITLES
    found = differences(platform, steps)
    if found:
        names = ", ".join(f"/{name}" if name != ALERTS else name for name in found)
        shown = "\n\n".join(found.values())
        pytest.fail(
            f"What {platform} sees changed: {names}. If it should: python -m tests.chats.walk --write\n\n{shown}",
            pytrace=False,
        )


def assert_calls_nobody(step: Step) -> None:
    """Assert that nobody is called but whom a subscription's admin chose."""
    calls = [one for sent in step.sent for one in _calls(sent.body)]
    if step.pings or calls:
        assert step.platform == "discord", step
        assert step.command == ALERTS, step
        assert (step.pings, calls) == (("everyone",), ["@here"]), step


def _calls(body: dict[str, Any]) -> list[str]:
    """Return whom a request would call."""
    if "embeds" not in body:
        return []
    allowed = body["allowed_mentions"]
    if allowed == {"parse": []}:
        return [body["content"]] if body.get("content") else []
    assert allowed == {"parse": ["everyone"]}
    return [body["content"]]


def assert_within_limits(step: Step) -> None:
    """Assert what the platforms document; what was sent too often has failed the walk itself.

    https://core.telegram.org/bots/api#sendmessage , https://core.telegram.org/bots/api#inlinekeyboardbutton ,
    https://docs.discord.com/developers/resources/message#embed-object-embed-limits
    """
    assert step.sent, f"nothing was sent for {step.title}"
    for sent in step.sent:
        if step.platform == "telegram":
            _assert_telegram(sent.body)
        elif "embeds" in sent.body:
            checks.message(sent.body)
            assert len(sent.body["embeds"]) == 1


def _assert_telegram(body: dict[str, Any]) -> None:
    if "callback_query_id" in body:
        assert len(body.get("text", "")) <= 200
        return
    if "media" in body:
        body = body["media"]
    is_text = "text" in body
    text, entities = parse_html(body.get("text" if is_text else "caption", ""))
    assert is_text <= len(text) <= (4096 if is_text else 1024)
    assert len(entities) <= 100
    assert {one["type"] for one in entities} <= {"bold", "italic", "code", "text_link"}
    buttons = list(_buttons(body))
    assert len(buttons) <= 100
    for button in buttons:
        assert 1 <= len(button["text"]) <= 64
        assert len(button.get("callback_data", "").encode()) <= 64


def _buttons(body: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for row in body.get("reply_markup", {}).get("inline_keyboard", []):
        yield from row
