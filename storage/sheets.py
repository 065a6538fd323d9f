"""What an export holds: four sheets, and what stands in each column. Exports and imports are made from these.

The names are those that readers see, in CSV as in JSON; ``docs/history.md`` explains them. Whoever changes a name
or its meaning raises ``VERSION``.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

#: Of the form of exports.
VERSION = 1


class Kind(Enum):
    """What a cell holds."""

    TEXT = auto()
    #: A list of texts.
    TEXTS = auto()
    #: Of an audience: 0 or more, at most ``LARGEST_FIGURE``.
    FIGURE = auto()
    #: Any finite number of 0 or more.
    NUMBER = auto()
    #: A whole number of 0 or more.
    COUNT = auto()
    #: Milliseconds since 1970, written as ISO 8601 in UTC.
    MOMENT = auto()
    #: True or false.
    FLAG = auto()


@dataclass(frozen=True, slots=True)
class Column:
    """One column; what is ``needed`` is known in every row."""

    name: str
    kind: Kind
    needed: bool = False


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table of an export.

    Attributes:
        name: Of one row.
        file: Of many: what a CSV file of them is called.
    """

    name: str
    file: str
    columns: tuple[Column, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns."""
        return tuple(one.name for one in self.columns)


WATCHES = Sheet(
    "watch",
    "watches",
    (
        Column("address", Kind.TEXT, needed=True),
        Column("name", Kind.TEXT, needed=True),
        Column("platform", Kind.TEXT, needed=True),
        Column("public", Kind.FLAG, needed=True),
        Column("unit", Kind.TEXT, needed=True),
        Column("metric", Kind.TEXT, needed=True),
        Column("daily", Kind.FLAG, needed=True),
        Column("interval_ms", Kind.COUNT, needed=True),
        Column("timezone", Kind.TEXT, needed=True),
        Column("url", Kind.TEXT),
        Column("kind", Kind.TEXT, needed=True),
        Column("account", Kind.TEXT),
        Column("created_at", Kind.MOMENT, needed=True),
        Column("asked_at", Kind.MOMENT),
        Column("answered_at", Kind.MOMENT),
    ),
)

#: The running figures of a session, each a column of ``storage.tables.tally``; here with "tally_" before its name.
TALLY = (
    Column("first_at", Kind.MOMENT),
    Column("last_at", Kind.MOMENT),
    Column("last", Kind.FIGURE),
    Column("confirmed", Kind.FIGURE),
    Column("confirmed_at", Kind.MOMENT, needed=True),
    Column("confirmed_interval", Kind.COUNT, needed=True),
    Column("suspect", Kind.FIGURE),
    Column("suspect_at", Kind.MOMENT, needed=True),
    Column("suspect_interval", Kind.COUNT, needed=True),
    Column("suspect_broken", Kind.FLAG, needed=True),
    Column("broken", Kind.FLAG, needed=True),
    Column("peak", Kind.FIGURE),
    Column("peak_at", Kind.MOMENT),
    Column("area", Kind.NUMBER, needed=True),
    Column("covered", Kind.COUNT, needed=True),
    Column("readings", Kind.COUNT, needed=True),
    Column("glitches", Kind.COUNT, needed=True),
    Column("tuned_in", Kind.FIGURE),
    Column("views", Kind.FIGURE),
    Column("posts", Kind.FIGURE),
    Column("tuned_in_high", Kind.FIGURE),
    Column("views_high", Kind.FIGURE),
    Column("posts_high", Kind.FIGURE),
    Column("source_peak", Kind.FIGURE),
)
TALLY_PREFIX = "tally_"

#: The measures of a session, as people want them; of one that is not over, as they stand.
MEASURES = (
    Column("first_at", Kind.MOMENT),
    Column("peak", Kind.FIGURE),
    Column("peak_at", Kind.MOMENT),
    Column("average", Kind.FIGURE),
    Column("tuned_in", Kind.FIGURE),
    Column("views", Kind.FIGURE),
    Column("posts", Kind.FIGURE),
    Column("airtime", Kind.NUMBER),  # seconds
    Column("coverage", Kind.NUMBER),
)

SESSIONS = Sheet(
    "session",
    "sessions",
    (
        Column("session", Kind.COUNT, needed=True),
        Column("watch", Kind.TEXT, needed=True),
        Column("title", Kind.TEXT),
        Column("hosts", Kind.TEXTS, needed=True),
        Column("url", Kind.TEXT),
        Column("state", Kind.TEXT, needed=True),
        *MEASURES,
        Column("origin", Kind.TEXT),
        Column("started_at", Kind.MOMENT),
        Column("gone_at", Kind.MOMENT),
        Column("ended_at", Kind.MOMENT),
        Column("ends", Kind.COUNT, needed=True),
        Column("daily", Kind.FLAG, needed=True),
        Column("platform", Kind.TEXT, needed=True),
        Column("public", Kind.FLAG, needed=True),
        Column("platform_ids", Kind.TEXTS, needed=True),
        *(Column(f"{TALLY_PREFIX}{one.name}", one.kind, one.needed) for one in TALLY),
    ),
)

ALERTS = Sheet(
    "alert",
    "alerts",
    (
        Column("session", Kind.COUNT, needed=True),
        Column("at", Kind.MOMENT, needed=True),
        Column("kind", Kind.TEXT, needed=True),
        Column("measure", Kind.TEXT),
        Column("value", Kind.FIGURE),
        Column("before", Kind.FIGURE),
        Column("late", Kind.FLAG, needed=True),
        Column("expires_at", Kind.MOMENT, needed=True),
        Column("key", Kind.TEXT, needed=True),
    ),
)
#: Alerts as one chat was told them.
TOLD = Sheet(
    "alert",
    "alerts",
    (
        *ALERTS.columns,
        Column("milestone", Kind.FIGURE),
        Column("record_scope", Kind.TEXT),
        Column("delivery", Kind.TEXT, needed=True),
        Column("settled_at", Kind.MOMENT),
    ),
)

SAMPLES = Sheet(
    "sample",
    "samples",
    (
        Column("session", Kind.COUNT, needed=True),
        Column("at", Kind.MOMENT, needed=True),
        Column("state", Kind.TEXT, needed=True),
        Column("interval_seconds", Kind.COUNT, needed=True),
        Column("concurrent", Kind.FIGURE),
        Column("tuned_in", Kind.FIGURE),
        Column("views", Kind.FIGURE),
        Column("posts", Kind.FIGURE),
        Column("reason", Kind.TEXT),
    ),
)

#: In the order in which they stand in a file: each names only rows of those before.
SHEETS = (WATCHES, SESSIONS, ALERTS, SAMPLES)
#: How a sample's state is written, by its number in the store: see ``storage.samples``.
SAMPLE_STATES = ("gone", "live", "ended", "back", "joined", "apart", "aside")
