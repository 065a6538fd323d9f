"""Every time says its zone where a reader could be misled; Discord shows moments in each reader's own."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from bot.chats.discord import render as discord
from bot.chats.telegram import render as telegram
from bot.domain import DAY, HOUR
from bot.domain.alerts import KINDS, card, ended, outage, reminder, started
from bot.domain.story import Story
from bot.ports.message import Message, plain_text
from bot.texts import alerts
from bot.texts.words import Words
from tests.texts.test_own import story

KARACHI = Words(timezone="Asia/Karachi")
#: A time of day that no zone follows. A length of time is never written so.
_BARE = re.compile(r"\b\d{1,2}:\d{2}\b(?! (?:PKT|UTC))")


def texts(message: Message) -> list[str]:
    shown = [message.title, *message.lines, message.footer, *(field.value for field in message.fields)]
    return [plain_text(line) for line in shown]


def told(kind: str) -> Story:
    one = story(started.KIND if kind == card.KIND else kind)
    late = one.session.started_at is not None and kind != reminder.KIND
    one = replace(one, kind=kind, late=late, since_end=kind == ended.KIND)
    return replace(one, at=one.at + HOUR) if kind == ended.KIND else one


@pytest.mark.parametrize("kind", [*KINDS, card.KIND])
def test_every_time_in_an_alert_says_its_zone(kind: str) -> None:
    for text in texts(alerts.write(told(kind), KARACHI)):
        assert _BARE.search(text) is None, text


def test_figures_that_grow_on_say_as_of_when_with_the_zone_and_another_day() -> None:
    one = told(ended.KIND)
    footer = plain_text(alerts.write(one, KARACHI).footer)
    assert re.search(r"as of \d\d:\d\d PKT, still growing", footer)
    later = plain_text(alerts.write(replace(one, at=one.at + DAY), KARACHI).footer)
    assert re.search(r"as of \d+ \w+ \d{4}, \d\d:\d\d PKT, still growing", later)


@pytest.mark.parametrize("kind", [ended.KIND, outage.KIND, started.KIND, card.KIND])
def test_discord_shows_moments_in_each_readers_own_zone_and_telegram_in_the_chats(kind: str) -> None:
    one = told(kind)
    message = alerts.write(one, KARACHI)
    (embed,) = discord.payload_of(message)["embeds"]
    assert re.search(r"<t:\d+:[a-zA-Z]>", str(embed))
    html = telegram.text(message)
    assert "PKT" in html
    assert "<t:" not in html
