"""What a chat's own words may speak of: the fields of each kind of alert.

Figures are written as the chat's language does. Most have a twin whose name ends in ``_number``: the bare number,
to reckon and compare with. What is not known, or has nothing to say just now, is nothing: ``{% if next %}`` asks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bot.domain import MINUTE
from bot.domain.alerts import close, ended, milestone, outage, record, reminder, started
from bot.domain.alerts.record import Rival
from bot.domain.measure import Measure, measured
from bot.domain.outside import clean
from bot.domain.reading import plain
from bot.domain.story import BrokenRecord, Chase, Story
from bot.ports.message import Line, Span, plain_text
from bot.texts import direction
from bot.texts.alerts import common
from bot.texts.trouble import reason
from bot.texts.units import counted, measure_name, platform_name, value_text
from bot.texts.words import N_, Words

#: What a field may be: a text, a bare number, or nothing.
Value = str | int | float | None

#: Behind the name of a field: its bare number.
NUMBER = "_number"
#: Characters of one field.
LONGEST = 300


@dataclass(frozen=True, slots=True)
class Field:
    """One field.

    Attributes:
        about: What it says: a message id of the catalogs.
        told: Returns it as it is written, None where there is nothing to say.
        number: Returns its bare number, where it has one; lengths of time are in minutes.
    """

    name: str
    about: str
    told: Callable[[Story, Words], str | Span | Line | None]
    number: Callable[[Story], float | None] | None = None


def values(story: Story, words: Words) -> dict[str, Value]:
    """Return all fields of a story's kind with what they say of it."""
    made: dict[str, Value] = {}
    for field in FIELDS[story.kind]:
        made[field.name] = _written(field.told(story, words), words)
        if field.number is not None:
            number = field.number(story)
            made[field.name + NUMBER] = None if number is None else plain(round(number, 2))
    return made


def _written(told: str | Span | Line | None, words: Words) -> str | None:
    if told is None:
        return None
    text = told if isinstance(told, str) else told.text if isinstance(told, Span) else plain_text(told)
    bare = clean(text, limit=LONGEST)
    return plain_text(direction.isolated((Span(bare),), rtl=words.right_to_left)) if bare else None


# What the fields are read from


def _elapsed(story: Story) -> int | None:
    first = story.session.tally.first_at
    return None if first is None or story.at <= first else story.at - first


def _length(ms: float | None, words: Words) -> str | None:
    return None if ms is None else words.duration(ms)


def _minutes(ms: float | None) -> float | None:
    return None if ms is None else ms / MINUTE


def _time(ms: int | None, words: Words) -> str | None:
    return None if ms is None else words.time(ms).text


def _compared(story: Story) -> BrokenRecord | Chase | None:
    """Return the record that a story is about: the one that fell, or that it is close to."""
    if story.kind == close.KIND:
        return story.chase
    return story.records[0] if story.records else None


def _rival(story: Story) -> Rival | None:
    one = _compared(story)
    return one.rival if isinstance(one, Chase) else None if one is None else one.standing.previous


def _scope(story: Story, words: Words) -> str | None:
    one = _compared(story)
    if one is None:
        return None
    return common.scope_name(story, one.scope if isinstance(one, Chase) else one.standing.scope, words)


def _of_record(story: Story, words: Words, *, previous: bool = False) -> str | None:
    one, rival = _compared(story), _rival(story)
    if one is None or rival is None:
        return None
    return value_text(words, one.measure, rival.value if previous else one.value)


def _rival_told(story: Story, words: Words) -> Line | None:
    one, rival = _compared(story), _rival(story)
    return (
        None if one is None or rival is None else common.rival_line(rival, one.measure, words, called=story.name)
    )


def _margin(story: Story, words: Words) -> Line | None:
    one, rival = _compared(story), _rival(story)
    if one is None or rival is None or isinstance(one, Chase):
        return None
    return common.margin(one.value, rival, one.measure, words)


def _margin_number(story: Story) -> float | None:
    one, rival = _compared(story), _rival(story)
    return None if one is None or rival is None else one.value - rival.value


def _in_units(story: Story, words: Words) -> str | None:
    if story.threshold is None:
        return None
    in_all = None if story.measure is Measure.PEAK else story.measure
    return plain_text(counted(words, story.threshold, story.unit, in_all))


def _pace(story: Story) -> int | None:
    return None if story.last_rung is None else story.at - story.last_rung[0]


def _in_all(measure: Measure) -> tuple[Callable[[Story, Words], str | None], Callable[[Story], float | None]]:
    def told(story: Story, words: Words) -> str | None:
        value = measured(story.session.tally, measure)
        return None if value is None else value_text(words, measure, value)

    return told, lambda story: measured(story.session.tally, measure)


def _rungs(story: Story, words: Words) -> str | None:
    return words.list([words.number(rung) for _, rung in story.rungs]) if story.rungs else None


def _to_start(story: Story) -> int | None:
    due = story.session.started_at
    return None if due is None else max(1, round((due - story.at) / MINUTE)) * MINUTE


def _lasted(story: Story) -> int | None:
    if story.since is None:
        return None
    return (story.at if story.back_at is None else story.back_at) - story.since


# The fields

_EVERYWHERE = (
    Field("name", N_("what is watched, as this chat calls it"), lambda story, words: common.name(story.name)),
    Field(
        "title",
        N_("what the session is called"),
        lambda story, words: clean(story.session.title or "", limit=common.TITLE_LIMIT),
    ),
    Field("hosts", N_("who hosts it"), lambda story, words: common.hosts(story.session, words)),
    Field("platform", N_("where it is"), lambda story, words: platform_name(story.platform)),
    Field("time", N_("when it happened, with the zone"), lambda story, words: words.time(story.at)),
    Field("date", N_("the day on which it happened"), lambda story, words: words.date(story.at)),
)
_ELAPSED = Field(
    "elapsed",
    N_("how long it had been on the air"),
    lambda story, words: _length(_elapsed(story), words),
    lambda story: _minutes(_elapsed(story)),
)
_RECORD = (
    Field(
        "figure",
        N_("the figure with what it counts"),
        lambda story, words: None if (one := _compared(story)) is None else common.figure_text(story, one, words),
    ),
    Field(
        "value",
        N_("the figure alone"),
        _of_record,
        lambda story: None if (one := _compared(story)) is None else one.value,
    ),
    Field(
        "measure",
        N_("what is compared"),
        lambda story, words: None if (one := _compared(story)) is None else measure_name(words, one.measure),
    ),
    Field("scope", N_("among whom it is a record"), _scope),
    Field("rival", N_("the record before: how high, whose, when"), _rival_told),
    Field(
        "previous",
        N_("how high the record before is"),
        lambda story, words: _of_record(story, words, previous=True),
        lambda story: None if (rival := _rival(story)) is None else rival.value,
    ),
    Field(
        "holder",
        N_("whose it is"),
        lambda story, words: None if (rival := _rival(story)) is None else common.name(rival.holder),
    ),
    Field(
        "holder_date",
        N_("when it was set"),
        lambda story, words: (
            words.day(rival.date) if (rival := _rival(story)) is not None and rival.date else None
        ),
    ),
    _ELAPSED,
)

#: By kind, in the order in which they are shown.
FIELDS: dict[str, tuple[Field, ...]] = {
    started.KIND: (
        *_EVERYWHERE,
        Field(
            "since",
            N_("since when it is on the air"),
            lambda story, words: _time(story.session.started_at, words),
        ),
    ),
    milestone.KIND: (
        *_EVERYWHERE,
        Field(
            "rung",
            N_("the milestone"),
            lambda story, words: None if story.threshold is None else words.number(story.threshold),
            lambda story: story.threshold,
        ),
        Field("figure", N_("the milestone with what it counts"), _in_units),
        Field(
            "value",
            N_("where the figure stands"),
            lambda story, words: None if story.value is None else words.number(story.value),
            lambda story: story.value,
        ),
        Field(
            "next",
            N_("the next milestone"),
            lambda story, words: None if story.next_rung is None else words.number(story.next_rung),
            lambda story: story.next_rung,
        ),
        Field(
            "next_in",
            N_("when that would be reached at this pace"),
            lambda story, words: None if story.estimate is None else common.estimated(story.estimate, words),
        ),
        Field(
            "last",
            N_("the milestone before"),
            lambda story, words: None if story.last_rung is None else words.number(story.last_rung[1]),
            lambda story: None if story.last_rung is None else story.last_rung[1],
        ),
        Field(
            "pace",
            N_("how long after that one"),
            lambda story, words: _length(_pace(story), words),
            lambda story: _minutes(_pace(story)),
        ),
        _ELAPSED,
    ),
    record.KIND: (
        *_EVERYWHERE,
        *_RECORD,
        Field("margin", N_("by how much it was beaten"), _margin, _margin_number),
    ),
    close.KIND: (
        *_EVERYWHERE,
        *_RECORD,
        Field(
            "share",
            N_("how much of the record is reached"),
            lambda story, words: None if story.chase is None else words.percent(story.chase.share),
            lambda story: None if story.chase is None else story.chase.share * 100,
        ),
        Field(
            "falls_in",
            N_("when it would fall at this pace"),
            lambda story, words: None if story.overtakes is None else common.estimated(story.overtakes, words),
        ),
    ),
    ended.KIND: (
        *_EVERYWHERE,
        Field(
            "airtime",
            N_("how long it was on the air"),
            lambda story, words: _length(story.session.tally.airtime, words),
            lambda story: _minutes(story.session.tally.airtime),
        ),
        Field("peak", N_("the peak at once"), *_in_all(Measure.PEAK)),
        Field(
            "peak_time",
            N_("when that was, with the zone"),
            lambda story, words: _time(story.session.tally.peak_at, words),
        ),
        Field("average", N_("the average at once"), *_in_all(Measure.AVERAGE)),
        Field("tuned_in", N_("how many tuned in over the whole session"), *_in_all(Measure.TUNED_IN)),
        Field("views", N_("its views"), *_in_all(Measure.VIEWS)),
        Field("posts", N_("its posts"), *_in_all(Measure.POSTS)),
        Field(
            "record",
            N_("the first record that it holds: the figure with what it counts"),
            lambda story, words: common.figure_text(story, story.records[0], words) if story.records else None,
        ),
        Field(
            "records",
            N_("how many records it holds"),
            lambda story, words: words.exact(len(story.records)) if story.records else None,
            lambda story: len(story.records),
        ),
        Field(
            "place",
            N_("its place among all sessions of what is watched"),
            lambda story, words: None if story.rank is None else words.exact(story.rank.place),
            lambda story: None if story.rank is None else story.rank.place,
        ),
        Field(
            "sessions",
            N_("how many sessions these are"),
            lambda story, words: None if story.rank is None else words.exact(story.rank.sessions),
            lambda story: None if story.rank is None else story.rank.sessions,
        ),
        Field("rungs", N_("the milestones that it passed"), _rungs),
    ),
    outage.KIND: (
        *_EVERYWHERE,
        Field(
            "since",
            N_("since when figures are missing, with the zone"),
            lambda story, words: _time(story.since, words),
        ),
        Field(
            "back",
            N_("when they came back, with the zone; nothing while they are missing"),
            lambda story, words: _time(story.back_at, words),
        ),
        Field(
            "length",
            N_("how long they are, or were, missing"),
            lambda story, words: _length(_lasted(story), words),
            lambda story: _minutes(_lasted(story)),
        ),
        Field("reason", N_("why, as far as known"), lambda story, words: reason(story.why, words)),
    ),
    reminder.KIND: (
        *_EVERYWHERE,
        Field(
            "starts",
            N_("when it begins, with the zone"),
            lambda story, words: _time(story.session.started_at, words),
        ),
        Field(
            "starts_on",
            N_("the day on which it begins"),
            lambda story, words: (
                None if story.session.started_at is None else words.date(story.session.started_at)
            ),
        ),
        Field(
            "starts_in",
            N_("how long that is from now"),
            lambda story, words: _length(_to_start(story), words),
            lambda story: _minutes(_to_start(story)),
        ),
    ),
}
