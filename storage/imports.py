"""Takes in what an export holds, beside what the store has already: all in one transaction, nothing twice.

A watch is known by its address (or the account it follows), a session by its watch and the platform's ids. One
id belongs to several sessions of ours where days cut a stream; then the first reading tells them apart.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any, NamedTuple

import sqlalchemy as sa

from bot.domain.reading import State
from bot.domain.session import CUMULATIVE
from storage import memory as notes
from storage import watches
from storage.bulk import insert_or_ignore, update_by_id
from storage.database import Connection
from storage.filling import Filling, can_be_filled, filling_of, settle
from storage.samples import BUCKET
from storage.sessions import DESCRIBED, FINALS, TALLY, insert_keys, insert_tallies, update_tallies
from storage.sheets import ALERTS, SAMPLE_STATES, SAMPLES, TALLY_PREFIX
from storage.tables import alert, memory, sample, session, session_key, tally, watch

#: Of whoever lets old readings go, and notes how far it came: see ``bot.pipeline.prune``.
_PRUNE, _SWEEP = "prune", "sweep"
#: A note for pollers that run beside: what they keep in memory of sessions that are over has aged.
SUBJECT, STAMP = "import", "stamp"

_SESSION = ("platform", "public", *DESCRIBED, *FINALS, "origin")
_TEXTS = ("platform_ids", "hosts")
#: So many ids are looked for in one statement.
_KEYS = 1_000
_update_sessions = update_by_id(session, "id", _SESSION)
_ALERT = (*ALERTS.names[1:], "session_id", "watch_id")
_insert_alerts = insert_or_ignore(alert, _ALERT)
_FIGURES = ("concurrent", "tuned_in", "views", "posts", "reason")
_insert_samples = insert_or_ignore(sample, ("bucket", "session_id", "offset", "state", "interval", *_FIGURES))
_STATES = {word: number for number, word in enumerate(SAMPLE_STATES)}
_SAMPLE = {name: place for place, name in enumerate(SAMPLES.names)}

Row = Mapping[str, Any]


class Outcome(Enum):
    """What became of a session."""

    NEW = auto()
    #: The file knows more of it: what was observed here is filled up, any other row that was here gave way.
    CHANGED = auto()
    SAME = auto()
    #: The store knows more of it, or knew more when it was observed: nothing of it was taken.
    LEFT = auto()


class Place(NamedTuple):
    """A watch of the store."""

    id: int
    platform: str
    public: bool


class Taken(NamedTuple):
    """A session of the store, and what became of it."""

    id: int
    watch_id: int
    outcome: Outcome


class _Known(NamedTuple):
    """A session of the store that may be the one in the file.

    Attributes:
        observed: Its figures come from readings, not from a list of old figures.
    """

    id: int
    observed: bool
    first_at: int | None
    last_at: int | None
    rank: tuple[float, ...]
    values: tuple[Any, ...]


@dataclass
class Import:
    """One import into one transaction.

    Attributes:
        claimed: Sessions of the store that rows of the file stand for: no two rows are one session.
        filling: Sessions that were observed here, of which the file has more readings; until they are settled.
    """

    connection: Connection
    now: int
    claimed: set[int] = field(default_factory=set)
    filling: dict[int, Filling] = field(default_factory=dict)

    async def watch(self, row: Row) -> tuple[Place, bool]:
        """Return the watch of a row of the sheet, and whether it is new here: then nobody follows it yet."""
        source, _, reference = row["address"].partition(":")
        found = await watches.by_reference(self.connection, source, reference)
        account = row["account"]
        if account is not None and (found is None or found.account not in {None, account}):
            by_account = await watches.by_account(self.connection, source, account)
            if found is not None and by_account is None:
                reference = f"{reference}~{account}"  # its name is somebody else's by now
                found = await watches.by_reference(self.connection, source, reference)
            else:
                found = by_account
        if found is not None:
            return Place(found.id, found.platform, found.public), False
        columns = {name: row[name] for name in row if name in watch.c and name != "address"}
        id_ = (
            await self.connection.execute(
                sa.insert(watch)
                .values(source=source, reference=reference, interval=row["interval_ms"], **columns)
                .returning(watch.c.id)
            )
        ).scalar_one()
        return Place(int(id_), row["platform"], row["public"]), True

    async def sessions(self, rows: Sequence[tuple[int, Row]], *, renew: bool = False) -> list[Taken]:
        """Take in sessions, as (id of the watch, row of the sheet), and return what became of each.

        What was observed here stands; readings of the file fill it up, and ``settle`` tells what became of it.

        Args:
            renew: What the rows say stands, however much the store knows.
        """
        known = await self._known({(watch_id, key) for watch_id, row in rows for key in row["platform_ids"]})
        found: list[Taken | None] = []
        new: list[tuple[int, Row]] = []
        changed: list[tuple[int, Row]] = []
        for watch_id, row in rows:
            here = self._same(row, [one for key in row["platform_ids"] for one in known.get((watch_id, key), ())])
            if here is None:
                new.append((watch_id, row))
                found.append(None)
                continue
            self.claimed.add(here.id)
            outcome = _compared(row, here, renew=renew)
            if here.observed and outcome is Outcome.CHANGED:
                if _reaches_further(row, here) and await can_be_filled(self.connection, here.id):
                    self.filling[here.id] = filling_of(row, TALLY_PREFIX)
                else:
                    outcome = Outcome.LEFT
            elif outcome is Outcome.CHANGED:
                changed.append((here.id, row))
                await self._add_keys([(watch_id, here.id, row)])
            found.append(Taken(here.id, watch_id, outcome))
        await _update_sessions.run(self.connection, [(*_values(row), id_) for id_, row in changed])
        await update_tallies.run(self.connection, [(*_figures(row), id_) for id_, row in changed])
        added = iter(await self._add(new))
        return [one if one is not None else next(added) for one in found]

    async def _known(self, keys: Collection[tuple[int, str]]) -> dict[tuple[int, str], list[_Known]]:
        """Return the sessions that were seen under these ids."""
        columns = (
            *(session.c[name] for name in _SESSION),
            *(tally.c[name].label(f"{TALLY_PREFIX}{name}") for name in TALLY),
        )
        query = (
            sa.select(session_key.c.watch_id, session_key.c.key, session.c.id, *columns)
            .join(session, session.c.id == session_key.c.session_id)
            .join(tally, tally.c.session_id == session.c.id)
            .order_by(session.c.id)
        )
        names = (*_SESSION, *(f"{TALLY_PREFIX}{name}" for name in TALLY))
        found: dict[tuple[int, str], list[_Known]] = defaultdict(list)
        for some in batched(sorted(keys), _KEYS):
            rows = await self.connection.execute(
                query.where(sa.tuple_(session_key.c.watch_id, session_key.c.key).in_(some))
            )
            for watch_id, key, id_, *values in rows:
                row = dict(zip(names, values, strict=True))
                one = _Known(
                    id=id_,
                    observed=row["origin"] is None and row["tally_first_at"] is not None,
                    first_at=row["tally_first_at"],
                    last_at=row["tally_last_at"],
                    rank=_rank(row),
                    values=tuple(values),
                )
                found[watch_id, key].append(one)
        return found

    def _same(self, row: Row, candidates: Sequence[_Known]) -> _Known | None:
        """Return the session of the store that a row is of."""
        free = [one for one in candidates if one.id not in self.claimed]
        first, last = row["tally_first_at"], row["tally_last_at"]
        for one in free:
            if one.first_at == first:
                return one
        for one in free:
            if first is None or one.first_at is None:
                return one  # announced in the one, on the air in the other
            if one.first_at <= (last or first) and first <= (one.last_at or one.first_at):
                return one
        return None

    async def _add(self, new: Sequence[tuple[int, Row]]) -> list[Taken]:
        if not new:
            return []
        result = await self.connection.execute(
            sa.insert(session).returning(session.c.id, sort_by_parameter_order=True),
            [{"watch_id": id_, **dict(zip(_SESSION, _values(row), strict=True))} for id_, row in new],
        )
        ids = list(result.scalars())
        self.claimed.update(ids)
        rows = list(zip(ids, new, strict=True))
        await insert_tallies.run(self.connection, [(id_, *_figures(row)) for id_, (_, row) in rows])
        await self._add_keys([(watch_id, id_, row) for id_, (watch_id, row) in rows])
        return [Taken(id_, watch_id, Outcome.NEW) for id_, (watch_id, _) in rows]

    async def _add_keys(self, rows: Sequence[tuple[int, int, Row]]) -> None:
        await insert_keys.run(
            self.connection,
            [(watch_id, key, id_) for watch_id, id_, row in rows for key in row["platform_ids"]],
        )

    async def alerts(self, rows: Sequence[tuple[Taken, Row]]) -> None:
        """Take in alerts, so that nothing is told again; who is owed them is not kept in files."""
        await _insert_alerts.run(
            self.connection,
            [(*(row[name] for name in ALERTS.names[1:]), one.id, one.watch_id) for one, row in rows],
        )

    async def samples(self, rows: Sequence[tuple[int, tuple[Any, ...]]]) -> None:
        """Take in samples, as (id of the session, row of the sheet); where the store has one, that one stays."""
        at, state, interval = _SAMPLE["at"], _SAMPLE["state"], _SAMPLE["interval_seconds"]
        for id_, row in rows:
            if id_ in self.filling:
                self.filling[id_].reach(row[at])
        figures = _SAMPLE["concurrent"]
        await _insert_samples.run(
            self.connection,
            [
                (row[at] // BUCKET, id_, row[at] % BUCKET, _STATES[row[state]], row[interval], *row[figures:])
                for id_, row in rows
            ],
        )

    async def settle(self) -> list[Outcome]:
        """Make the figures of sessions that were filled up anew, and return what became of each."""
        return [
            Outcome.CHANGED if await settle(self.connection, id_, one) else Outcome.SAME
            for id_, one in self.filling.items()
        ]

    async def counts(self) -> tuple[int, int]:
        """Return how many alerts and how many samples the store has."""
        alerts = sa.select(sa.func.count()).select_from(alert).scalar_subquery()
        samples = sa.select(sa.func.count()).select_from(sample).scalar_subquery()
        row = (await self.connection.execute(sa.select(alerts, samples))).one()
        return row[0], row[1]

    async def end(self) -> None:
        """Let those who keep something of the sessions in memory, or noted how far they came, begin anew."""
        await self.connection.execute(
            sa.delete(memory).where(
                sa.or_(
                    sa.and_(memory.c.subject == _PRUNE, memory.c.key != _SWEEP),
                    memory.c.subject == SUBJECT,
                )
            )
        )
        await self.connection.execute(sa.insert(memory).values(subject=SUBJECT, key=STAMP, value=str(self.now)))
        await watches.revise(self.connection)


async def stamp(connection: Connection) -> str | None:
    """Return what tells the last import from others; None if there was none."""
    return (await notes.get(connection, SUBJECT, [STAMP])).get(STAMP)


async def observed(connection: Connection, watch_id: int) -> list[tuple[int, int]]:
    """Return from when until when each session of a watch was seen live by us, or by another Milepost."""
    rows = await connection.execute(
        sa.select(tally.c.first_at, tally.c.last_at)
        .join(session, session.c.id == tally.c.session_id)
        .where(session.c.watch_id == watch_id, session.c.origin.is_(None), tally.c.first_at.is_not(None))
        .order_by(tally.c.first_at)
    )
    return [(first, last) for first, last in rows]


def batched(rows: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    """Return rows in portions."""
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


def _compared(row: Row, here: _Known, *, renew: bool) -> Outcome:
    """Tell what becomes of a session that both have."""
    if renew:
        return Outcome.SAME if (*_values(row), *_figures(row)) == here.values else Outcome.CHANGED
    rank = _rank(row)
    if rank == here.rank:
        return Outcome.SAME
    return Outcome.CHANGED if rank > here.rank else Outcome.LEFT


def _reaches_further(row: Row, here: _Known) -> bool:
    """Tell whether a row has more readings of a session than the store, or later ones."""
    return _rank(row)[:2] > here.rank[:2]


def _rank(row: Row) -> tuple[float, ...]:
    """Return how much a row knows of a session: two that know as much are the same."""
    return (
        row["tally_readings"],
        row["tally_last_at"] or 0,
        row["ends"],
        list(State).index(State(row["state"])),
        *(row[f"{TALLY_PREFIX}{metric}"] or 0 for metric in CUMULATIVE),
    )


def _values(row: Row) -> tuple[Any, ...]:
    """Return the columns of a session; measures stand in it only once it is over."""
    over = row["state"] == State.ENDED
    return tuple(
        json.dumps(row[name], ensure_ascii=name == "platform_ids")
        if name in _TEXTS
        else None
        if name in FINALS and not over
        else row[name]
        for name in _SESSION
    )


def _figures(row: Row) -> tuple[Any, ...]:
    return tuple(row[f"{TALLY_PREFIX}{name}"] for name in TALLY)
