"""What Twitch's streamers announce: read rarely, told until it begins, and one session with what comes of it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bot.domain import DAY, HOUR, MINUTE
from bot.domain.reading import Answer, Reading, State
from bot.ports.source import Ask, Garbage, SourceError
from bot.sources.kit import Forgetful, Kit
from bot.sources.twitch import Twitch
from bot.sources.twitch_schedule import PREFIX, Segment, next_in
from bot.sources.web import Web
from storage import sessions, watches
from tests.mutate import mutations
from tests.servers.pages import says
from tests.servers.twitch import TwitchServer, segment, twitch
from tests.sources.accounts import MUTATIONS, NOW, Bench, bench, page
from tests.talk import talk

DUE = NOW + 3 * HOUR
SCHEDULE = "/helix/schedule"
At = Bench[TwitchServer]


@pytest.fixture
async def server() -> AsyncIterator[TwitchServer]:
    async with twitch() as server:
        yield server


@pytest.fixture
async def at(server: TwitchServer) -> AsyncIterator[At]:
    async with bench(server) as one:
        yield one


@dataclass
class Follower:
    """What the pipeline would ask of one account: it knows the sessions of the answer before."""

    at: At
    account: str
    known: tuple[str, ...] = field(default=())

    async def see(self, now: int) -> dict[str, State]:
        (told,) = await self.at.ask(Ask(reference="a", account=self.account, known=self.known), now=now)
        (answer,) = told.answers
        assert isinstance(answer, Answer)
        found = {one.session: one.state for one in answer.readings}
        self.known = tuple(found)
        return found


# --- what is told -----------------------------------------------------------------------------------------


async def test_the_next_announced_stream_is_told_with_its_time_and_title(at: At) -> None:
    id_ = at.server.account("a")
    at.server.announce(id_, DUE + DAY, title="later")
    code = at.server.announce(id_, DUE, title="Friday \ud800chess\x00")
    answer = await at.one("a")
    assert isinstance(answer, Answer)
    assert answer.readings == (
        Reading(session=f"{PREFIX}{code}", state=State.SCHEDULED, title="Friday chess", started_at=DUE),
    )
    assert at.server.calls(SCHEDULE) == [[("broadcaster_id", id_), ("first", "5")]]


@pytest.mark.parametrize(
    ("fields", "starts_at"),
    [({"canceled_until": "2026-11-30T00:00:00Z"}, DUE), ({}, NOW + 8 * DAY), ({}, NOW - MINUTE)],
    ids=["cancelled", "in eight days", "over"],
)
async def test_what_is_not_told(at: At, fields: dict[str, object], starts_at: int) -> None:
    at.server.announce(at.server.account("a"), starts_at, **fields)
    assert await at.one("a") == Answer(at=NOW)


async def test_what_comes_after_a_cancelled_one_is_told(at: At) -> None:
    id_ = at.server.account("a")
    at.server.announce(id_, DUE, canceled_until="2026-11-30T00:00:00Z")
    at.server.announce(id_, DUE + DAY)
    assert (await at.reading("a")).started_at == DUE + DAY


def test_nothing_is_announced_for_a_vacation() -> None:
    data = {"segments": [segment("5", DUE), segment("5", DUE + 3 * DAY)]}
    ends = segment("5", DUE + DAY)["start_time"]
    away = {"start_time": "2026-11-01T00:00:00Z", "end_time": ends}
    found = next_in({"data": data | {"vacation": away}}, NOW)
    assert found is not None
    assert found.starts_at == DUE // 1_000 * 1_000 + 3 * DAY


async def test_beside_a_stream_that_is_on_now_what_comes_tomorrow_is_told(at: At) -> None:
    at.server.announce(at.server.live("a"), NOW + DAY)
    answer = await at.one("a")
    assert isinstance(answer, Answer)
    assert [one.state for one in answer.readings] == [State.LIVE, State.SCHEDULED]


# --- what comes of it -------------------------------------------------------------------------------------


async def test_the_stream_that_was_announced_is_told_under_the_id_of_the_announcement(at: At) -> None:
    id_ = at.server.account("a")
    code = f"{PREFIX}{at.server.announce(id_, DUE)}"
    one = Follower(at, id_)
    assert await one.see(DUE - HOUR) == {code: State.SCHEDULED}
    assert await one.see(DUE + 10 * MINUTE) == {code: State.SCHEDULED}  # late, as streamers are
    at.server.live("a")
    for minutes in (11, 12, 300, 600):
        assert await one.see(DUE + minutes * MINUTE) == {code: State.LIVE}
    # Gone for longer than any grace, and back: still the same stream.
    kept = dict(at.server.streams)
    at.server.streams.clear()
    assert await one.see(DUE + 601 * MINUTE) == {}
    at.server.streams |= kept
    assert await one.see(DUE + 620 * MINUTE) == {code: State.LIVE}


async def test_a_stream_that_begins_early_is_the_announced_one_and_is_not_announced_again(at: At) -> None:
    id_ = at.server.account("a")
    code = f"{PREFIX}{at.server.announce(id_, DUE)}"
    one = Follower(at, id_)
    await one.see(NOW)
    at.server.live("a")
    assert await one.see(DUE - 20 * MINUTE) == {code: State.LIVE}
    assert await one.see(DUE - 19 * MINUTE) == {code: State.LIVE}
    at.server.streams.clear()
    assert await one.see(DUE - 18 * MINUTE) == {}


async def test_a_stream_hours_before_is_another(at: At) -> None:
    id_ = at.server.account("a")
    code = f"{PREFIX}{at.server.announce(id_, DUE)}"
    one = Follower(at, id_)
    await one.see(NOW)
    stream = f"4095{at.server.live('a')}"
    assert await one.see(DUE - 2 * HOUR) == {stream: State.LIVE, code: State.SCHEDULED}
    # It goes on until then: nothing else comes, and its own id stays.
    assert await one.see(DUE - 30 * MINUTE) == {stream: State.LIVE}
    assert await one.see(DUE + 30 * MINUTE) == {stream: State.LIVE}


async def test_a_stream_that_was_on_before_anyone_waited_for_it_keeps_its_own_id(at: At) -> None:
    id_ = at.server.account("a")
    at.server.announce(id_, DUE)
    stream = f"4095{at.server.live('a')}"
    one = Follower(at, id_)
    for minutes in (0, 1, 2):
        assert await one.see(DUE + (minutes - 5) * MINUTE) == {stream: State.LIVE}


async def test_after_a_restart_a_stream_keeps_the_id_that_it_had(server: TwitchServer) -> None:
    id_, memory = server.account("a"), Forgetful()
    code = f"{PREFIX}{server.announce(id_, DUE)}"
    async with bench(server, memory) as before:
        one = Follower(before, id_)
        await one.see(NOW)
        server.live("a")
        assert await one.see(DUE) == {code: State.LIVE}
    async with bench(server, memory) as after:
        assert await Follower(after, id_).see(DUE + MINUTE) == {code: State.LIVE}


async def test_what_never_comes_is_told_for_an_hour_more(at: At) -> None:
    id_ = at.server.account("a")
    code = f"{PREFIX}{at.server.announce(id_, DUE)}"
    one = Follower(at, id_)
    await one.see(NOW)
    assert await one.see(DUE + 59 * MINUTE) == {code: State.SCHEDULED}
    assert await one.see(DUE + HOUR) == {}
    stream = f"4095{at.server.live('a')}"
    assert await one.see(DUE + 61 * MINUTE) == {stream: State.LIVE}


# --- what it costs ----------------------------------------------------------------------------------------


async def test_each_schedule_is_read_every_six_hours(at: At) -> None:
    ids = [at.server.account(name) for name in "abc"]
    for minute in range(0, 12 * 60, 2):
        await at.read("a", "b", "c", now=NOW + minute * MINUTE)
    looked = [dict(query)["broadcaster_id"] for query in at.server.calls(SCHEDULE)]
    assert looked == ids + ids


async def test_at_most_twenty_are_read_a_minute(at: At) -> None:
    names = [f"name{n}" for n in range(50)]
    asks = [Ask(reference=name, account=at.server.account(name)) for name in names]
    minute = NOW // MINUTE * MINUTE
    for ask in asks:
        await at.ask(ask, now=minute)
    assert len(at.server.calls(SCHEDULE)) == 20
    for ask in asks:
        await at.ask(ask, now=minute + MINUTE)
    assert len(at.server.calls(SCHEDULE)) == 40


async def test_a_look_that_fails_costs_no_figure_and_is_tried_in_an_hour(at: At) -> None:
    at.server.live("a")
    await at.reading("a")
    at.server.asked.clear()

    async def ill(request: object) -> object:
        good = says(json.dumps({"data": list(at.server.streams.values())}))
        return await (says("{}", status=503) if "schedule" in str(request) else good)(request)  # type: ignore[arg-type]

    at.server.instead = ill  # type: ignore[assignment]
    for minutes in range(0, 90, 10):
        assert (await at.reading("a", NOW + 7 * HOUR + minutes * MINUTE)).concurrent == 42
    assert len(at.server.calls(SCHEDULE)) == 2


@pytest.mark.parametrize("kept", ["", "5", "{}", "null", '{"coming": 5}', '{"coming": null, "again_at": "soon"}'])
async def test_what_makes_no_sense_in_memory_is_as_if_it_were_not_there(server: TwitchServer, kept: str) -> None:
    id_, memory = server.live("a"), Forgetful()
    await memory.put("twitch schedule", {id_: kept})
    async with bench(server, memory) as one:
        assert (await one.reading("a")).concurrent == 42
    assert len(server.calls(SCHEDULE)) == 1


# --- odd answers ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", [None, [], {}, {"data": []}, {"data": None}, {"data": {"segments": "x"}}])
def test_what_is_no_schedule(answer: object) -> None:
    with pytest.raises(Garbage):
        next_in(answer, NOW)


@pytest.mark.parametrize("segments", [None, [], [5], [{}], [{"id": "", "start_time": "2026-11-23T00:00:00Z"}]])
def test_a_schedule_without_anything_in_it(segments: object) -> None:
    assert next_in({"data": {"segments": segments}}, NOW) is None


def test_ten_thousand_mutated_schedules() -> None:
    due = DUE // 1_000 * 1_000
    data = {"segments": [segment("5", due), segment("5", due + DAY)], "vacation": None, "broadcaster_id": "5"}
    body, right = json.dumps({"data": data, "pagination": {}}).encode(), 0
    for mutated in mutations(body, seed=20_261_124, count=MUTATIONS):
        try:
            found = next_in(page(mutated).json(), NOW)
        except SourceError:
            continue
        if found is not None:
            assert isinstance(found, Segment)
            assert found.starts_at > NOW
            assert len(found.session) <= 400
            right += found.starts_at in {due, due + DAY}
    assert right > MUTATIONS / 4


# --- in the pipeline --------------------------------------------------------------------------------------


async def test_in_the_pipeline_it_is_one_session_that_starts_once_and_ends_once(
    server: TwitchServer, tmp_path: Path
) -> None:
    id_ = server.account("night")
    code = f"{PREFIX}{server.announce(id_, DUE, title='Friday chess')}"
    client = Web()
    source = Twitch(Kit(web=client, settings=server.settings))
    try:
        async with talk(tmp_path, now=NOW, sources={"twitch": source}) as bot:
            await bot.say("/watch twitch:night")
            await bot.until(NOW + 10 * MINUTE)
            assert "Friday chess" in await bot.say("/live")
            told = await bot.until(DUE + 10 * MINUTE, step=MINUTE)
            assert told.strip() == ""
            server.live("night", 500, title="Chess at last")
            told = await bot.until(DUE + 40 * MINUTE, step=MINUTE)
            assert told.count("is live") == 1
            assert "ended" not in told
            assert "Friday chess" not in await bot.say("/live")
            server.streams.clear()
            server.schedules.clear()
            told = await bot.until(DUE + 60 * MINUTE, step=MINUTE)
            assert told.count("ended") == 1
            async with bot.parts.database.read() as connection:
                (watch,) = await watches.polled(connection)
                found = await sessions.by_keys(connection, [(watch.id, code), (watch.id, f"4095{id_}")])
                (newest,) = await sessions.newest(connection, watch.id, 5)
            assert [one.keys for one in found] == [[code]]
            assert newest.title == "Chess at last"
    finally:
        await client.close()
