"""Makes the sample session: ``python -m tests.build_sample`` writes ``bot/samples/space-2022-04-20.jsonl``.

Reported by the press, and kept here:

- 20 April 2022, 22:00 in Karachi; hosted by Arslan Khalid and Jibran Ilyas; 446,000 tuned in, 165,000 on
  average at a given time (https://tribune.com.pk/story/2353587);
- 70,000 within five minutes, over 100,000 just before the eleventh, 160,000 at the end, all from PTI's own
  account (updatesglobal.com, "Imran Khan broke the record by engaging most users").

Not reported, so ours: every other figure, the ids, the troubles on the way, and the length (Gulf News says
about 80 minutes; the sample runs for two and a half hours). An average of 165,000 needs a peak above it;
this one stays as low as the reports allow. The Space's own title is not on record: the one here is the
Tribune's name for it.

The same code gives the same bytes: the noise comes from a fixed seed.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from random import Random

OUT = Path(__file__).parent.parent / "bot" / "samples" / "space-2022-04-20.jsonl"

INTERVAL = 30
PER_MINUTE = 60 // INTERVAL
START = datetime(2022, 4, 20, 17, 0, tzinfo=UTC)

HEADER = {
    "replay": 1,
    "platform": "x",
    "watch": "PTI Space",
    "unit": "participants",
    "interval": INTERVAL,
    "timezone": "Asia/Karachi",
    "note": "A reconstruction: the average (165,000 at once) and the total (446,000 tuned in) are what the "
    "press reported; the curve between is ours. So is its length: the press reported about 80 minutes.",
}
ABOUT = {
    "title": "Imran Khan's Twitter Space session",
    "hosts": ["PTI", "Dr Arslan Khalid", "Jibran Ilyas"],
}
#: Thirteen letters and figures, as X has them, and plainly nobody's.
FIRST_ID, SECOND_ID = "1MilepostDemo", "1MilepostBack"

#: People at once, by the minute, in thousands; straight lines between.
CURVE = (
    (0, 1.9),
    (0.5, 4.1),
    (1, 8.6),
    (1.5, 15.2),
    (2, 23.5),
    (2.5, 32.4),
    (3, 41.0),
    (3.5, 48.6),
    (4, 56.5),
    (4.5, 63.8),
    (5, 70.1),  # reported
    (6, 77.5),
    (8, 88.2),
    (10.5, 100.9),  # reported, just before he spoke
    (13, 121),
    (17, 142),
    (22, 158),
    (30, 170.5),
    (40, 179),
    (52, 184),
    (66, 186),
    (80, 188),
    (92, 187),
    (100, 185),  # the connection is lost ...
    (101.5, 137),  # ... and people come back, most of them at once
    (103, 156),
    (106, 170),
    (111, 178),
    (118, 179),
    (130, 174),
    (141, 167.5),
    (148, 162.5),
    (151, 160),  # reported, by the end
)
END = 151 * PER_MINUTE  # the last reading seen live

AVERAGE = 165_012  # reported: 165,000; not so round that it looks typed in
TUNED_IN = 446_000  # reported

#: How far a reading strays from the curve, and how much of that the next one keeps.
NOISE, MEMORY = 0.006, 0.8

#: The troubles, as numbers of readings from the start.
GAP = range(62 * PER_MINUTE + 1, 70 * PER_MINUTE)  # eight minutes from one reading to the next
AWAY = range(100 * PER_MINUTE, 100 * PER_MINUTE + 3)  # 90 seconds off the air, then a new id
ERRORS = {
    24 * PER_MINUTE: "rate_limited",
    24 * PER_MINUTE + 1: "rate_limited",
    121 * PER_MINUTE: "unavailable",
}
HIDDEN = 41 * PER_MINUTE + 1  # one reading without its figure
GLITCH, ABSURD = 84 * PER_MINUTE, 4_120_077

SCHEDULED = range(-3, 0)
AFTERWARDS = range(END + 2, END + 2 + 7 * PER_MINUTE)  # longer than the grace, so that the end is told


def lines() -> list[dict[str, object]]:
    """Return the whole file, line by line."""
    crowd = people()
    total = tuned_in(crowd)
    made: list[dict[str, object]] = [dict(HEADER)]
    made += ({"at": moment(n), "session": FIRST_ID, "state": "scheduled", **ABOUT} for n in SCHEDULED)
    for n in range(END + 1):
        if n in GAP:
            continue
        if n in AWAY:
            made.append({"at": moment(n), "state": "offline"})
        elif n in ERRORS:
            made.append({"at": moment(n), "error": ERRORS[n]})
        else:
            made.append(
                {
                    "at": moment(n),
                    "session": FIRST_ID if n < AWAY.start else SECOND_ID,
                    "state": "live",
                    **(ABOUT if n in (0, AWAY.stop) else {}),  # what is left out is not unsaid
                    "concurrent": None if n == HIDDEN else ABSURD if n == GLITCH else crowd[n],
                    "tuned_in": total[n],
                }
            )
    made.append({"at": moment(END + 1), "session": SECOND_ID, "state": "ended", "tuned_in": TUNED_IN})
    made += ({"at": moment(n), "state": "offline"} for n in AFTERWARDS)
    return made


def moment(n: int) -> str:
    return (START + timedelta(seconds=n * INTERVAL)).strftime("%Y-%m-%dT%H:%M:%SZ")


def people() -> list[int]:
    """Return those there at once, reading by reading: the curve, a little noise, and the reported average."""
    random = Random(20220420)
    stray, raw = 0.0, []
    for n in range(END + 1):
        stray = MEMORY * stray + NOISE * (random.random() + random.random() - 1)
        raw.append(1000 * curve(n / PER_MINUTE) * (1 + stray))
    scale = AVERAGE / average(raw)
    return [round(scale * value) for value in raw]


def curve(minute: float) -> float:
    for (left, low), (right, high) in pairwise(CURVE):
        if minute <= right:
            return low + (high - low) * (minute - left) / (right - left)
    raise ValueError(minute)


def average(crowd: list[float]) -> float:
    """Return the time-weighted average as the design has it: gap and absence left out, the rest joined."""
    unknown = {HIDDEN, GLITCH, *ERRORS}
    area = time = 0.0
    for stretch in (range(GAP.start), range(GAP.stop, AWAY.start), range(AWAY.stop, END + 1)):
        for left, right in pairwise(n for n in stretch if n not in unknown):
            area += (crowd[left] + crowd[right]) / 2 * (right - left)
            time += right - left
    return area / time


def tuned_in(crowd: list[int]) -> list[int]:
    """Return all who came so far: those who made the crowd grow, and those who took the place of leavers."""
    stayed = [sum(crowd[: n + 1]) for n in range(END + 1)]
    newcomers = (TUNED_IN - max(crowd)) / stayed[-1]
    return [round(max(crowd[: n + 1]) + newcomers * stayed[n]) for n in range(END + 1)]


def text() -> str:
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines())


if __name__ == "__main__":
    OUT.write_text(text(), encoding="utf-8")
    print(f"{OUT}: {len(lines())} lines")
