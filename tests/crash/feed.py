"""What is true: sessions that climb their ladders, and what every chat must hear of them.

A step of a session is taken when all chats have heard of the one before. Nothing may therefore be superseded or
left out, every fact has to arrive, and the feed stands still where one is lost. One watch beside these, the wild
one, waits for nobody: of it people must hear the latest truth.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

#: As documented: 10, 25, 50, 100 ...; a chat hears of it what is at least this part of the best session before.
USUAL_LADDER = tuple(first * 10**power for power in range(1, 10) for first in (1, 2.5, 5))
HEARD_FROM = 0.1
#: The ladder of chats that have their own: close rungs, so that each step passes some.
CLOSE_LADDER = tuple(round(12 * 1.25**rung) for rung in range(48))
#: The steps of a session as parts of the best one before; and those of the first.
STEPS = (0.3, 0.55, 0.85, 1.03, 1.12)
FIRST_STEPS = (20, 35, 60, 90, 130)
#: Of one session that goes on for long: each step of it.
LONG_STEP = 1.3
#: The growth of the wild one, a second.
GROWTH = 1.01
WILD_START = 20


class Fact(NamedTuple):
    """What a chat is told, in the words that the harness gives its chats."""

    kind: str
    name: str
    title: str
    number: int | None = None


@dataclass(frozen=True, slots=True)
class Taste:
    """What a chat wants to hear."""

    ladder: tuple[float, ...]
    usual: bool
    records: bool

    def rung(self, *, before: float, after: float, best: float | None) -> int | None:
        place = bisect_right(self.ladder, after)
        rung = self.ladder[place - 1] if place else 0
        if rung <= before or (self.usual and best is not None and rung < best * HEARD_FROM):
            return None
        return int(rung)


PLAIN = Taste(USUAL_LADDER, usual=True, records=True)
OWN = Taste(CLOSE_LADDER, usual=False, records=False)


@dataclass
class Course:
    """One watch whose sessions wait for all chats.

    Attributes:
        owed: By chat, what it has not heard yet; each is a list of facts of which one will do.
        told: By chat, all that it has heard.
        number: Which session it is; 0 before the first.
        step: Which of its values stands; None while it is off the air.
    """

    name: str
    titled: bool
    owed: dict[str, list[list[Fact]]] = field(default_factory=dict)
    told: dict[str, set[Fact]] = field(default_factory=dict)
    number: int = 0
    values: tuple[int, ...] = ()
    best: int | None = None
    step: int | None = None
    record_told: bool = False

    @property
    def long(self) -> bool:
        return self.step is not None and self.values[-1] > 2 * (self.best or self.values[-1])

    @property
    def title(self) -> str:
        return f"round {self.number}" if self.titled else ""

    @property
    def value(self) -> int | None:
        return None if self.step is None else self.values[self.step]

    @property
    def waits(self) -> bool:
        return any(self.owed.values())


class Feed:
    """The truth, as it goes on with what arrives.

    Args:
        chats: What each wants.
        clock: Seconds.

    Attributes:
        begun: There is something to tell.
        frozen: No step is taken any more.
        long: The next sessions have so many steps; 0 for the usual ones.
        loose: A record may be told again at a later step, in place of its milestone: the database forgot.
        true: How many facts were due, all chats together.
    """

    def __init__(
        self,
        names: Sequence[str],
        untitled: Sequence[str],
        wild: str,
        chats: dict[str, Taste],
        clock: Callable[[], float],
    ) -> None:
        self.chats = chats
        self.courses = {name: Course(name, titled=name not in untitled) for name in (*names, *untitled)}
        for course in self.courses.values():
            course.owed = {chat: [] for chat in chats}
            course.told = {chat: set() for chat in chats}
        self.wild = wild
        self.begun = False
        self.frozen = True
        self.long = 0
        self.loose = False
        self.true = 0
        self._clock = clock
        self._wild_seconds = 0.0
        self._since: float | None = None

    # --- the wild one

    @property
    def wild_value(self) -> int:
        running = 0.0 if self._since is None else self._clock() - self._since
        return int(WILD_START * GROWTH ** (self._wild_seconds + running))

    def freeze(self) -> None:
        """Take no step any more."""
        if self._since is not None:
            self._wild_seconds += self._clock() - self._since
            self._since = None
        self.frozen = True

    def go_on(self) -> None:
        """Take steps again."""
        self.begun = True
        self.frozen = False
        self._since = self._clock()
        self.move()

    # --- those that wait

    @property
    def owed(self) -> dict[str, list[Fact]]:
        """What has not arrived, by chat."""
        found: dict[str, list[Fact]] = {chat: [] for chat in self.chats}
        for course in self.courses.values():
            for chat, facts in course.owed.items():
                found[chat] += [any_of[0] for any_of in facts]
        return {chat: facts for chat, facts in found.items() if facts}

    def arrived(self, chat: str, fact: Fact) -> str:
        """Note what a chat was told; return "new", "again" or "untrue"."""
        course = self.courses.get(fact.name)
        if course is None:
            return "untrue"
        owed = course.owed[chat]
        for place, any_of in enumerate(owed):
            if fact in any_of:
                course.told[chat].add(fact)
                del owed[place]
                self.move()
                return "new" if place == 0 else "out of turn"
        return "again" if fact in course.told[chat] else "untrue"

    def give_up(self) -> int:
        """Forget what has not arrived; return how much that was."""
        lost = sum(len(facts) for course in self.courses.values() for facts in course.owed.values())
        for course in self.courses.values():
            for facts in course.owed.values():
                facts.clear()
        return lost

    def move(self) -> None:
        """Take every step that nobody has to be waited for."""
        moved = True
        while moved and not self.frozen:
            moved = False
            for course in self.courses.values():
                if course.step is not None and not course.waits:
                    self._climb(course)
                    moved = True
            if all(course.step is None and not course.waits for course in self.courses.values()):
                for course in self.courses.values():
                    self._begin(course)
                moved = True

    def _begin(self, course: Course) -> None:
        course.number += 1
        course.step = 0
        course.record_told = False
        best = course.best
        if self.long and best is not None:
            course.values = tuple(round(best * LONG_STEP**step) for step in range(1, self.long + 1))
        elif best is None:
            course.values = FIRST_STEPS
        else:
            course.values = tuple(round(best * part) for part in STEPS)
        course.values = tuple(self._worth_telling(course))
        for chat in self.chats:
            self._owe(course, chat, [Fact("started", course.name, course.title)])
        self._reach(course, before=0)

    def _worth_telling(self, course: Course) -> Iterator[int]:
        """Leave out steps of which nobody hears: nothing would show that they were seen before the next one."""
        best, before, fell = course.best, 0, False
        for value in course.values:
            falls = best is not None and value > best and not fell
            hears = any(
                taste.rung(before=before, after=value, best=best) is not None or (falls and taste.records)
                for taste in self.chats.values()
            )
            if before == 0 or hears:
                yield value
                before, fell = value, fell or falls

    def _climb(self, course: Course) -> None:
        assert course.step is not None
        if course.step + 1 < len(course.values):
            course.step += 1
            self._reach(course, before=course.values[course.step - 1])
            return
        peak = course.values[-1]
        course.step, course.best = None, max(peak, course.best or 0)
        for chat in self.chats:
            self._owe(course, chat, [Fact("ended", course.name, course.title, peak)])

    def _reach(self, course: Course, *, before: int) -> None:
        """Owe what a value tells: a record, which takes the milestone's place, or a rung."""
        value, best = course.value, course.best
        assert value is not None
        falls = best is not None and value > best and not course.record_told
        course.record_told |= falls
        for chat, taste in self.chats.items():
            rung = taste.rung(before=before, after=value, best=best)
            any_of = []
            if rung is not None:
                any_of.append(Fact("milestone", course.name, course.title, rung))
            if taste.records and (falls or (self.loose and best is not None and value > best and any_of)):
                record = Fact("record", course.name, course.title, value)
                any_of = [record, *any_of] if self.loose else [record]
            if any_of:
                self._owe(course, chat, any_of)

    def _owe(self, course: Course, chat: str, any_of: list[Fact]) -> None:
        course.owed[chat].append(any_of)
        self.true += 1
