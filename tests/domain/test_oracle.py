"""The domain against the slow oracle: the same sessions, figures, starts and ends on any stream."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from bot.domain import SECOND
from bot.domain.measure import Measure, measured
from bot.domain.reading import Answer, Metric, Reading, State
from bot.domain.session import Ended, Rose, Rules, Session, Started, Track, advance
from tests import oracle
from tests.oracle import Line, Replay, Watch, iso, moment

#: Figures around every bound of the rules.
FIGURES = st.sampled_from(
    [
        None,
        0,
        1,
        2,
        9,
        10,
        11,
        12,
        25,
        49,
        50,
        51,
        55,
        60,
        61,
        62,
        99,
        100,
        250,
        251,
        260,
        310,
        1300,
        2500,
        7000,
    ]
)
TOTALS = st.one_of(st.none(), st.none(), st.integers(0, 300))
EVENTS = ["a"] * 8 + ["b"] * 2 + ["ab", "c", "offline", "offline", "error", "ended", "scheduled", "ba"]


@st.composite
def files(
    draw: st.DrawFn, *, platform: str = "x", name: str = "w", shift: int = 0, long: bool = False
) -> list[Line]:
    """A small replay file: reconnects, gaps, errors, glitches, interleaved ids; days if it is long."""
    interval = draw(st.sampled_from([1200, 1800, 3600] if long else [30, 60, 150, 300, 600]))
    events = EVENTS
    gaps = [0.5, 1, 1, 1, 1, 1.5, 2, 3, 3.1, 300 / interval, 299 / interval, 3600 / interval, 3601 / interval]
    if platform in oracle.DAILY:
        events = ["a"] * 9 + ["b", "error"]
        gaps += [20_000 / interval, 90_000 / interval]
    elif long:
        gaps = [1] * 8 + [1.5, 0.1]
    at = moment("2026-03-28T10:00:00Z") + shift
    lines: list[Line] = [
        {"replay": 1, "platform": platform, "watch": name, "unit": "people", "interval": interval}
        | {"timezone": draw(st.sampled_from(["UTC", "Asia/Karachi", "Europe/Berlin", "America/New_York"]))}
    ]
    concurrent, totals = draw(st.sampled_from([(True, True), (True, False), (True, True), (False, True)]))
    times = st.sampled_from([1, 1, 20, 40] if long else [1])
    step = st.tuples(times, st.sampled_from(gaps), st.sampled_from(events))
    steps = draw(st.lists(step, min_size=1, max_size=8 if long else 24))
    for gap, event in [step[1:] for step in steps for _ in range(step[0] if step[2] == "a" else 1)]:
        at += round(gap * interval) * SECOND
        when: Line = {"at": iso(at)}
        if event == "offline":
            lines.append(when | {"state": "offline"})
        elif event == "error":
            lines.append(when | {"error": draw(st.sampled_from(["unavailable", "rate_limited", "garbage"]))})
        elif event in {"ended", "scheduled"}:
            line: Line = when | {"session": draw(st.sampled_from("abc")), "state": event}
            lines.append(line | ({"tuned_in": draw(TOTALS)} if totals else {}))
        else:
            for key in event:
                line = when | {"session": key, "state": "live"}
                line |= {"concurrent": draw(FIGURES)} if concurrent else {}
                lines.append(line | ({"tuned_in": draw(TOTALS)} if totals else {}))
    return lines


def to_answer(watch: Watch, at: int, known: list[Line]) -> Answer:
    named = {line["session"] for line in known if "session" in line}
    offline = any(line["state"] == "offline" for line in known)
    ids = {line["session"] for line in watch.lines if "session" in line} - named
    still = frozenset() if offline else frozenset(key for key in ids if watch.continues(key, at))
    readings = tuple(
        Reading(
            session=line["session"],
            state=State(line["state"]),
            concurrent=line.get("concurrent"),
            tuned_in=line.get("tuned_in"),
        )
        for line in known
        if line["state"] != "offline"
    )
    return Answer(at=at, readings=readings, still=still)


def figures_of_domain(session: Session) -> dict[str, Any]:
    tally = session.tally
    return {
        "id": session.keys[0],
        "live": session.is_live,
        "peak_at": tally.peak_at,
        "coverage": tally.coverage,
        **{measure: measured(tally, Measure(measure)) for measure in oracle.MEASURES},
    }


def figures_of_oracle(session: oracle.Session) -> dict[str, Any]:
    peak = session.peak()
    return {
        "id": session.ids[0],
        "live": session.open,
        "peak_at": peak[0] if peak else None,
        "coverage": session.coverage(),
        **{measure: session.value(measure) for measure in oracle.MEASURES},
    }


def compare(lines: list[Line], *, forget: bool) -> None:
    """Play a file through both, and hold every figure of every session against the other's at each step."""
    slow = Replay([lines], [])
    watch = slow.watches[0]
    track, rules = Track(1), Rules(interval=watch.interval, zone=watch.zone, daily=watch.daily)
    everything: list[Session] = []
    for at, known in watch.answers():
        answer = to_answer(watch, at, known)
        if forget:  # as the store gives them back: what is open, and what the answer names again
            named = {reading.session for reading in answer.readings}
            track.sessions = [
                s
                for s in everything
                if s.state is not State.ENDED or any(track_named(everything, key) is s for key in named)
            ]
        changes, _ = advance(track, answer, rules)
        everything += [session for session in track.sessions if session not in everything]
        told_before, marks = len(slow.told), {s: s.peak() for s in watch.sessions if s.lives()}
        slow.step(watch, at, known)
        where = f"{iso(at)}"

        kinds = [(type(c).__name__.lower(), c.session.keys[0]) for c in changes if isinstance(c, Started | Ended)]
        expected = [
            (t["kind"], t["session"]) for t in slow.told[told_before:] if t["kind"] in {"started", "ended"}
        ]
        assert sorted(kinds) == sorted(expected), where

        rises = [
            (c.session.keys[0], c.before, c.after)
            for c in changes
            if isinstance(c, Rose) and c.metric is Metric.CONCURRENT
        ]
        risen = []
        for s in watch.sessions:
            old, new = marks.get(s), s.peak() if s.lives() else None
            if new and (old is None or new[1] > old[1]):
                risen.append((s.ids[0], old[1] if old else None, new[1]))
        assert sorted(rises) == sorted(risen), where

        ours = [figures_of_domain(s) for s in everything if s.tally.first_at is not None]
        theirs = [figures_of_oracle(s) for s in watch.sessions if s.lives()]
        key = lambda figures: (figures["id"], str(figures))  # noqa: E731
        for mine, other in zip(sorted(ours, key=key), sorted(theirs, key=key), strict=True):
            assert mine == {
                k: pytest.approx(v) if k in {"average", "coverage"} else v for k, v in other.items()
            }, where


def track_named(sessions: list[Session], key: str) -> Session | None:
    return next((s for s in reversed(sessions) if key in s.keys), None)


@settings(max_examples=150, deadline=None)
@given(files(), st.booleans())
def test_any_broadcasts_give_the_sessions_and_figures_of_the_oracle(lines: list[Line], forget: bool) -> None:
    compare(lines, forget=forget)


@settings(max_examples=60, deadline=None)
@given(files(platform="json"), st.booleans())
def test_any_days_of_a_number_give_the_sessions_and_figures_of_the_oracle(lines: list[Line], forget: bool) -> None:
    compare(lines, forget=forget)


@settings(max_examples=15, deadline=None, phases=[Phase.reuse, Phase.generate])  # shrinking takes minutes
@given(files(long=True))
def test_any_stream_over_days_gives_the_sessions_and_figures_of_the_oracle(lines: list[Line]) -> None:
    compare(lines, forget=False)
