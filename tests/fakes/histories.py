"""Whole stores at random, written as they are; and what is in a store, whatever ids it was given there."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import sqlalchemy as sa
from hypothesis import strategies as st

from bot.domain import DAY, HOUR, MINUTE, SECOND
from bot.domain.reading import State
from bot.domain.statistics import Tally
from storage.database import Database
from storage.samples import BUCKET
from storage.sheets import MEASURES, TALLY, Kind
from storage.tables import alert, metadata, sample, session, session_key, tally, watch
from tests.fakes.clock import NOW

Row = dict[str, Any]

#: What PostgreSQL does not take is no text here; all else is, formulas and line ends above all.
texts = st.one_of(
    st.sampled_from(["", "'", "=1+1", "-5", "@here", "+x", "\tx", "\r", '"a",b', "a\r\nb", "ٹائٹل", "🎙️ live"]),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12),
)
_moments = st.integers(min_value=0, max_value=NOW + 365 * DAY)
_figures = st.one_of(
    st.none(), st.integers(min_value=0, max_value=2**53), st.floats(min_value=0, max_value=2**53, width=64)
)
_KINDS = {
    Kind.FIGURE: _figures,
    Kind.MOMENT: st.none() | _moments,
    Kind.FLAG: st.booleans(),
    Kind.NUMBER: st.floats(min_value=0, max_value=1e15),
    Kind.COUNT: st.integers(min_value=0, max_value=2**31 - 1),
}
_NEEDED_MOMENT = _moments
#: Of a watch: how its source answers now is not part of its history.
NOW_ONLY = ("id", "due_at", "trouble", "trouble_since")
TABLES = (watch, session, session_key, tally, sample, alert)


@dataclass
class History:
    """Rows of the tables that an export holds."""

    rows: dict[str, list[Row]] = field(default_factory=lambda: {table.name: [] for table in TABLES})

    async def keep(self, database: Database) -> None:
        """Write it into a store."""
        async with database.write() as connection:
            for table in TABLES:
                if self.rows[table.name]:
                    await connection.execute(sa.insert(table), self.rows[table.name])


async def empty(database: Database) -> None:
    async with database.write() as connection:
        for table in reversed(metadata.sorted_tables):
            await connection.execute(table.delete())


async def kept(database: Database) -> dict[str, list[Row]]:
    """Return what a store holds; ids are told by their order, which is that of the file."""
    found: dict[str, list[Row]] = {}
    async with database.read() as connection:
        ranks = {}
        for table in (watch, session):
            ids = (await connection.execute(sa.select(table.c.id).order_by(table.c.id))).scalars()
            ranks[f"{table.name}_id"] = {id_: rank for rank, id_ in enumerate(ids)}
        for table in TABLES:
            rows = await connection.execute(sa.select(*table.c).order_by(*table.primary_key.columns))
            found[table.name] = [_told(table.name, dict(row._mapping), ranks) for row in rows]
    for name in ("session_key", "sample"):
        found[name].sort(key=repr)
    return found


def _told(name: str, row: Row, ranks: Mapping[str, Mapping[int, int]]) -> Row:
    for column in ranks:
        if column in row:
            row[column] = ranks[column][row[column]]
    for column in NOW_ONLY if name == "watch" else ("id",):
        row.pop(column, None)
    return row


@st.composite
def histories(draw: st.DrawFn) -> History:
    """A store with a few watches, sessions that share ids or not, samples in all states, and alerts."""
    history = History()
    for id_ in range(2, 2 + draw(st.integers(0, 2))):
        history.rows["watch"].append(draw(_watches(id_)))
    watches = [row["id"] for row in history.rows["watch"]]
    for id_ in range(5, 5 + draw(st.integers(0, 4)) if watches else 5):
        _add_session(history, draw, id_ * 3, draw(st.sampled_from(watches)))
    return history


@st.composite
def _watches(draw: st.DrawFn, id_: int) -> Row:
    return {
        "id": id_,
        "source": draw(st.sampled_from(["x", "json"])),
        "reference": f"{draw(texts)}{id_}",
        "platform": draw(texts),
        "public": draw(st.booleans()),
        "name": draw(texts),
        "unit": draw(texts),
        "metric": draw(st.sampled_from(["concurrent", "posts"])),
        "daily": draw(st.booleans()),
        "interval": draw(st.integers(1, 10**8)),
        "timezone": draw(st.sampled_from(["UTC", "Asia/Karachi"])),
        "url": draw(st.none() | texts),
        "created_at": draw(_moments),
        "asked_at": draw(st.none() | _moments),
        "answered_at": draw(st.none() | _moments),
        "kind": draw(texts),
        "account": draw(st.none() | texts.map(lambda text: f"{text}{id_}")),
    }


def _add_session(history: History, draw: st.DrawFn, id_: int, watch_id: int) -> None:
    state = draw(st.sampled_from(list(State)))
    keys = draw(st.lists(st.sampled_from(["a", "b", "ß", "=c"]), min_size=1, max_size=3, unique=True))
    measures = {one.name: draw(st.none() | _KINDS[one.kind]) if state is State.ENDED else None for one in MEASURES}
    history.rows["session"].append(
        {
            "id": id_,
            "watch_id": watch_id,
            "platform": draw(texts),
            "public": draw(st.booleans()),
            "state": state.value,
            "platform_ids": json.dumps(keys),
            "title": draw(st.none() | texts),
            "hosts": json.dumps(draw(st.lists(texts, max_size=2)), ensure_ascii=False),
            "url": draw(st.none() | texts),
            "started_at": draw(st.none() | _moments),
            "gone_at": draw(st.none() | _moments),
            "ended_at": draw(st.none() | _moments),
            "ends": draw(st.integers(0, 9)),
            "daily": draw(st.booleans()),
            "origin": draw(st.none() | texts),
            **measures,
        }
    )
    history.rows["session_key"] += [{"watch_id": watch_id, "key": key, "session_id": id_} for key in keys]
    figures = {one.name: draw(_needed(one.kind) if one.needed else _KINDS[one.kind]) for one in TALLY}
    ends = (figures["first_at"], figures["last_at"])
    figures["first_at"], figures["last_at"] = (None, None) if None in ends else sorted(ends)
    history.rows["tally"].append({"session_id": id_, **figures})
    for at in draw(st.lists(_moments, max_size=5, unique=True)):
        history.rows["sample"].append(draw(_samples(id_, at)))
    for key in draw(st.lists(texts, max_size=2, unique=True)):
        history.rows["alert"].append(draw(_alerts(id_, watch_id, key, len(history.rows["alert"]) + 1)))


def _needed(kind: Kind) -> st.SearchStrategy[Any]:
    return _NEEDED_MOMENT if kind is Kind.MOMENT else _KINDS[kind]


@st.composite
def _samples(draw: st.DrawFn, session_id: int, at: int) -> Row:
    return {
        "bucket": at // BUCKET,
        "session_id": session_id,
        "offset": at % BUCKET,
        "state": draw(st.integers(0, 6)),
        "interval": draw(st.integers(0, 10**6)),
        **{name: draw(_figures) for name in ("concurrent", "tuned_in", "views", "posts")},
        "reason": draw(st.none() | texts),
    }


@st.composite
def _alerts(draw: st.DrawFn, session_id: int, watch_id: int, key: str, id_: int) -> Row:
    return {
        "id": id_,
        "session_id": session_id,
        "watch_id": watch_id,
        "kind": draw(st.sampled_from(["milestone", "record", "ended"])),
        "key": key,
        "at": draw(_moments),
        "measure": draw(st.none() | st.sampled_from(["peak", "posts"])),
        "before": draw(_figures),
        "value": draw(_figures),
        "late": draw(st.booleans()),
        "expires_at": draw(_moments),
    }


def measured(count: int, *, readings: Sequence[int] = (100, 200, 150)) -> History:
    """A plain history: one watch, ``count`` ended sessions a day apart, with these figures a minute apart."""
    history = History()
    history.rows["watch"].append(
        {
            "id": 1, "source": "x", "reference": "@a", "platform": "x", "public": True, "name": "A",
            "unit": "viewers", "metric": "concurrent", "daily": False, "interval": 60 * SECOND,
            "timezone": "UTC", "created_at": NOW, "kind": "",
        }
    )  # fmt: skip
    for n in range(count):
        _add_measured(history, n + 1, NOW - (count - n) * DAY, readings)
    return history


def _add_measured(history: History, id_: int, begin: int, readings: Sequence[int]) -> None:
    figures = Tally()
    for n, value in enumerate(readings):
        figures.see(begin + n * MINUTE, interval=MINUTE, concurrent=value)
    figures.drop_suspect()
    end = begin + HOUR
    history.rows["session"].append(
        {
            "id": id_, "watch_id": 1, "platform": "x", "public": True, "state": "ended",
            "platform_ids": f'["s{id_}"]', "hosts": "[]", "ends": 1, "daily": False, "ended_at": end,
            "first_at": begin, "peak": figures.peak, "peak_at": figures.peak_at, "average": figures.average,
            "airtime": figures.airtime / SECOND, "coverage": figures.coverage,
        }
    )  # fmt: skip
    history.rows["session_key"].append({"watch_id": 1, "key": f"s{id_}", "session_id": id_})
    history.rows["tally"].append({"session_id": id_, **asdict(figures)})
    for n, value in enumerate(readings):
        at = begin + n * MINUTE
        history.rows["sample"].append(
            {
                "bucket": at // BUCKET, "session_id": id_, "offset": at % BUCKET, "state": 1, "interval": 60,
                "concurrent": value, "tuned_in": None, "views": None, "posts": None, "reason": None,
            }
        )  # fmt: skip
    history.rows["alert"].append(
        {
            "id": id_, "session_id": id_, "watch_id": 1, "kind": "ended", "key": "ended:1", "at": end,
            "measure": None, "before": None, "value": None, "late": False, "expires_at": end + DAY,
        }
    )  # fmt: skip
