"""A chat's own words: what they may say, what they cannot reach, and that no alert breaks of them."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from functools import lru_cache

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from bot.chats.discord import render as discord
from bot.chats.telegram import render as telegram
from bot.domain import HOUR, MINUTE
from bot.domain.alerts import KINDS, card, close, correction, ended, milestone, record, reminder, started
from bot.domain.alerts.record import Rival, Scope, Standing
from bot.domain.measure import Measure
from bot.domain.reading import State
from bot.domain.session import Session
from bot.domain.statistics import Tally
from bot.domain.story import BrokenRecord, Chase, Rank, Story
from bot.ports.message import Message, Span, plain_text
from bot.texts import alerts, digest, own, own_fields, sandbox
from bot.texts.refused import Refused
from bot.texts.words import Words
from handlers.settings.words import EXAMPLES
from tests.fakes.clock import NOW

WORDS = Words(timezone="Asia/Karachi")
URDU = Words(language="ur", timezone="Asia/Karachi")
#: A title that tries all that a title can try.
EVIL = "@everyone <@&123> **b** [x](https://evil.example) <b>{{ name }}{% for %} @here\u202e"


@lru_cache
def story(kind: str, *, name: str = "Night Radio", title: str | None = "Songs", full: bool = True) -> Story:
    """Return a story of a kind with all that may be known, or as little as there can be."""
    tally = Tally(first_at=NOW - HOUR, last_at=NOW, readings=9)
    if full:
        tally.peak, tally.peak_at, tally.tuned_in, tally.posts, tally.views = 1_250, NOW - MINUTE, 4_000, 7, 90
        tally.area, tally.covered = 1_000.0 * HOUR, HOUR
    state = {ended.KIND: State.ENDED, reminder.KIND: State.SCHEDULED}.get(kind, State.LIVE)
    due = NOW + 15 * MINUTE if kind == reminder.KIND else NOW - HOUR
    session = Session(1, ["s"], state, tally=tally, title=title, hosts=("Ann", "Bo") if full else ())
    session.started_at = due if full or kind == reminder.KIND else None
    rival = Rival(value=1_000, holder="Other Radio", date="2026-05-03" if full else None)
    standing = Standing(scope=Scope.CHAT, previous=rival, sessions=4, since=NOW - 9 * HOUR)
    broken = BrokenRecord(measure=Measure.PEAK, value=1_250, standing=standing)
    told = Story(
        kind=kind,
        at=NOW,
        late=False,
        name=name,
        watch="radio",
        platform="x",
        unit="listeners",
        interval=MINUTE,
        timezone="UTC",
        session=session,
        url="https://x.example/s",
        measure=Measure.PEAK,
        value=1_250,
        threshold=1_000,
        records=(broken,) if full or kind == record.KIND else (),
        since=NOW - HOUR,
        why="unavailable" if full else None,
    )
    if kind == close.KIND:
        told = replace(told, chase=Chase(measure=Measure.PEAK, value=930, scope=Scope.WATCH, rival=rival))
    if not full:
        return told
    return replace(
        told,
        next_rung=2_500,
        last_rung=(NOW - 10 * MINUTE, 500),
        rungs=((NOW - 20 * MINUTE, 500), (NOW - MINUTE, 1_000)),
        rank=Rank(measure=Measure.PEAK, place=2, sessions=9),
        back_at=NOW - MINUTE,
    )


def said(kind: str, text: str, *, words: Words = WORDS, **how: object) -> list[str]:
    message = own.write(story(kind, **how), words, text)
    return [plain_text(message.title), *(plain_text(line) for line in message.lines)]


def refused(text: str, kind: str = milestone.KIND) -> Refused:
    with pytest.raises(Refused) as caught:
        own.check(text, kind, WORDS)
    return caught.value


# What they say


def test_the_title_and_lines_are_the_chats_own_and_the_rest_stays() -> None:
    told = story(ended.KIND)
    plain = alerts.write(told, WORDS)
    message = own.write(told, WORDS, "🏁 {{ name }} is over\nafter {{ airtime }}: {{ peak }}")
    assert plain_text(message.title) == "🏁 Night Radio is over"
    assert [plain_text(line) for line in message.lines] == ["after 1 h: 1,250"]
    assert message.symbol == ""
    assert (message.fields, message.footer, message.buttons) == (plain.fields, plain.footer, plain.buttons)
    assert message.fields
    assert message.footer


def test_without_own_words_nothing_changes() -> None:
    for kind in KINDS:
        assert own.write(story(kind), WORDS) == alerts.write(story(kind), WORDS)


def test_what_says_how_far_a_figure_can_be_trusted_stays_below_own_words() -> None:
    told = replace(story(record.KIND), late=True)
    rival = replace(told.records[0].standing.previous, entry_id=3, disputed=True)
    broken = replace(told.records[0], standing=replace(told.records[0].standing, previous=rival))
    told = replace(told, records=(broken,))
    lines = [plain_text(line) for line in own.write(told, WORDS, "🏆 {{ figure }}").lines]
    assert "disputed" in lines[0]
    assert lines[1].startswith("Measured by us: peak at once, read every 1 min")
    assert lines[2].startswith("Seen late")


def test_figures_are_written_as_the_language_does_and_bare_numbers_reckon() -> None:
    text = "{{ value }} {{ value_number | times: 1000 }} {{ value_number | times: 1000 | number }}"
    assert said(milestone.KIND, text)[0] == "1,250 1250000 1.25 million"
    text = "{% if next_number > 2000 %}big{% else %}small{% endif %} {{ next_number | minus: value_number }}"
    assert said(milestone.KIND, text)[0] == "big 1250"


def test_what_has_nothing_to_say_is_nothing_and_can_be_asked_for() -> None:
    text = "{{ name }}{% if next %}: next {{ next }}{% endif %}"
    assert said(milestone.KIND, text)[0] == "Night Radio: next 2,500"
    assert said(milestone.KIND, text, full=False)[0] == "Night Radio"


def test_line_breaks_stay_and_blank_lines_never_pile_up() -> None:
    text = "a\n\n{% if next %}{% endif %}\n\n  b  c \n\n"
    assert said(milestone.KIND, text) == ["a", "", "b c"]
    assert own.neat("a\\nb\r\nc \u202e d\n") == "a\nb\nc d"


def test_a_long_first_line_is_no_title_so_that_no_chat_cuts_it() -> None:
    message = own.write(story(milestone.KIND), WORDS, "x" * 300)
    assert message.title == ()
    assert plain_text(message.lines[0]) == "x" * 300


def test_a_digest_of_the_morning_has_them_too() -> None:
    told = story(milestone.KIND)
    messages = [own.write(told, WORDS, text) for text in ("🎉 {{ figure }}!", "y" * 300)]
    lines = [plain_text(line) for line in digest.write([(NOW, one) for one in messages], WORDS).lines]
    assert lines[1].startswith("• ")
    assert lines[1].endswith(": 🎉 1,000 listeners!")
    assert lines[2].endswith("y" * 300)


def test_a_latin_name_in_urdu_words_is_set_apart() -> None:
    (first, *_) = said(milestone.KIND, "{{ name }} اب {{ rung }} پر", words=URDU)
    assert "\u2068Night Radio\u2069" in first
    cut = said(milestone.KIND, "{{ name | slice: 0, 4 }} اب", words=URDU)[0]
    assert cut.count("\u2068") == cut.count("\u2069")


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_fields_and_an_example_that_works(kind: str) -> None:
    own.check(EXAMPLES[kind], kind, WORDS)
    with capture_logs() as logs:
        for full in (True, False):
            assert said(kind, EXAMPLES[kind], full=full)
    assert not logs


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("words", [WORDS, URDU, Words(language="ko"), Words(language="es")])
def test_every_field_says_something_where_all_is_known_and_none_breaks_where_little_is(
    kind: str, words: Words
) -> None:
    full = own_fields.values(story(kind), words)
    assert {name for name, value in full.items() if value is None} <= {"next_in", "falls_in"}
    assert all(value.strip() for value in full.values() if isinstance(value, str))
    assert own_fields.values(story(kind, full=False, title=None), words).keys() == full.keys()
    for field in own_fields.FIELDS[kind]:
        assert (field.number is None) == (field.name + own_fields.NUMBER not in full)


def test_cards_and_corrections_are_told_in_the_bots_words() -> None:
    assert set(own.KINDS) == set(KINDS)
    assert not {card.KIND, correction.KIND} & set(own.KINDS)
    live = story(started.KIND)
    on_card = replace(live, kind=card.KIND)
    assert own.write(on_card, WORDS, "mine") == alerts.write(on_card, WORDS)


# What is refused, and where


@pytest.mark.parametrize(
    ("text", "why", "line", "column"),
    [
        ("🎉 {{ nme }}", "There is no field nme.", 1, 6),
        ("{{ name }}\n the {{ nme }}", "There is no field nme.", 2, 9),
        ("{% if false %}{{ nme }}{% endif %}", "There is no field nme.", 1, 18),
        ("{{ name.upper }}", "There is no field name.upper.", 1, 4),
        ("{{ peak }}", "There is no field peak.", 1, 4),  # of a recap
        ("{{ name | shout }}", "There is no filter shout.", 1, 11),
        ("{% if false %}{{ name | shout }}{% endif %}", "There is no filter shout.", 1, 25),
        ("{% for a in name %}{% endfor %}", "There is no tag for.", 1, 4),
        ("{% include 'a' %}", "There is no tag include.", 1, 4),
        ("a {% endif %}", "endif stands outside of what it belongs to.", 1, 6),
        ("{{ name }} {{ rung", "What begins here is never closed.", 1, 12),
        ("a\n{% if rung %} b", "What begins here is never closed.", 2, 1),
        ("{{ name name }}", "name is not expected here.", 1, 9),
        ("a {{ }}", "This cannot be read.", 1, 3),
        ("{{ (1..9) }}", "There are no ranges here.", 1, 4),
        ("{{ rung_number | divided_by: 0 }}", "This cannot be worked out.", 1, 18),
        ("{% if name > 3 %}a{% endif %}", "This cannot be worked out.", 1, 12),
    ],
)
def test_a_bad_text_is_refused_with_the_place_of_its_mistake(text: str, why: str, line: int, column: int) -> None:
    error = refused(text)
    assert str(error) == why
    assert (error.line, error.column) == (line, column)
    assert "".join(error.near) == text.split("\n")[line - 1]


def test_an_unknown_field_names_those_there_are() -> None:
    assert {"name", "rung", "rung_number"} <= set(refused("{{ nme }}").known)
    assert refused("{{ name | shout }}").known == sandbox.FILTERS


@pytest.mark.parametrize("text", ["", "   ", "{% if false %}a{% endif %}", "{{ '' }}", "\u200b"])
def test_a_text_that_says_nothing_is_refused(text: str) -> None:
    assert str(refused(text)) == "It says nothing."


# What they cannot do


@pytest.mark.parametrize(
    "text",
    [
        "{{ name.__class__ }}",
        "{{ name['__class__'] }}",
        "{{ name.__class__.__mro__ }}",
        "{{ ['__builtins__'] }}",
        "{{ words }}",
        "{{ self }}",
        "{{ now }}",
        "{{ today }}",
        "{{ forloop }}",
        "{{ rung_number.real }}",
        "{{ name.size }}",
        "{{ name | date: '%Y' }}",
        "{{ name | map: '__class__' }}",
        "{% render 'a' %}",
        "{% liquid echo now %}",
        "{% assign name = now %}{{ name }}",
        "{{ [name] }}",
        "{{ name[rung] }}",
    ],
)
def test_nothing_but_fields_is_reached(text: str) -> None:
    assert refused(text).line is not None or "field" in str(refused(text))


#: Each of them takes seconds or gigabytes in the library as it comes, or much time for its length.
HOSTILE = [
    "{% assign x = (1..100000000) %}{% if x contains 'a' %}{% endif %}",
    "{% if (1..30000000) contains 'a' %}1{% endif %}",
    "{% for i in (1..99999) %}{% for j in (1..99999) %}a{% endfor %}{% endfor %}",
    "{{ name" + " | replace: '', name" * 45 + " }}",
    "{% assign a = name %}" + "{% assign a = a | append: a %}" * 30 + "{{ a }}",
    "{% assign a = 99 %}" + "{% assign a = a | times: a %}" * 30 + "{{ a }}",
    "{{" * 500,
    "{%" * 500,
    "{{" + " " * 990,
    "{%- upcase" + "upcase" * 160,
    "{% comment %}" + "{%" * 79 + "a" * 800,
    "{{ a" + "[a" * 300 + "]" * 300 + " }}",
    "{% if rung %}" * 60,
    "{% if rung" + " and rung" * 100 + " %}a{% endif %}",
    "x" * 100_000,
    "{{ name }}" * 10_000,
    "{{ name | date: '%9999999999d' }}",
    "{{ rung_number | round: 99999999999 }}",
    "{{ '" + "9" * 900 + "' | times: 9 }}",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_text_costs_little_whatever_it_asks_for(text: str) -> None:
    def once() -> float:
        sandbox._read.cache_clear()
        began = time.process_time()
        try:
            shown = sandbox.say(text, own_fields.values(story(milestone.KIND), WORDS), WORDS)
        except Refused:
            shown = ""
        assert len(shown) <= sandbox.MOST_SAID
        return time.process_time() - began

    # A bound on what hangs, no measurement: without the limits some of these run for seconds. Seen: 5 ms at most.
    assert min(once() for _ in range(3)) < 0.5


PIECES = st.sampled_from(
    [
        "{{", "}}", "{%", "%}", "{{ ", " }}", "{% if ", "{% endif %}", "{% else %}", "{% assign a = ", "-", "|",
        " name ", " rung_number ", " next ", "a", "__class__", ".", "[", "]", "(", ")", "..", "'", '"', "1", "99",
        " | append: ", " | times: ", " | replace: ", " | truncate: ", " | number ", " contains ", " == ", " > ",
        "\n", " ", "@everyone", "<b>", "**", "é", "한", "لا", "\u202e", "\u2068", "\x00", "\ud800",
        "{% comment %}", "{% raw %}", "{% endraw %}", "{% case ", "{% when ", "#", "\\n",
    ]
)  # fmt: skip


@given(
    text=st.one_of(st.text(max_size=200), st.lists(PIECES, max_size=30).map("".join)),
    kind=st.sampled_from(KINDS),
    full=st.booleans(),
)
def test_no_text_ever_breaks_an_alert(text: str, kind: str, full: bool) -> None:
    told = story(kind, full=full)
    message = own.write(told, WORDS, own.neat(text))
    plain = alerts.write(told, WORDS)
    assert message.title or message.lines
    assert (message.fields, message.footer, message.buttons) == (plain.fields, plain.footer, plain.buttons)
    discord.payload_of(message)
    telegram.text(message)


@given(text=st.lists(PIECES, max_size=30).map("".join))
def test_what_is_accepted_is_said_of_every_story_or_falls_back_and_reaches_nothing(text: str) -> None:
    text = own.neat(text)
    try:
        own.check(text, milestone.KIND, WORDS)
    except Refused:
        return
    with capture_logs():
        told = " ".join(said(milestone.KIND, text))
    assert "<class" not in told
    assert "object at 0x" not in told


# They are text, as any title from outside


def test_neither_a_text_nor_a_title_becomes_markup_or_calls_anybody() -> None:
    text = "@everyone <@&42> **hi** [x](https://evil.example) <b>{{ title }}</b>\n# {{ title }}\n@ann_bot"
    message = own.write(story(milestone.KIND, title=EVIL), WORDS, text)
    for line in (message.title, *message.lines):
        assert all(span == Span(span.text) for span in line)
    assert "{{ name }}" in plain_text(message.title)  # a title is no template
    body = discord.payload_of(message)
    assert body["allowed_mentions"] == {"parse": []}
    (embed,) = body["embeds"]
    written = embed.get("title", "") + embed["description"]
    assert not re.search(r"(?<!\\)[<*\[@]", written)
    assert not re.search(r"^#", embed["description"], re.MULTILINE)
    html = telegram.text(message)
    assert set(re.findall(r"<[^>]*>", html)) <= {"<b>", "</b>"}
    assert not re.search(r"@\w", html)


# Sending goes on


def test_what_cannot_be_said_any_more_is_said_in_the_bots_words_with_a_line_in_the_log() -> None:
    for text in ("{{ a_field_of_an_older_version }}", "{{ next_number | divided_by: last_number }}"):
        told = story(milestone.KIND, full=False)
        with capture_logs() as logs:
            message = own.write(replace(told, last_rung=(NOW, 0)), WORDS, text)
        assert message == alerts.write(replace(told, last_rung=(NOW, 0)), WORDS)
        assert [line["event"] for line in logs if line["log_level"] != "debug"] == [
            "a chat's own words could not be said"
        ]


def test_words_that_say_nothing_just_now_leave_the_bots_own() -> None:
    told = story(milestone.KIND, full=False)
    with capture_logs() as logs:
        message: Message = own.write(told, WORDS, "{% if next %}Next: {{ next }}{% endif %}")
    assert message == alerts.write(told, WORDS)
    assert [line["log_level"] for line in logs] == ["info"]
