"""Which readings of an old session stay: the highest of every five minutes, and where lines begin and end.

Thinned readings are read as all others are (``bot.domain.snapshot``), and must then tell the same: the same peak
at the same moment, lines that break where they broke and nowhere else, no glitch that has become a figure.
"""

from __future__ import annotations

from collections.abc import Sequence

from bot.domain import MINUTE
from bot.domain.snapshot import Kept, Snapshot, confirmed
from bot.domain.statistics import JOINED_INTERVALS

#: Of each such stretch of the clock one reading stays.
SLOT = 5 * MINUTE


def thin(snapshots: Sequence[Snapshot], *, peak_at: int | None) -> dict[int, Kept]:
    """Return which live readings of a session stay, by moment; what is not live stays anyhow, and is not named.

    Those stay: of each slot the highest confirmed figure, the first of equals, or (where none is known) the last
    reading; the first and the last reading, confirmed and at all; the peak; and both sides of every break in the
    line and of every stretch without readings that is longer than a slot. So two neighbours on a line are never
    further apart than two slots, or than their intervals allow: read with an interval of a slot, they are joined.

    Glitches are left out for good: without the readings that disproved them, nothing tells them from figures. One
    that is the first or the last reading stays without its figure.

    What was thinned before gives the same again. So does what was marked in part, if it was marked in the order in
    which it is returned: the last readings first, for what a reading is depends on those before it; then the
    glitches, which tell of their neighbours as long as they have a figure.

    Args:
        snapshots: All kept readings of a session that is over, in order of time.
        peak_at: The moment of the peak that was told.
    """
    counting = {at for at, _ in confirmed(snapshots)}
    counting |= {one.at for one in snapshots if one.at == peak_at and one.live and one.concurrent is not None}
    live = [one for one in snapshots if one.live]
    ends = {one.at for one in live[:1] + live[-1:]}
    best: dict[int, Snapshot] = {}
    last: dict[int, int] = {}
    stays = set() if peak_at is None else {peak_at}
    apart = set()
    before: Snapshot | None = None
    broken = False
    for one in snapshots:
        if not one.live:
            broken = True
            continue
        broken = broken or one.broken
        slot = one.at // SLOT
        if one.at not in counting:
            if one.concurrent is None and one.at not in ends:
                last[slot] = one.at
            continue
        if before is None or broken or not _joined(before, one):
            stays.update({one.at} if before is None else {before.at, one.at})
            if before is not None or broken:
                apart.add(one.at)
        elif one.at - before.at > SLOT:
            stays.update((before.at, one.at))
        if slot not in best or _figure(one) > _figure(best[slot]):
            best[slot] = one
        before, broken = one, False
    if before is not None:
        stays.add(before.at)
    stays |= {one.at for one in best.values()} | {at for slot, at in last.items() if slot not in best}
    stays |= ends
    disproved = [one for one in live if one.concurrent is not None and one.at not in counting]
    others = [one for one in live if one.concurrent is None or one.at in counting]
    return {
        one.at: Kept.ASIDE if one.at not in counting else Kept.APART if one.at in apart else Kept.JOINED
        for one in (*reversed(others), *disproved)
        if one.at in stays
    }


def _figure(one: Snapshot) -> float:
    assert one.concurrent is not None
    return one.concurrent


def _joined(before: Snapshot, one: Snapshot) -> bool:
    return one.at - before.at <= JOINED_INTERVALS * max(before.interval, one.interval)
