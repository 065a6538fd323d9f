"""The sample session keeps what it promises, folded by the domain alone."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby, pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bot.domain import MINUTE, SECOND
from bot.domain.alerts.milestone import rung
from bot.domain.reading import Answer, Metric, Reading, State, Trouble
from bot.domain.session import Change, Ended, Rose, Rules, Session, Started, Track, advance
from bot.samples import RECORD_BOOK, SPACE
from tests.build_sample import ABSURD, FIRST_ID, SECOND_ID, text


@dataclass
class Played:
    header: dict[str, Any]
    lines: list[dict[str, Any]]
    session: Session
    changes: list[Change] = field(default_factory=list)

    def of(self, kind: type[Change]) -> list[Change]:
        return [change for change in self.changes if isinstance(change, kind)]

    @property
    def marks(self) -> list[Rose]:
        return [c for c in self.changes if isinstance(c, Rose) and c.metric is Metric.CONCURRENT]


@pytest.fixture(scope="module")
def played() -> Played:
    header, *lines = (json.loads(line) for line in SPACE.read_text(encoding="utf-8").splitlines())
    rules = Rules(interval=header["interval"] * SECOND, zone=ZoneInfo(header["timezone"]))
    track, changes = Track(1), []
    for at, together in groupby(lines, key=lambda line: milliseconds(line["at"])):
        group = list(together)
        if any("error" in line for line in group):
            continue
        readings = tuple(reading(line) for line in group if line["state"] != "offline")
        changes += advance(track, Answer(at=at, readings=readings), rules)[0]
    (session,) = track.sessions
    return Played(header, lines, session, changes)


def milliseconds(at: str) -> int:
    return int(datetime.fromisoformat(at).timestamp()) * SECOND


def reading(line: dict[str, Any]) -> Reading:
    return Reading(
        session=line["session"],
        state=State(line["state"]),
        title=line.get("title"),
        hosts=tuple(line.get("hosts", ())),
        concurrent=line.get("concurrent"),
        tuned_in=line.get("tuned_in"),
    )


def test_shows_the_figures_that_the_press_reported(played: Played) -> None:
    tally = played.session.tally
    assert tally.average == pytest.approx(165_000, rel=0.0005)
    assert tally.average != 165_000
    assert tally.tuned_in == tally.tuned_in_high == 446_000


def test_is_one_session_that_starts_once_and_ends_once(played: Played) -> None:
    (started,), (ended,) = played.of(Started), played.of(Ended)
    assert started.session is ended.session is played.session
    assert started.at == milliseconds("2022-04-20T17:00:00Z")
    assert played.session.keys == [FIRST_ID, SECOND_ID]
    assert played.session.title
    assert played.session.hosts


def test_lasts_two_and_a_half_hours_mostly_seen(played: Played) -> None:
    tally = played.session.tally
    assert tally.airtime == 151 * MINUTE
    assert tally.coverage is not None
    assert 0.9 < tally.coverage < 0.95


def test_climbs_past_rungs_in_rising_order(played: Played) -> None:
    rungs = [rung(None, before=mark.before, after=mark.after, best=None) for mark in played.marks]
    assert [step for step in rungs if step] == [2_500, 5_000, 10_000, 25_000, 50_000, 100_000]


def test_breaks_the_record_in_a_reading_that_reaches_no_rung(played: Played) -> None:
    """So that no milestone is absorbed by it."""
    book = json.loads(RECORD_BOOK.read_text(encoding="utf-8"))
    first = next(mark for mark in played.marks if mark.after > book[0]["value"])
    assert rung(None, before=first.before, after=first.after, best=None) is None


def test_leaves_out_the_one_glitch(played: Played) -> None:
    tally = played.session.tally
    (glitch,) = (line for line in played.lines if line.get("concurrent") == ABSURD)
    assert tally.glitches == 1
    assert tally.peak is not None
    assert 5 * tally.peak < ABSURD
    assert max(mark.after for mark in played.marks) == tally.peak
    assert all(mark.at != milliseconds(glitch["at"]) for mark in played.marks)


def test_no_rung_and_no_record_stems_from_a_trouble(played: Played) -> None:
    """All that is told of the climb is told in its first twelve minutes, before any trouble."""
    told = [m for m in played.marks if rung(None, before=m.before, after=m.after, best=None)]
    trouble = next(milliseconds(line["at"]) for line in played.lines if "error" in line)
    assert told[-1].at < played.of(Started)[0].at + 12 * MINUTE < trouble
    assert not any(mark.late for mark in told)


def test_holds_each_trouble(played: Played) -> None:
    live = [line for line in played.lines if line.get("state") == "live"]
    moments = [milliseconds(line["at"]) for line in played.lines]
    assert [right - left for left, right in pairwise(moments) if right - left != 30 * SECOND] == [8 * MINUTE]
    assert [Trouble(line["error"]) for line in played.lines if "error" in line] == [
        Trouble.RATE_LIMITED,
        Trouble.RATE_LIMITED,
        Trouble.UNAVAILABLE,
    ]
    assert sum(line["concurrent"] is None for line in live) == 1
    back = next(n for n, line in enumerate(played.lines) if line.get("session") == SECOND_ID)
    assert [line["state"] for line in played.lines[back - 4 : back + 1]] == [
        "live",
        "offline",
        "offline",
        "offline",
        "live",
    ]


def test_those_tuned_in_only_add_up_and_are_never_fewer_than_those_there(played: Played) -> None:
    live = [line for line in played.lines if line.get("state") == "live"]
    assert all(left["tuned_in"] <= right["tuned_in"] for left, right in pairwise(live))
    assert all(line["tuned_in"] >= line["concurrent"] for line in live if line["concurrent"] not in (None, ABSURD))


def test_is_announced_before_and_gone_long_enough_after(played: Played) -> None:
    states = [line.get("state") for line in played.lines]
    assert states[:4] == ["scheduled", "scheduled", "scheduled", "live"]
    (end,) = (line for line in played.lines if line.get("state") == "ended")
    assert end["tuned_in"] == 446_000
    assert played.of(Ended)[0].at == milliseconds(end["at"]) + 5 * MINUTE
    assert milliseconds(played.lines[-1]["at"]) == milliseconds(end["at"]) + 7 * MINUTE


def test_says_that_it_is_a_reconstruction(played: Played) -> None:
    assert played.header["note"].startswith("A reconstruction")


def test_is_what_its_maker_makes() -> None:
    assert SPACE.read_text(encoding="utf-8") == text()


def test_the_book_holds_the_disputed_record() -> None:
    (entry,) = json.loads(RECORD_BOOK.read_text(encoding="utf-8"))
    assert (entry["platform"], entry["scope"], entry["measure"]) == ("x", "platform", "peak")
    assert (entry["value"], entry["holder"]) == (44_000, "K-POP Lyrical Space")
    assert entry["disputed"] is entry["at_least"] is True
    assert "57,000" in entry["note"]
    assert entry["link"] == "https://tribune.com.pk/story/2353587"
    assert entry["date"] is None
