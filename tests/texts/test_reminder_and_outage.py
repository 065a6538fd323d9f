"""What a reminder and an outage read like."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.domain import DAY, HOUR, MINUTE, SECOND
from bot.domain.alerts import outage, reminder
from bot.domain.reading import State
from bot.domain.session import Session
from bot.domain.story import Story
from bot.ports.message import plain_text
from bot.texts import alerts
from bot.texts.words import Words
from tests.fakes.clock import NOW

KARACHI = Words(timezone="Asia/Karachi")
#: 20:15 in Karachi.
DUE = NOW + 15 * MINUTE
STORY = Story(
    kind=reminder.KIND,
    at=NOW,
    late=False,
    name="Night Radio",
    watch="radio",
    platform="x",
    unit="listeners",
    interval=MINUTE,
    timezone="UTC",
    session=Session(1, ["s"], State.SCHEDULED, started_at=DUE),
    url="https://x.example/s",
)


def title(story: Story, words: Words = KARACHI) -> str:
    return plain_text(alerts.write(story, words).title)


def announced(text: str | None, *, left: int = 15 * MINUTE) -> Story:
    session = Session(1, ["s"], State.SCHEDULED, title=text, started_at=DUE)
    return replace(STORY, session=session, at=DUE - left)


def unread(*, why: str | None, back_at: int | None = None, session: Session | None = None) -> Story:
    live = Session(1, ["s"], State.LIVE)
    return replace(STORY, kind=outage.KIND, since=NOW, why=why, back_at=back_at, session=session or live)


@pytest.mark.parametrize(
    ("left", "told"),
    [
        (15 * MINUTE, "In 15 min"),
        (15 * MINUTE - 29 * SECOND, "In 15 min"),
        (4 * MINUTE + 12 * SECOND, "In 4 min"),
        (5 * SECOND, "In 1 min"),
        (HOUR, "In 1 h"),
        (DAY + HOUR, "In 1 d 1 h"),
    ],
)
def test_a_reminder_tells_what_is_really_left_in_whole_minutes(left: int, told: str) -> None:
    assert title(announced("Songs", left=left)).startswith(f"{told}: Songs – Night Radio, at 20:30 PKT")


def test_the_day_is_told_if_it_is_not_that_of_the_reader() -> None:
    assert "PKT on" not in title(announced("Songs", left=20 * HOUR))
    assert title(announced("Songs", left=21 * HOUR)).endswith("at 20:30 PKT on 22 November 2026")


@pytest.mark.parametrize("text", [None, "", "night radio", "\u202e"])
def test_a_title_that_says_nothing_more_than_the_name_is_left_out(text: str | None) -> None:
    assert title(announced(text)) == "In 15 min: Night Radio, at 20:30 PKT"


def test_a_title_from_outside_is_no_more_than_text() -> None:
    told = alerts.write(announced("{name} [x](https://evil.example) @everyone\n*b*" + "x" * 500), KARACHI)
    assert plain_text(told.title).startswith("In 15 min: {name} [x](https://evil.example) @everyone *b*")
    assert len(plain_text(told.title)) < 300
    assert all(span.url is None for span in told.title)


def test_a_reminder_offers_the_session_and_silence_and_no_figures() -> None:
    assert [button.label for button in alerts.write(STORY, KARACHI).buttons] == ["Open", "Mute"]


@pytest.mark.parametrize(
    ("why", "told"),
    [
        ("unavailable: no answer within 20 s", "No answer within 20 s"),
        ("unavailable", "The source does not answer."),
        ("rate_limited", "The source wants to be asked less often."),
        ("denied", "The source refuses this bot."),
        ("garbage", "What the source answers cannot be read."),
        ("gone", "What is watched is no longer there."),
    ],
)
def test_an_outage_tells_the_reason_in_plain_words(why: str, told: str) -> None:
    message = alerts.write(unread(why=why), KARACHI)
    assert plain_text(message.title) == "No figures of Night Radio since 20:15 PKT"
    assert [plain_text(line) for line in message.lines] == [
        told,
        "The session is taken as going on; what is missing counts as unknown.",
    ]


def test_an_outage_without_a_known_reason_gives_none() -> None:
    assert len(alerts.write(unread(why=None), KARACHI).lines) == 1


def test_figures_that_are_back_are_told_with_what_is_unknown() -> None:
    back = NOW + 38 * MINUTE
    assert title(unread(why=None, back_at=back)) == (
        "Figures of Night Radio are back since 20:53 PKT; 38 min are unknown."
    )
    gone = Session(1, ["s"], State.LIVE, gone_at=back)
    over = Session(1, ["s"], State.ENDED, ended_at=back)
    for session in (gone, over):
        told = title(unread(why=None, back_at=back, session=session))
        assert told == "Night Radio could be read again at 20:53 PKT; 38 min are unknown."
