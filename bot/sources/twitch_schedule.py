"""What Twitch's streamers have announced: the next stream of each account, read rarely.

https://dev.twitch.tv/docs/api/reference/#get-channel-stream-schedule tells it one account a call, so each account
is looked at every six hours, one in a reading and few a minute. An announcement has an id of its own, and the
stream that comes of it another: the first that begins near the announced time is told under the id of the
announcement for as long as it lasts, so that both are one session.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace

from bot.domain import DAY, HOUR, MINUTE
from bot.domain.reading import Answer, Reading, State
from bot.domain.sentence import N_
from bot.ports.memory import Memory
from bot.ports.source import Ask, Garbage, SourceError, Told
from bot.sources.accounts import moment, words
from bot.sources.oauth import Application

#: Milliseconds between two looks at an account's schedule, and after a look that failed.
BETWEEN, SOON = 6 * HOUR, HOUR
#: Looks a minute, for all accounts together.
MOST_A_MINUTE = 20
#: What is further off is not told yet.
AHEAD = 7 * DAY
#: How long before and after its announced time a stream may begin, to be the one that was announced.
EARLY, LATE = HOUR, HOUR
#: Segments that are asked for: the next may be cancelled.
FIRST = 5
LONGEST_ID = 300
#: Tells the id of an announcement from one of a stream.
PREFIX = "schedule:"
#: What a question for a schedule is answered with; 404 where there is none.
ANSWERS = frozenset({200, 404})


@dataclass(frozen=True, slots=True)
class Segment:
    """A stream that is announced; ``session`` is the id that it is told under."""

    session: str
    starts_at: int
    title: str | None = None

    def is_near(self, now: int) -> bool:
        """Tell whether a stream that begins now may be this one."""
        return self.starts_at - EARLY <= now < self.starts_at + LATE


@dataclass(frozen=True, slots=True)
class Plan:
    """What is remembered of an account's schedule.

    Attributes:
        again_at: When it is worth looking again.
        coming: What is announced next.
        session: The id of the announcement that ``stream`` came of.
        stream: The id of the newest stream that had been announced.
    """

    again_at: int = 0
    coming: Segment | None = None
    session: str | None = None
    stream: str | None = None

    def is_due(self, now: int) -> bool:
        """Tell whether to look again; also when the announced time is over, or the clock was set back."""
        over = self.coming is not None and now >= self.coming.starts_at + LATE
        return now >= self.again_at or self.again_at > now + 2 * BETWEEN or over


class Schedule:
    """Adds to what is told of accounts what they have announced."""

    def __init__(self, application: Application, memory: Memory) -> None:
        self._application = application
        self._memory = memory
        self._subject = "twitch schedule"
        #: The minute of the last look, and how many there were in it.
        self._minute, self._looks = 0, 0

    async def add(self, asks: Sequence[Ask], told: Sequence[Told], now: int) -> list[Told]:
        """Return what was told, with what is announced; what failed stays as it is."""
        accounts = list(dict.fromkeys(one.account for one in told if one.account and _answer_of(one)))
        if not accounts:
            return list(told)
        kept = await self._memory.get(self._subject, accounts)
        plans = {account: _plan(kept.get(account)) for account in accounts}
        before = dict(plans)
        for account in self._due(plans, now):
            plans[account] = await self._looked(account, plans[account], now)
        added: list[Told] = []
        for ask, one in zip(asks, told, strict=True):
            answer = _answer_of(one)
            if one.account is None or answer is None:
                added.append(one)
                continue
            plans[one.account] = plan = _met(plans[one.account], answer, ask.known, now)
            added.append(replace(one, answers=(_with(plan, answer, now),)))
        changed = {account: _text(plan) for account, plan in plans.items() if plan != before[account]}
        if changed:
            await self._memory.put(self._subject, changed)
        return added

    def _due(self, plans: Mapping[str, Plan], now: int) -> list[str]:
        """Return whose schedule to look at in this reading: one account at most."""
        if now // MINUTE != self._minute:
            self._minute, self._looks = now // MINUTE, 0
        due = [account for account, plan in plans.items() if plan.is_due(now)]
        if not due or self._looks >= MOST_A_MINUTE:
            return []
        self._looks += 1
        return [min(due, key=lambda account: plans[account].again_at)]

    async def _looked(self, account: str, plan: Plan, now: int) -> Plan:
        """Look at a schedule; what is announced for about now stays, as Twitch tells what begins after now."""
        params = [("broadcaster_id", account), ("first", str(FIRST))]
        try:
            page = await self._application.get("/schedule", params)
            answer = page.json(ok=ANSWERS)
            coming = next_in(answer, now, besides=plan.session) if page.status == 200 else None
        except SourceError:
            return replace(plan, again_at=now + SOON)
        if plan.coming is not None and plan.coming.starts_at <= now < plan.coming.starts_at + LATE:
            coming = plan.coming
        return replace(plan, again_at=now + BETWEEN, coming=coming)


def next_in(answer: object, now: int, *, besides: str | None = None) -> Segment | None:
    """Read an answer of ``/schedule``: the next stream that is not cancelled, None where there is none.

    Args:
        besides: What has begun already, before its time.

    Raises:
        Garbage: It is no such answer.
    """
    data = answer.get("data") if isinstance(answer, dict) else None
    if not isinstance(data, dict):
        raise Garbage(N_("Twitch's answer holds no schedule."))
    segments = data.get("segments") or []  # null where there are none
    if not isinstance(segments, list):
        raise Garbage(N_("Twitch's answer holds no schedule."))
    found = [one for one in map(_segment, segments) if one and one.starts_at > now and one.session != besides]
    vacation = data.get("vacation")
    if isinstance(vacation, dict):
        begins, ends = moment(vacation.get("start_time")), moment(vacation.get("end_time"))
        if begins is not None and ends is not None:
            found = [one for one in found if not begins <= one.starts_at < ends]
    return min(found, key=lambda one: one.starts_at, default=None)


def _segment(item: object) -> Segment | None:
    if not isinstance(item, dict) or item.get("canceled_until") is not None:
        return None
    id_, starts_at = item.get("id"), moment(item.get("start_time"))
    if not isinstance(id_, str) or not 0 < len(id_) <= LONGEST_ID or not id_.isascii() or not id_.isprintable():
        return None
    return None if starts_at is None else Segment(f"{PREFIX}{id_}", starts_at, words(item.get("title")))


def _answer_of(told: Told) -> Answer | None:
    """Return what was told of an account, if that is no failure."""
    answer = told.answers[0] if len(told.answers) == 1 else None
    return answer if isinstance(answer, Answer) else None


def _met(plan: Plan, answer: Answer, known: Sequence[str], now: int) -> Plan:
    """Note a stream that had been announced: the pipeline waits for it, and has not seen the stream before."""
    coming = plan.coming
    if coming is None or len(answer.readings) != 1 or not coming.is_near(now):
        return plan
    stream = answer.readings[0].session
    if coming.session not in known or stream in known or stream == plan.stream:
        return plan
    return Plan(again_at=now, session=coming.session, stream=stream)


def _with(plan: Plan, answer: Answer, now: int) -> Answer:
    """Return the answer with what is announced, and the stream that was announced under that id."""
    readings = [
        replace(one, session=plan.session) if plan.session and one.session == plan.stream else one
        for one in answer.readings
    ]
    # A stream that is on the air when another is due is all that comes of it.
    coming = None if plan.coming is None or (readings and plan.coming.is_near(now)) else plan.coming
    if coming is not None and coming.starts_at - AHEAD <= now < coming.starts_at + LATE:
        due = coming.starts_at
        readings.append(Reading(session=coming.session, state=State.SCHEDULED, title=coming.title, started_at=due))
    return replace(answer, readings=tuple(readings))


def _text(plan: Plan) -> str:
    return json.dumps(asdict(plan))


def _plan(text: str | None) -> Plan:
    """Read what is remembered; nothing where it makes no sense."""
    if text is None:
        return Plan()
    try:
        kept = json.loads(text)
        coming = kept.pop("coming")
        plan = Plan(**kept, coming=None if coming is None else Segment(**coming))
        moments = (plan.again_at, 0 if plan.coming is None else plan.coming.starts_at)
        return plan if all(isinstance(one, int) for one in moments) else Plan()
    except (ValueError, TypeError, KeyError, AttributeError):
        return Plan()
