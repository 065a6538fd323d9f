"""Which session an answer speaks of: starts, reconnects, grace, ends, calendar days.

``advance`` folds one answer of a source into what is known of a watch and tells what changed. It is the
only place that decides on the identity of sessions.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, tzinfo
from typing import NamedTuple

from bot.domain import DAY, HOUR, MINUTE, SECOND
from bot.domain.outside import whole
from bot.domain.reading import Answer, Metric, Reading, State
from bot.domain.statistics import JOINED_INTERVALS, Tally

#: How long a session may be gone and still come back as the same one.
DEFAULT_GRACE = 5 * MINUTE
#: After so long without any answer, what is then missing counts as gone since the last answer: an id that
#: was not there before is a new session, not yesterday's under another name.
LONGEST_SILENCE = HOUR

CUMULATIVE = (Metric.TUNED_IN, Metric.VIEWS, Metric.POSTS)


@dataclass(slots=True)
class Session:
    """One live broadcast under a watch, with all platform ids that it was seen under.

    Attributes:
        id: Ours; 0 until it is stored.
        keys: The platform's ids, in the order in which they were seen.
        started_at: When it began, as the source claims; when it is due, while it is announced.
        gone_at: When the source first said that it is gone; the grace counts from here.
        ended_at: The moment of the answer after which it counted as ended.
        ends: How often it ended: more than once where its id came back after the grace.
        grown_at: When a figure of the whole session last grew after its end.
        daily: It stands for a calendar day of something that has no starts and ends.
        kept: What the store wrote last of those figures that seldom move; the store's own note.
    """

    watch_id: int
    keys: list[str]
    state: State
    id: int = 0
    title: str | None = None
    hosts: tuple[str, ...] = ()
    url: str | None = None
    started_at: int | None = None
    gone_at: int | None = None
    ended_at: int | None = None
    ends: int = 0
    daily: bool = False
    grown_at: int | None = None
    changed: bool = True
    tally: Tally = field(default_factory=Tally)
    kept: tuple[object, ...] = field(default=(), compare=False, repr=False)

    @property
    def is_live(self) -> bool:
        """Whether it is on the air, or within its grace."""
        return self.state is State.LIVE


@dataclass(slots=True)
class Track:
    """What is known of one watch between two answers.

    Attributes:
        sessions: Those that are live or scheduled, and ended ones that the answer names again.
        answered_at: The moment of the last answer that was not a failure.
    """

    watch_id: int
    sessions: list[Session] = field(default_factory=list)
    answered_at: int | None = None

    def find(self, key: str) -> Session | None:
        """Return the newest session that was seen under this platform id."""
        for session in reversed(self.sessions):
            if key in session.keys:
                return session
        return None

    def is_told_alone(self, answer: Answer) -> bool:
        """Tell whether an answer names the watch's one session, which has not ended, and no other."""
        if len(self.sessions) != 1 or len(answer.readings) != 1:
            return False
        return self.sessions[0].ended_at is None and answer.readings[0].session in self.sessions[0].keys


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What ``advance`` must know of a watch.

    Attributes:
        interval: The poll interval in force.
        grace: How long a session may be gone and come back as the same one.
        zone: Where its calendar days begin and end.
        daily: The source knows no starts and ends: one session a calendar day.
    """

    interval: int
    grace: int = DEFAULT_GRACE
    zone: tzinfo = UTC
    daily: bool = False


@dataclass(frozen=True, slots=True)
class Started:
    """A session is seen live for the first time."""

    session: Session
    at: int


@dataclass(frozen=True, slots=True)
class Rose:
    """A high-water mark of a session rose.

    Attributes:
        before: The mark before this reading; None where there was none.
        late: The reading came after a silence, so the mark may have risen long before.
    """

    session: Session
    at: int
    metric: Metric
    before: float | None
    after: float
    late: bool


@dataclass(frozen=True, slots=True)
class Ended:
    """A session did not come back within its grace, or its calendar day is over."""

    session: Session
    at: int


class Sample(NamedTuple):
    """One row to keep: a reading of a session, or (without one) the moment that it was gone.

    There is one for every session and tick, and a tuple is made in a third of a frozen dataclass's time.

    Attributes:
        late: The reading came after a silence.
        broken: The session was gone since the reading before.
    """

    session: Session
    at: int
    interval: int
    reading: Reading | None
    late: bool = False
    broken: bool = False


Change = Started | Rose | Ended


def advance(track: Track, answer: Answer, rules: Rules) -> tuple[list[Change], list[Sample]]:
    """Fold one answer into the track.

    Returns:
        What changed, ends before starts before marks, and the rows to keep.
    """
    at = answer.at
    ended: list[Change] = []
    changed: list[Change] = []
    samples: list[Sample] = []
    session = _goes_on(track, answer, rules)
    if session is not None:
        _add(session, answer.readings[0], at, rules, changed, samples)
        track.answered_at = at
        return changed, samples

    live = {r.session for r in answer.readings if r.state is State.LIVE}
    if rules.daily:
        _adopt(track, live)
    _cut_days(track, at, live, rules, ended)
    for session in track.sessions:
        _see_presence(track, session, answer, live, rules, samples)
    for reading in answer.readings:
        if reading.state is State.LIVE:
            _place(track, reading, at, rules, ended, changed)
        elif reading.state is State.SCHEDULED and track.find(reading.session) is None:
            track.sessions.append(_new(track, reading, State.SCHEDULED))
    for session in track.sessions:
        _expire(session, at, rules, ended)
    for reading in answer.readings:
        _take(track, reading, at, rules, live, changed, samples)
    track.answered_at = at
    if len(samples) > 1:  # one row a session and moment: what was said last
        samples = list({id(sample.session): sample for sample in samples}.values())
    return ended + changed, samples


def _goes_on(track: Track, answer: Answer, rules: Rules) -> Session | None:
    """Return the watch's only session if all that this answer says is that it goes on.

    Nearly every answer of a tick is such a one. Nobody came or went and no day can be over, so there is nothing
    to decide: what ``advance`` does otherwise would find the same, in three times the time.
    """
    if len(track.sessions) != 1 or len(answer.readings) != 1:
        return None
    session, reading = track.sessions[0], answer.readings[0]
    first_at = session.tally.first_at
    alone = (
        reading.state is State.LIVE
        and session.state is State.LIVE
        and session.gone_at is None
        and reading.session in session.keys
        and first_at is not None
        and answer.at - first_at <= DAY
        and not (session.daily or rules.daily)
    )
    return session if alone else None


def local_day(at: int, zone: tzinfo) -> date:
    """Return the calendar day of a moment in a zone."""
    return datetime.fromtimestamp(at / SECOND, tz=zone).date()


def _cut_days(track: Track, at: int, live: set[str], rules: Rules, ended: list[Change]) -> None:
    """End sessions whose calendar day is over and that go on: no grace, for nothing stopped."""
    for session in track.sessions:
        if session.is_live and any(key in live for key in session.keys) and _day_passed(session, at, rules):
            _end(session, at, ended)


def _day_passed(session: Session, at: int, rules: Rules) -> bool:
    """Tell whether a midnight that cuts lies between a session's last reading and now.

    A broadcast of its own is cut at the first midnight after 24 hours on the air, so that a marathon of 26 hours
    stays one session.
    """
    first_at, last_at = session.tally.first_at, session.tally.last_at
    if first_at is None or last_at is None:
        return False
    if session.daily or rules.daily:
        return local_day(at, rules.zone) != local_day(last_at, rules.zone)
    if at - first_at <= DAY:
        return False
    midnight = _midnight(at, rules.zone)
    return last_at < midnight and midnight - first_at > DAY


def _midnight(at: int, zone: tzinfo) -> int:
    """Return the moment at which the calendar day of ``at`` began."""
    day = datetime.fromtimestamp(at / SECOND, tz=zone)
    return round(day.replace(hour=0, minute=0, second=0, microsecond=0, fold=0).timestamp() * SECOND)


def _adopt(track: Track, live: set[str]) -> None:
    """Give new ids to the day's session: where days count, ids do not."""
    session = next((one for one in track.sessions if one.is_live), None)
    if session is None:
        return
    for key in sorted(live):
        if key not in session.keys:
            session.keys.append(key)
            session.changed = True


def _see_presence(
    track: Track, session: Session, answer: Answer, live: set[str], rules: Rules, samples: list[Sample]
) -> None:
    """Start a session's grace when the answer does not name it, stop it when it does."""
    if session.state is State.ENDED:
        return
    named = live if session.is_live else {r.session for r in answer.readings if r.state is not State.ENDED}
    if any(key in named or key in answer.still for key in session.keys):
        if session.gone_at is not None:
            session.gone_at = None
            session.changed = True
        return
    session.tally.break_line()
    if session.gone_at is None:
        silent = track.answered_at is not None and answer.at - track.answered_at > max(
            LONGEST_SILENCE, rules.grace
        )
        session.gone_at = track.answered_at if silent else answer.at
        session.changed = True
        if session.is_live and not any(r.session in session.keys for r in answer.readings):
            samples.append(Sample(session, answer.at, rules.interval, None))


def _place(
    track: Track, reading: Reading, at: int, rules: Rules, ended: list[Change], changed: list[Change]
) -> None:
    """Find or make the session that a live reading belongs to."""
    session = track.find(reading.session)
    day_over = session is not None and _day_is_over(session, at, rules)
    if session is None and rules.daily:
        _adopt(track, {reading.session})  # the day's session may have begun with this very answer
        session = track.find(reading.session)
    elif session is None:
        session = _rejoined(track, reading, at, rules)
        if session is not None and _day_passed(session, at, rules):
            _end(session, at, ended)
            day_over = True
    if session is None or day_over:
        former, session = session, _new(track, reading, State.LIVE)
        session.daily = rules.daily or day_over
        if former is not None:  # the same stream on another day: it may be told of under any of its ids
            session.keys += [key for key in former.keys if key != reading.session]
        track.sessions.append(session)
        changed.append(Started(session, at))
    elif session.tally.first_at is None and not session.is_live:  # announced before, or given up
        session.state = State.LIVE
        session.ended_at = session.gone_at = None
        session.changed = True
        changed.append(Started(session, at))
    elif session.state is State.ENDED:  # its own id is back after the grace: it goes on, with a gap
        session.state = State.LIVE
        session.ended_at = session.gone_at = None
        session.changed = True
        session.tally.break_line()


def _day_is_over(session: Session, at: int, rules: Rules) -> bool:
    """Tell whether an ended session was one of a calendar day, and of another day than this."""
    if session.state is not State.ENDED or session.tally.last_at is None:
        return False
    if session.ended_at == at:  # cut by this very answer
        return True
    daily = session.daily or rules.daily
    return daily and local_day(session.tally.last_at, rules.zone) != local_day(at, rules.zone)


def _rejoined(track: Track, reading: Reading, at: int, rules: Rules) -> Session | None:
    """Give a new id to the session that went last, the older one of two, if it is within its grace."""
    gone = [s for s in track.sessions if s.is_live and s.gone_at is not None and at - s.gone_at <= rules.grace]
    if not gone:
        return None
    session = max(gone, key=lambda s: (s.tally.last_at or 0, -s.id))
    session.keys.append(reading.session)
    session.gone_at = None
    session.changed = True
    return session


def _new(track: Track, reading: Reading, state: State) -> Session:
    return Session(track.watch_id, [reading.session], state, started_at=reading.started_at)


def _expire(session: Session, at: int, rules: Rules, ended: list[Change]) -> None:
    if session.gone_at is None or session.state is State.ENDED or at - session.gone_at < rules.grace:
        return
    if session.is_live:
        _end(session, at, ended)
    else:
        session.state = State.ENDED  # announced, and never came: nothing to tell
        session.changed = True


def _end(session: Session, at: int, ended: list[Change]) -> None:
    session.state = State.ENDED
    session.ended_at = at
    session.ends += 1
    session.changed = True
    session.tally.drop_suspect()
    ended.append(Ended(session, at))


def _speaks_for(session: Session, reading: Reading, live: set[str]) -> bool:
    """Of several ids of one session that answer at once, only the newest counts: they are the same people."""
    if len(session.keys) == 1 or reading.state is not State.LIVE:
        return True
    return next(key for key in reversed(session.keys) if key in live) == reading.session


def _take(
    track: Track,
    reading: Reading,
    at: int,
    rules: Rules,
    live: set[str],
    changed: list[Change],
    samples: list[Sample],
) -> None:
    """Add a reading to its session, if it speaks for it."""
    session = track.find(reading.session)
    if session is not None and _speaks_for(session, reading, live):
        _add(session, reading, at, rules, changed, samples)


def _add(
    session: Session, reading: Reading, at: int, rules: Rules, changed: list[Change], samples: list[Sample]
) -> None:
    """Add a reading to the tally of its session, and tell which marks rose."""
    _describe(session, reading)
    if reading.state is State.SCHEDULED:
        return
    tally = session.tally
    late = tally.last_at is not None and at - tally.last_at > JOINED_INTERVALS * rules.interval
    samples.append(Sample(session, at, rules.interval, reading, late, tally.broken))
    if reading.state is State.ENDED:
        # What still grows after the end is kept and shown "as of"; it never fires a live alert.
        for metric in CUMULATIVE:
            value = getattr(reading, metric)
            if value is not None and value != getattr(tally, metric):
                setattr(tally, metric, value)
                session.changed = True
                session.grown_at = at if session.state is State.ENDED else None
        return
    before = tally.peak
    tally.see(at, interval=rules.interval, concurrent=reading.concurrent)
    if tally.peak is not None and tally.peak != before:
        changed.append(Rose(session, at, Metric.CONCURRENT, before, tally.peak, late))
    if reading.source_peak is not None and (tally.source_peak is None or reading.source_peak > tally.source_peak):
        tally.source_peak = reading.source_peak
    if reading.tuned_in is not None or reading.views is not None or reading.posts is not None:
        _add_up(session, reading, at, late, changed)


def _add_up(session: Session, reading: Reading, at: int, late: bool, changed: list[Change]) -> None:  # noqa: FBT001
    tally = session.tally
    for metric in CUMULATIVE:
        value = getattr(reading, metric)
        if value is None:
            continue
        setattr(tally, metric, value)
        high = getattr(tally, f"{metric}_high")
        if high is None or value > high:
            setattr(tally, f"{metric}_high", value)
            changed.append(Rose(session, at, metric, high, value, late))


def _describe(session: Session, reading: Reading) -> None:
    """Keep the newest words on a session; a source that leaves them out does not unsay them."""
    # What is as it was is whole already: nearly every reading says so.
    if reading.title is not None and reading.title != session.title and whole(reading.title) != session.title:
        session.title = whole(reading.title)
        session.changed = True
    if reading.hosts and reading.hosts != session.hosts:
        hosts = tuple(map(whole, reading.hosts))
        if hosts != session.hosts:
            session.hosts = hosts
            session.changed = True
    if reading.url is not None and reading.url != session.url:
        session.url = reading.url
        session.changed = True
    # Announced for another time; or on the air: when it was due is then no longer when it began.
    told = reading.started_at is not None or reading.state is State.LIVE
    if told and session.tally.first_at is None and reading.started_at != session.started_at:
        session.started_at = reading.started_at
        session.changed = True
