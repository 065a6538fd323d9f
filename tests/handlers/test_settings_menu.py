"""/settings as a menu: each setting has its page, each value offered is taken, and two taps change a thing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from bot.domain import HOUR, MINUTE
from bot.ports.message import Message, Option, plain_text
from handlers.settings import SETTINGS
from tests.talk import Talk, talk

NOW = 1_700_000_000_000


@pytest.fixture
async def bot(tmp_path: Path) -> AsyncIterator[Talk]:
    async with talk(tmp_path, now=NOW) as bot:
        yield bot


PLACES: list[dict[str, Any]] = [
    {"platform": "console", "chat": "console"},
    {"platform": "telegram", "chat": "-1001", "user": "7"},
    {"platform": "discord", "chat": "123", "topic": "456", "user": "7"},
]


def options(message: Message) -> Iterator[Option]:
    for select in message.selects:
        yield from select.options


def chosen(message: Message) -> list[str]:
    return [one.label for one in options(message) if one.chosen]


@pytest.mark.parametrize("where", PLACES, ids=lambda one: one["platform"])
async def test_each_setting_is_a_line_and_a_tap_away(bot: Talk, where: dict[str, Any]) -> None:
    offered = [one for one in SETTINGS if one.only_on in {None, where["platform"]}]
    menu = await bot.ask("/settings", **where)
    assert menu.menu
    assert len(menu.lines) == len(offered)
    assert [one.command for one in menu.buttons] == [f"/settings {one.key}" for one in offered]
    assert len({one.label for one in menu.buttons}) == len(offered)
    for button, line in zip(menu.buttons, menu.lines, strict=True):
        assert len(button.label) <= 20
        assert 0 < len(plain_text(line)) <= 120
        assert button.command is not None
        page = await bot.ask(button.command, **where)
        assert page.menu
        assert page.symbol == "⚙️"
        assert plain_text(page.title) == plain_text(line)
        assert page.buttons[-1].command == "/settings"


@pytest.mark.parametrize("where", PLACES[1:], ids=lambda one: one["platform"])
async def test_every_value_that_is_offered_is_taken_and_shown_as_set(bot: Talk, where: dict[str, Any]) -> None:
    for one in SETTINGS:
        if one.only_on not in {None, where["platform"]}:
            continue
        page = await bot.ask(f"/settings {one.key}", **where)
        for option in options(page):
            changed = await bot.ask(option.command, **where)
            assert changed.menu, option
            assert changed.symbol == "✅", option
            again = await bot.ask(f"/settings {one.key}", **where)
            assert chosen(again) == chosen(changed), option
            assert option.command in {now.command for now in options(again) if now.chosen}, option


async def test_two_taps_change_a_thing_and_the_third_leads_back(bot: Talk) -> None:
    menu = await bot.ask("/settings")
    tap = next(one.command for one in menu.buttons if one.label == "Patience")
    assert tap is not None
    page = await bot.ask(tap)
    assert chosen(page) == ["15 min"]
    tap = next(one.command for one in options(page) if one.label == "1 h")
    page = await bot.ask(tap)
    assert (page.symbol, chosen(page)) == ("✅", ["1 h"])
    assert "after 1 h" in plain_text(page.title)
    assert [one.label for one in page.buttons] == ["Back"]
    assert page.buttons[0].command is not None
    menu = await bot.ask(page.buttons[0].command)
    assert any("after 1 h" in plain_text(line) for line in menu.lines)


@pytest.mark.parametrize(("typed", "label"), [("20m", "20 min"), ("2h", "2 h")])
async def test_what_was_typed_is_among_the_values_in_its_order(bot: Talk, typed: str, label: str) -> None:
    page = await bot.ask(f"/settings patience {typed}")
    labels = [one.label for one in options(page)]
    assert chosen(page) == [label]
    lengths = [int(n) * (HOUR if unit == "h" else MINUTE) for n, unit in (one.split() for one in labels[:-1])]
    assert lengths == sorted(lengths)
    assert labels[-1] == "Never"


async def test_a_tap_by_who_may_not_is_refused_whatever_it_types(bot: Talk) -> None:
    member = {"platform": "telegram", "chat": "-1001", "is_admin": False}
    for command in ("/settings", "/settings patience", "/settings patience 1h"):
        told = await bot.ask(command, **member)
        assert not told.menu
        assert told.symbol == "🔒"
    assert "after 15 min" in await bot.say("/settings patience")


async def test_a_menu_of_another_place_keeps_that_place(bot: Talk) -> None:
    there = {"platform": "telegram", "chat": "-1009", "chat_title": "@news", "elsewhere": True}
    menu = await bot.ask("/settings", **there)
    assert "@news" in plain_text(menu.title)
    page = await bot.ask("/settings patience", **there)
    typed = [one.command for one in (*menu.buttons, *page.buttons)] + [one.command for one in options(page)]
    assert all(one is not None and one.endswith(" in -1009") for one in typed)
    assert typed[-1] == "/settings patience off in -1009"


async def test_where_a_place_cannot_be_typed_nothing_is_tapped(bot: Talk) -> None:
    there = {"platform": "discord", "chat": "1", "topic": "2", "elsewhere": True}
    page = await bot.ask("/settings patience", **there)
    assert (page.buttons, page.selects) == ((), ())
    assert "/settings patience 30m" in "\n".join(map(plain_text, page.lines))


async def test_pages_behind_a_page_lead_back_to_it(bot: Talk) -> None:
    page = await bot.ask("/settings words")
    assert not page.selects
    *kinds, back = page.buttons
    assert back.command == "/settings"
    assert {one.command.split()[1] for one in kinds if one.command} == {"words"}
    assert kinds[0].command is not None
    behind = await bot.ask(kinds[0].command)
    assert behind.symbol == "⚙️"
    assert behind.buttons[-1].command == "/settings words"
    written = await bot.ask(f"{kinds[0].command} {{{{ name }}}} begins")
    assert [one.label for one in written.buttons if one.chosen] == [kinds[0].label]
    assert written.buttons[-1].command == "/settings words"


async def test_labels_are_in_the_language_of_the_chat(bot: Talk) -> None:
    english = await bot.ask("/settings")
    spanish = await bot.ask("/settings language es")
    assert spanish.buttons[-1].label != "Back"
    menu = await bot.ask("/settings")
    assert [one.command for one in menu.buttons] == [one.command for one in english.buttons]
    # A sentence that is not yet translated is said in English: it is told as a gap elsewhere.
    same = {one.label for one in menu.buttons} & {one.label for one in english.buttons}
    assert len(same) < len(menu.buttons) / 2
