from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.domain import MINUTE
from bot.domain.curve import Curve, Point, curve, stand, summed, together
from bot.domain.snapshot import Snapshot
from bot.domain.statistics import JOINED_INTERVALS, Tally


@st.composite
def sessions(draw: st.DrawFn, *, begin: int | None = None) -> list[Snapshot]:
    """Live readings with gaps, glitches, hidden figures and offline answers."""
    at = draw(st.integers(0, 30)) * MINUTE // 2 if begin is None else begin
    found = []
    for _ in range(draw(st.integers(1, 25))):
        value = draw(st.one_of(st.none(), st.integers(0, 400), st.sampled_from([0, 1, 5_000])))
        live = draw(st.integers(0, 9)) > 0
        found.append(Snapshot(at, live, MINUTE, value if live else None, None))
        at += draw(st.sampled_from([30_000, MINUTE, MINUTE, 2 * MINUTE, 3 * MINUTE, 4 * MINUTE, 12 * MINUTE]))
    return found


def made(snapshots: list[Snapshot]) -> Curve | None:
    """The curve of a session, as it is made from the store."""
    live = [one.at for one in snapshots if one.live]
    return curve(snapshots, first_at=live[0], last_at=live[-1]) if live else None


def folded(snapshots: list[Snapshot]) -> Tally:
    tally = Tally()
    for one in snapshots:
        if one.live:
            tally.see(one.at, interval=one.interval, concurrent=one.concurrent)
        else:
            tally.break_line()
    tally.drop_suspect()
    return tally


@given(sessions())
def test_one_curve_gives_the_measures_that_its_tally_keeps(snapshots: list[Snapshot]) -> None:
    made_, tally = made(snapshots), folded(snapshots)
    if made_ is None:
        return
    found = stand([made_])
    assert (found.peak, found.peak_at, found.covered) == (tally.peak, tally.peak_at, tally.covered)
    assert found.airtime == tally.airtime
    if tally.average is None:
        assert found.average is None
    else:
        assert found.average is not None
        assert abs(found.average - tally.average) < 1e-6


def plainly(snapshots: list[Snapshot], at: int) -> float | str | None:
    """What one session counts at a moment: "off" the air, None unknown, else a figure. By hand, from section 5."""
    live = [one for one in snapshots if one.live]
    if not live or not live[0].at <= at <= live[-1].at:
        return "off"
    known = [(place, one) for place, one in enumerate(snapshots) if one.live and one.concurrent is not None]
    counts: list[tuple[int, Snapshot]] = []
    for index, (place, one) in enumerate(known):
        follows = known[index + 1][1] if index + 1 < len(known) else None
        assert one.concurrent is not None
        base = counts[-1][1].concurrent if counts else None
        if base is None:
            fine = follows is not None and _close(one.concurrent, follows.concurrent or 0)
        elif _above(one.concurrent, base):
            fine = follows is not None and _above(follows.concurrent or 0, base)
        elif base >= 10 and one.concurrent <= 1:
            fine = follows is not None and (follows.concurrent or 0) <= 1
        else:
            fine = True
        if fine:
            counts.append((place, one))
    for _, one in counts:
        if one.at == at:
            return one.concurrent
    before = [pair for pair in counts if pair[1].at < at]
    after = [pair for pair in counts if pair[1].at > at]
    if not before or not after:
        return None
    (start, left), (end, right) = before[-1], after[0]
    if right.at - left.at > JOINED_INTERVALS * MINUTE or any(not one.live for one in snapshots[start:end]):
        return None
    assert left.concurrent is not None
    assert right.concurrent is not None
    share = (at - left.at) / (right.at - left.at)
    return left.concurrent * (1 - share) + right.concurrent * share


def _above(value: float, base: float) -> bool:
    return value > 5 * base and value - base >= 50


def _close(one: float, other: float) -> bool:
    return not _above(one, other) and not _above(other, one)


@given(st.lists(sessions(), min_size=1, max_size=4), st.integers(0, 400))
def test_the_sum_of_a_tie_is_the_sum_of_its_samples(several: list[list[Snapshot]], moment: int) -> None:
    curves = [drawn for one in several if (drawn := made(one)) is not None]
    moments = {point.at for one in curves for point in one.points} | {moment * MINUTE // 4}
    best: float | None = None
    for at in sorted(moments):
        parts = [part for one in several if (part := plainly(one, at)) != "off"]
        known = [part for part in parts if isinstance(part, int | float)]
        expected = sum(known) if parts and len(known) == len(parts) else None
        found = together(curves, at)
        if expected is None:
            assert found is None
            continue
        assert found is not None
        assert abs(found - expected) < 1e-6
        if any(point.at == at for one in curves for point in one.points):
            best = max(best if best is not None else 0, expected)
    peak = stand(curves).peak
    if best is None:
        assert peak is None
    else:
        assert peak is not None
        assert abs(peak - best) < 1e-6


@given(st.lists(sessions(), min_size=1, max_size=3))
def test_the_average_of_a_tie_is_that_of_its_moments(several: list[list[Snapshot]]) -> None:
    """Every quarter of a minute stands for itself: lines are straight, so their middles say all."""
    curves = [drawn for one in several if (drawn := made(one)) is not None]
    if not curves:
        return
    first, last = min(one.first_at for one in curves), max(one.last_at for one in curves)
    step = MINUTE // 4
    middles = [together(curves, at + step // 2) for at in range(first, last, step)]
    known = [value for value in middles if value is not None]
    found = stand(curves)
    assert found.covered == len(known) * step
    if known:
        assert found.average is not None
        assert abs(found.average - sum(known) / len(known)) < 1e-6


@given(st.lists(sessions(), min_size=1, max_size=3), st.integers(0, 200))
def test_what_stood_at_a_moment_does_not_know_what_came_later(several: list[list[Snapshot]], moment: int) -> None:
    curves = [drawn for one in several if (drawn := made(one)) is not None]
    if not curves:
        return
    until = min(one.first_at for one in curves) + moment * MINUTE // 4
    found = stand(curves, until=until)
    told = [together(curves, point.at) for one in curves for point in one.points if point.at <= until]
    assert found.peak == max((value for value in told if value is not None), default=None)


def test_a_session_that_ends_counts_nothing_and_one_with_a_gap_makes_the_sum_unknown() -> None:
    long = Curve(0, 10, (Point(0, 100, False), Point(10, 100, True)))
    short = Curve(2, 4, (Point(2, 50, False), Point(4, 50, True)))
    broken = Curve(0, 10, (Point(0, 7, False), Point(4, 7, False), Point(10, 7, True)))
    assert [together([long, short], at) for at in (1, 3, 5)] == [100, 150, 100]
    assert [together([long, broken], at) for at in (0, 2, 5)] == [107, None, 107]
    assert stand([long, short]).average == (2 * 100 + 2 * 150 + 6 * 100) / 10
    assert together([long], 11) is None


def test_a_drawn_sum_breaks_where_it_is_unknown() -> None:
    broken = Curve(0, 10, (Point(0, 7, False), Point(4, 8, False), Point(10, 9, True)))
    assert summed([broken]) == [(0, 7), (1, None), (4, 8), (10, 9)]
