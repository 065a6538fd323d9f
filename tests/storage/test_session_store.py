"""Sessions come back as they were kept."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import fields
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.domain import LARGEST_FIGURE
from bot.domain.reading import State
from bot.domain.session import Session
from bot.domain.statistics import Tally
from storage import sessions
from storage.database import Database
from storage.tables import session
from tests.fakes.rows import a_session, a_watch, past, rows

FIGURES = st.one_of(
    st.integers(0, LARGEST_FIGURE),
    st.floats(0, LARGEST_FIGURE, allow_subnormal=False),
    st.sampled_from([0, 1, 0.1]),
)
MOMENTS = st.integers(0, 2**45)
#: What a person may write; PostgreSQL takes no NUL, and nobody a lone half of a pair.
WORDS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30)


def _strategy(name: str, kind: Any) -> st.SearchStrategy[Any]:
    if kind == "bool":
        return st.booleans()
    if "float" in kind:
        return FIGURES if "None" not in kind else st.none() | FIGURES
    if name.endswith("_at") or name == "covered":
        return MOMENTS if "None" not in kind else st.none() | MOMENTS
    return st.integers(0, 2**31 - 1)


TALLIES = st.builds(Tally, **{one.name: _strategy(one.name, one.type) for one in fields(Tally)})
SESSIONS = st.builds(
    Session,
    watch_id=st.just(0),
    keys=st.lists(WORDS, min_size=1, max_size=4, unique=True),
    state=st.sampled_from(State),
    title=st.none() | WORDS,
    hosts=st.lists(WORDS, max_size=3).map(tuple),
    url=st.none() | WORDS,
    started_at=st.none() | MOMENTS,
    gone_at=st.none() | MOMENTS,
    ended_at=st.none() | MOMENTS,
    ends=st.integers(0, 9),
    daily=st.booleans(),
    changed=st.just(False),
    tally=TALLIES,
)


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(made=st.lists(st.tuples(SESSIONS, SESSIONS), min_size=1, max_size=5))
async def test_any_session_comes_back_as_it_was_kept(
    database: Database, made: list[tuple[Session, Session]]
) -> None:
    async with database.write() as connection:
        await connection.execute(sa.delete(session))
        watch = await sessions_watch(connection)
        first = [one for one, _ in made]
        for one, later in made:
            one.watch_id = later.watch_id = watch
            one.changed = later.changed = False
        await sessions.add(connection, [(one, "x", True) for one in first])
        assert [await sessions.by_id(connection, one.id) for one in first] == first
        for one, later in made:
            later.id = one.id
            later.keys = [*one.keys, *(key for key in later.keys if key not in one.keys)]
        second = [later for _, later in made]
        await sessions.save(connection, second)
        await sessions.save_tallies(connection, second)
        assert [await sessions.by_id(connection, one.id) for one in second] == second
        not_over = [deepcopy(one) for one in second if one.state is not State.ENDED]
        track = (await sessions.tracks(connection, [watch]))[watch]
        assert track.sessions == not_over


async def sessions_watch(connection: Any) -> int:
    known = await rows(connection, "watch", "id")
    return int(known[0][0]) if known else (await a_watch(connection)).id


async def test_whole_figures_come_back_as_integers(database: Database) -> None:
    async with database.write() as connection:
        watch = await a_watch(connection)
        one = await a_session(connection, watch, tally=Tally(peak=44_000, tuned_in=0.5))
        found = await sessions.by_id(connection, one.id)
    assert found is not None
    assert isinstance(found.tally.peak, int)
    assert found.tally.tuned_in == 0.5


async def test_the_measures_of_a_session_are_written_at_its_end_and_taken_back_if_it_goes_on(
    database: Database,
) -> None:
    columns = ("peak", "average", "tuned_in", "airtime", "coverage")
    async with database.write() as connection:
        watch = await a_watch(connection)
        one = await past(connection, watch, "a", 500)
        assert await rows(connection, "session", *columns) == [(500, 250, 1500, 3600, 1)]
        one.state = State.LIVE
        await sessions.save(connection, [one])
        assert await rows(connection, "session", *columns) == [(None,) * 5]


async def test_a_session_is_found_under_each_of_its_ids_and_the_newest_wins(database: Database) -> None:
    async with database.write() as connection:
        watch, other = await a_watch(connection, "one"), await a_watch(connection, "two")
        old = await past(connection, watch, "a", 1)
        old.keys.append("b")
        await sessions.save(connection, [old])
        new = await past(connection, watch, "b", 2)
        elsewhere = await past(connection, other, "a", 3)
        found = await sessions.by_keys(connection, [(watch.id, "a"), (watch.id, "b"), (watch.id, "c")])
        assert [one.id for one in found] == [old.id, new.id]
        assert [one.id for one in await sessions.by_keys(connection, [(other.id, "a")])] == [elsewhere.id]
        assert await sessions.by_keys(connection, []) == []


async def test_a_track_holds_what_is_live_and_announced_but_not_what_is_over(database: Database) -> None:
    async with database.write() as connection:
        watch = await a_watch(connection)
        await past(connection, watch, "a", 1)
        announced = await a_session(connection, watch, "b", state=State.SCHEDULED)
        live = await a_session(connection, watch, "c")
        track = (await sessions.tracks(connection, [watch.id]))[watch.id]
    assert [one.id for one in track.sessions] == [announced.id, live.id]
    assert track.answered_at is None


async def test_the_best_of_a_watch_counts_ended_sessions_only(database: Database) -> None:
    async with database.write() as connection:
        watch, other = await a_watch(connection, "one"), await a_watch(connection, "two")
        for n, peak in enumerate((5, 90, 7)):
            await past(connection, watch, f"s{n}", peak)
        await a_session(connection, watch, "live", tally=Tally(first_at=1, last_at=2, peak=1_000))
        best = await sessions.best(connection, [watch.id, other.id])
    assert best == {watch.id: {"peak": 90, "tuned_in": 270}}


async def test_a_session_of_an_unknown_watch_is_refused(database: Database) -> None:
    with pytest.raises(sa.exc.IntegrityError):
        async with database.write() as connection:
            await sessions.add(connection, [(Session(404, ["a"], State.LIVE), "x", True)])


async def test_many_sessions_made_at_once_get_ids_in_their_order(database: Database) -> None:
    async with database.write() as connection:
        watch = await a_watch(connection)
        new = [Session(watch.id, [f"s{n}"], State.LIVE, title=str(n)) for n in range(500)]
        await sessions.add(connection, [(one, "x", True) for one in new])
        kept = dict(await rows(connection, "session", "id", "title"))
    assert [kept[one.id] for one in new] == [str(n) for n in range(500)]
