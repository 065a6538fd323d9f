"""What `milepost replay --json` must print, worked out slowly from the design's text alone.

Nothing here is folded: after every line everything is computed anew from all that was seen. It shares no
code with the bot. Where the text of the design (sections 5 and 7) leaves room, a comment that starts with
CHOSE says what was taken.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

Line = dict[str, Any]
Sample = tuple[int, float]

HOUR = 3_600_000
GRACE = 300_000
CUMULATIVE = ("tuned_in", "views", "posts")
MEASURES = ("peak", "tuned_in", "posts", "average", "airtime")  # CHOSE: the first three fall live
SCOPES = ("watch", "chat", "platform")
DAILY = ("json", "prometheus", "hashtag")
PRIVATE = ("json", "prometheus", "stage", "icecast", "owncast", "azuracast")


def moment(text: str) -> int:
    """Milliseconds of an ISO time."""
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def iso(at: int | None) -> str | None:
    if at is None:
        return None
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at)).isoformat().replace("+00:00", "Z")


# --- Truth ------------------------------------------------------------------------------------------------


def rises(value: float, base: float) -> bool:
    return value > 5 * base and value - base >= 50


def falls(value: float, base: float) -> bool:
    return base >= 10 and value <= 1  # CHOSE: "0 or 1" of a broken number is anything up to 1


def confirmed(samples: Iterable[Sample | None]) -> list[Sample]:
    """Keep what counts of the known at-once figures; None stands for an end of the session."""
    counted: list[Sample] = []
    suspect: Sample | None = None
    for sample in samples:
        if sample is None:
            suspect = None  # CHOSE: a session that goes on after its end does not get the suspect back
            continue
        if not counted:
            if suspect is None or rises(suspect[1], sample[1]) or rises(sample[1], suspect[1]):
                suspect = sample
                continue
            counted.append(suspect)
            suspect = None
        elif suspect is not None:
            base = counted[-1][1]
            bound = rises if rises(suspect[1], base) else falls
            if bound(sample[1], base):
                counted.append(suspect)
            suspect = None
        base = counted[-1][1]  # CHOSE: the confirming reading is itself held against what it confirmed
        if rises(sample[1], base) or falls(sample[1], base):
            suspect = sample
        else:
            counted.append(sample)
    return counted


class Session:
    """One session as a list of what happened to it: ("live" | "after", at, line), ("gone" | "end", at)."""

    def __init__(self, watch: Watch, key: str) -> None:
        self.watch = watch
        self.ids = [key]
        self.log: list[tuple[Any, ...]] = []
        self.stream_start: int | None = None
        self.gone: int | None = None
        self.ended = False
        self.edit = False
        self.piece = False
        self.told: dict[str, int] = {}

    @property
    def open(self) -> bool:
        return bool(self.lives()) and not self.ended

    def lives(self) -> list[tuple[Any, ...]]:
        return [entry for entry in self.log if entry[0] == "live"]

    def samples(self) -> list[Sample]:
        return confirmed(
            None if entry[0] == "end" else (entry[1], entry[2]["concurrent"])
            for entry in self.log
            if entry[0] == "end" or (entry[0] == "live" and entry[2].get("concurrent") is not None)
        )

    def peak(self) -> Sample | None:
        return max(self.samples(), key=lambda sample: (sample[1], -sample[0]), default=None)

    def joined(self) -> list[tuple[Sample, Sample]]:
        # CHOSE: an answer that names a new id for one that is gone breaks the line too ("with a gap")
        breaks = [entry[1] for entry in self.log if entry[0] in {"gone", "end"}]
        return [
            (a, b)
            for a, b in pairwise(self.samples())
            if b[0] - a[0] <= 3 * self.watch.interval and not any(a[0] < at <= b[0] for at in breaks)
        ]

    def covered(self) -> int:
        return sum(b[0] - a[0] for a, b in self.joined())

    def average(self) -> float | None:
        if not self.covered():
            return None  # CHOSE: without joined time there is no average
        return sum((a[1] + b[1]) / 2 * (b[0] - a[0]) for a, b in self.joined()) / self.covered()

    def airtime(self) -> int:
        lives = self.lives()
        return int(lives[-1][1] - lives[0][1])

    def coverage(self) -> float | None:
        return self.covered() / self.airtime() if self.airtime() else None  # CHOSE: nothing of nothing

    def last(self, metric: str) -> float | None:
        """The last known value, of "ended" lines too (CHOSE: they are the "as of" of the recap)."""
        values = [e[2].get(metric) for e in self.log if e[0] in {"live", "after"}]
        return next((value for value in reversed(values) if value is not None), None)

    def value(self, measure: str) -> float | None:
        peak = self.peak()
        if measure == "peak":
            return peak[1] if peak else None
        if measure == "average":
            return self.average()
        return self.airtime() / 1000 if measure == "airtime" else self.last(measure)

    def mark(self) -> tuple[str, float] | None:
        """The high-water mark of the figure that the ladder stands on."""
        lines = [entry[2] for entry in self.log if entry[0] == "live"]
        # CHOSE: the source "has" the at-once figure if its file has it anywhere
        if any(line.get("concurrent") is not None for line in self.watch.lines):
            peak = self.peak()
            return ("peak", peak[1]) if peak else None
        for metric in CUMULATIVE:
            known = [line[metric] for line in lines if line.get(metric) is not None]
            if known:
                return metric, max(known)
        return None


# --- Sessions ---------------------------------------------------------------------------------------------


class Watch:
    """One file: its header, and its lines by moment."""

    def __init__(self, lines: list[Line]) -> None:
        header, *rest = lines
        self.name: str = header["watch"]
        self.platform: str = header["platform"]
        self.interval = round(header["interval"] * 1000)
        self.zone = ZoneInfo(header.get("timezone", "UTC"))
        self.lines = [line | {"ms": moment(line["at"])} for line in rest]
        self.daily = self.platform in DAILY and not any(
            line.get("state") in {"offline", "ended", "scheduled"} for line in rest
        )
        self.sessions: list[Session] = []
        self.owner: dict[str, Session] = {}
        self.last_answer: int | None = None

    def answers(self) -> Iterator[tuple[int, list[Line]]]:
        for at in sorted({line["ms"] for line in self.lines}):
            # CHOSE: an error beside an answer of the same moment changes nothing
            known = [line for line in self.lines if line["ms"] == at and "error" not in line]
            if known:
                yield at, known

    def begin(self, key: str) -> Session:
        session = Session(self, key)
        self.sessions.append(session)
        self.owner[key] = session
        return session

    def midnight_after(self, at: int) -> int:
        day = datetime.fromtimestamp(at / 1000, self.zone).date() + timedelta(days=1)
        return round(datetime.combine(day, time.min, self.zone).timestamp() * 1000)

    def cut_at(self, session: Session) -> int | None:
        """When the session must give way to that of the next day, if it is still live then."""
        lives = session.lives()
        if not session.open or session.stream_start is None:
            return None  # CHOSE: one that ended and is back goes on, whatever the hour
        if self.daily:
            return self.midnight_after(lives[-1][1])
        # CHOSE: exactly 24 hours are not over 24 hours; after the first cut every midnight cuts
        return self.midnight_after(max(lives[-1][1], session.stream_start + 24 * HOUR))

    def still(self, session: Session, at: int, known: list[Line]) -> bool:
        """Whether the file goes on with an id that this answer leaves out."""
        if any(line["state"] == "offline" for line in known):
            return False  # CHOSE: "offline" is said of everything
        return any(self.continues(key, at) for key in self.own(session))

    def own(self, session: Session) -> list[str]:
        """Its ids, without those that the session of a later day took over."""
        return [key for key in session.ids if self.owner.get(key) is session]

    def continues(self, key: str, at: int) -> bool:
        own = [line for line in self.lines if line.get("session") == key or line.get("state") == "offline"]
        before = [line for line in own if line["ms"] < at]
        after = [line for line in own if line["ms"] >= at]
        return (
            bool(before and after)
            # CHOSE: the last and the next line of the id must both be live, not only the next live one near
            and before[-1]["state"] == after[0]["state"] == "live"
            and after[0]["ms"] > at
            and after[0]["ms"] - before[-1]["ms"] <= 1.5 * self.interval
        )

    def answer(self, at: int, known: list[Line]) -> tuple[list[Session], list[tuple[Session, Line]]]:
        """Give the sessions that end, and the readings of those that are live."""
        live = {line["session"]: line for line in known if line["state"] == "live"}
        for line in known:
            if line["state"] == "scheduled" and line["session"] not in self.owner:
                self.begin(line["session"])  # CHOSE: what was announced is a session of its own
        for key in live:
            session = self.owner.get(key)
            # CHOSE: a day's part of a longer stream that ended and is back on another day is that day's
            if session is not None and session.ended and (session.piece or self.daily):
                self.owner.pop(key) if at >= self.midnight_after(session.lives()[-1][1]) else None
        # CHOSE: of two ids of one session in one answer the later adopted one speaks for it
        there = {
            session: [key for key in self.own(session) if key in live][-1]
            for session in {self.owner[key]: None for key in live if key in self.owner}
        }
        stays = {session for session in self.sessions if session in there or self.still(session, at, known)}
        if not self.daily:
            self.miss(at, stays)
        for key in live:
            if key not in self.owner:
                there[self.heir(at, stays | set(there)) or self.begin(key)] = key
        for session, key in there.items():
            self.owner[key] = session
            session.ids += [key] if key not in session.ids else []
        ends = [s for s in self.sessions if s.open and s not in there and s not in stays and self.over(s, at)]
        readings = []
        for session, key in there.items():
            cut = self.cut_at(session)
            if cut is not None and at >= cut:
                ends.append(session)
                others = [one for one in self.own(session) if one != key]
                readings.append((self.begin(key), live[key]))
                # CHOSE: the next day's session takes over all ids of the stream
                readings[-1][0].ids += others
                self.owner.update((one, readings[-1][0]) for one in others)
                readings[-1][0].stream_start = session.stream_start
                readings[-1][0].piece = True
            else:
                readings.append((session, live[key]))
        self.last_answer = at
        return ends, readings

    def miss(self, at: int, stays: set[Session]) -> None:
        """Note who is gone: by this answer, or by more than an hour without any."""
        for session in self.sessions:
            if session.open:
                if self.last_answer is not None and at - self.last_answer > HOUR and session.gone is None:
                    session.gone = self.last_answer  # CHOSE: an hour of errors breaks no line by itself
                if session not in stays:
                    session.gone = at if session.gone is None else session.gone
                    session.log.append(("gone", at))

    def heir(self, at: int, taken: set[Session]) -> Session | None:
        """The session that a new id goes on with. CHOSE: of several that are gone the one gone last."""
        if self.daily:  # CHOSE: where days count, ids do not
            return next((s for s in self.sessions if s.open), None)
        heirs = [s for s in self.sessions if s.open and s not in taken and at - (s.gone or 0) <= GRACE]
        return max(heirs, key=lambda s: s.gone or 0, default=None)

    def over(self, session: Session, at: int) -> bool:
        if self.daily:
            return at >= (self.cut_at(session) or at)
        return session.gone is not None and at - session.gone >= GRACE


# --- Alerts -----------------------------------------------------------------------------------------------


def rungs(up_to: float) -> Iterator[int]:
    power = 10
    while power <= up_to:
        yield from (rung for rung in (power, power * 5 // 2, power * 5) if rung <= up_to)
        power *= 10


class Replay:
    def __init__(self, files: list[list[Line]], book: list[Line]) -> None:
        self.watches = [Watch(lines) for lines in files]
        self.book = book
        self.told: list[Line] = []

    def run(self) -> list[Line]:
        steps = [(at, n, known) for n, w in enumerate(self.watches) for at, known in w.answers()]
        for at, number, known in sorted(steps, key=lambda step: step[:2]):
            self.step(self.watches[number], at, known)
        return self.told

    def step(self, watch: Watch, at: int, known: list[Line]) -> None:
        ends, readings = watch.answer(at, known)
        for line in known:
            if line["state"] == "ended" and line["session"] in watch.owner:
                watch.owner[line["session"]].log.append(("after", at, line))
        for session in ends:
            session.ended = True
            session.log.append(("end", at))
        for session, _ in readings:
            session.edit = session.edit or session.ended
            session.ended, session.gone = False, None
        # CHOSE: rivals are those that stand as ended after the answer, also those that it ended itself
        for session in ends:
            self.tell("ended", at, session, **self.recap(session))
        for session, line in readings:
            before, first = session.mark(), not session.lives()
            session.stream_start = session.stream_start or at
            session.log.append(("live", at, line))
            if first:
                self.tell("started", at, session, measure=None, value=None)
            fell = [record for measure in MEASURES[:3] if (record := self.fallen(session, measure))]
            for record in fell:
                self.tell("record", at, session, **record)
            after = session.mark()
            if after and not fell:
                old = before[1] if before and before[0] == after[0] else -1
                self.milestone(at, session, after[0], old, after[1])

    def tell(self, kind: str, at: int, session: Session, **more: Any) -> None:
        self.told.append(
            {"kind": kind, "at": iso(at), "watch": session.watch.name, "session": session.ids[0], **more}
        )

    def milestone(self, at: int, session: Session, measure: str, old: float, new: float) -> None:
        earlier = [r.mark() for r in session.watch.sessions if r.ended and r is not session]
        best = max((mark[1] for mark in earlier if mark and mark[0] == measure), default=0)
        heard = [rung for rung in rungs(new) if rung > old and rung * 10 >= best]
        if heard:
            self.tell("milestone", at, session, measure=measure, value=new, threshold=heard[-1])

    def rivals(self, session: Session, measure: str, scope: str) -> list[Line]:
        found: list[Line] = []
        for watch in self.watches:
            if watch.platform != session.watch.platform or (scope == "watch" and watch is not session.watch):
                continue
            for rival in watch.sessions:
                value = rival.value(measure) if rival.ended and rival is not session else None
                if value is not None:  # CHOSE: one that was taken up again is no rival until it ends again
                    found.append({"value": value, "imported": False})
        return found + [
            {key: entry.get(key) for key in ("value", "holder", "date")} | {"imported": True}
            for entry in self.book
            if (entry["platform"], entry["measure"]) == (session.watch.platform, measure)
            and SCOPES.index(entry["scope"]) <= SCOPES.index(scope)
        ]

    def broken(self, session: Session, measure: str) -> Line | None:
        """The widest scope whose every rival lies strictly below."""
        value = session.value(measure)
        widest, narrower = None, 0
        for scope in SCOPES:
            if value is None or (scope == "platform" and session.watch.platform in PRIVATE):
                continue
            rivals = self.rivals(session, measure, scope)
            if len(rivals) > narrower and value > max(rival["value"] for rival in rivals):
                previous = max(rivals, key=lambda rival: rival["value"])
                widest = {"measure": measure, "value": value, "scope": scope, "previous": previous}
            narrower = len(rivals)
        return widest

    def fallen(self, session: Session, measure: str) -> Line | None:
        record = self.broken(session, measure)
        if record is None or SCOPES.index(record["scope"]) <= session.told.get(measure, -1):
            return None
        session.told[measure] = SCOPES.index(record["scope"])
        return record

    def recap(self, session: Session) -> Line:
        peak = session.peak()
        recap: Line = {
            "measure": "peak",
            "value": peak[1] if peak else None,
            "peak": peak[1] if peak else None,
            "peak_at": iso(peak[0]) if peak else None,
            "average": session.average(),
            "tuned_in": session.last("tuned_in"),
            "airtime_seconds": session.airtime() / 1000,
            "coverage": session.coverage(),
            # CHOSE: what stands at the end, against the rivals of that moment, posts among them
            "records": [record for measure in MEASURES if (record := self.broken(session, measure))],
        }
        return recap | ({"edit": True} if session.edit else {})


def replay(files: list[list[Line]], book: Iterable[Line] = ()) -> list[Line]:
    """Play parsed replay files (a header and lines each) and give what must be told, in order."""
    return Replay(files, list(book)).run()
