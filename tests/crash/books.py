"""What arrived: every message of both chats, in which life of the bot it was sent, and what came twice and why."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field

from tests.crash.feed import Fact, Feed

#: The words that all chats of the harness choose for their alerts: see ``WORDS``.
TOLD = re.compile(r"(started|milestone|record|ended) / (\w+) / ((?:round \d+)?) ?/ ?(\d*)", re.ASCII)
#: As an admin types them, by what ``/settings words`` calls the kinds.
WORDS = {
    "start": "started / {{ name }} / {{ title }} /",
    "milestones": "milestone / {{ name }} / {{ title }} / {{ rung_number }}",
    "records": "record / {{ name }} / {{ title }} / {{ value_number }}",
    "recap": "ended / {{ name }} / {{ title }} / {{ peak_number }}",
}


def fact_in(text: str) -> Fact | None:
    """Read what a post tells; None of an answer to a command and the like."""
    found = TOLD.search(text)
    if found is None:
        return None
    kind, name, title, number = found.groups()
    return Fact(kind, name, title, int(number) if number else None)


@dataclass(frozen=True, slots=True)
class Post:
    """A message that a chat holds.

    Attributes:
        life: In which life of the bot it was sent.
        lost: Its answer never reached the bot, or said that something had gone wrong.
    """

    chat: str
    fact: Fact
    life: int
    lost: bool


@dataclass
class Books:
    """All posts, judged as they come.

    Attributes:
        copies: By platform, how much came twice.
        by_kill: By chat and life that was killed: copies of what that life had sent.
        by_loss: Copies of what was answered with a fault.
        wrong: What broke a promise, in words.
    """

    feed: Feed
    posts: dict[tuple[str, str], Post] = field(default_factory=dict)
    copies: Counter[str] = field(default_factory=Counter)
    by_kill: Counter[tuple[str, int]] = field(default_factory=Counter)
    by_loss: int = 0
    by_failure: Counter[tuple[str, int]] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    ends: dict[int, str] = field(default_factory=dict)
    #: Where a database that forgets is on trial, what comes twice is counted and no more.
    lenient: bool = False
    _last: dict[tuple[str, Fact], Post] = field(default_factory=dict)
    _latest: dict[tuple[str, int], Post] = field(default_factory=dict)
    _wild: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def add(self, platform: str, chat: str, key: str, text: str, *, life: int, lost: bool) -> None:
        """Note a message under the platform's own id; the same id again is no second message."""
        fact = fact_in(text)
        if fact is None or (chat, key) in self.posts:
            return
        post = Post(chat, fact, life, lost)
        self.posts[chat, key] = post
        before = self._last.get((chat, fact))
        self._last[chat, fact] = post
        if fact.name == self.feed.wild:
            self._add_wild(platform, post, before)
        else:
            match self.feed.arrived(chat, fact):
                case "again":
                    self._judge(platform, post, before)
                case "untrue" if not self.lenient:
                    self.wrong.append(f"untrue in {chat}: {fact}")
                case "out of turn" if not self.lenient:
                    self.wrong.append(f"out of turn in {chat}: {fact}")
        self._latest[chat, life] = post

    def _add_wild(self, platform: str, post: Post, before: Post | None) -> None:
        rung = post.fact.number or 0
        if post.fact.kind not in {"milestone", "record"}:  # a record takes the place of its milestone
            if before is not None:
                self._judge(platform, post, before)
            return
        if rung > self.feed.wild_value:
            self.wrong.append(f"untrue in {post.chat}: {post.fact}")
        elif before is not None:
            self._judge(platform, post, before)
        elif rung < self._wild[post.chat] and not self.lenient:
            self.wrong.append(f"out of turn in {post.chat}: {post.fact}")
        self._wild[post.chat] = max(self._wild[post.chat], rung)

    def _judge(self, platform: str, post: Post, before: Post | None) -> None:
        """Find out why something came twice."""
        self.copies[platform] += 1
        if self.lenient:
            return
        if platform == "discord" or before is None:
            self.wrong.append(
                f"twice in {post.chat}: {post.fact}, in lives {before and before.life} and {post.life}"
            )
        elif before.lost:
            self.by_loss += 1
        elif self._latest.get((post.chat, before.life)) is not before:
            self.wrong.append(f"twice in {post.chat}: {post.fact}, which was not the last of life {before.life}")
        elif before.life == post.life or self.ends.get(before.life) != "killed":
            how = self.ends.get(before.life, "same life")
            self.wrong.append(f"twice in {post.chat}: {post.fact}, life {before.life} to {post.life}: {how}")
        else:
            self.by_kill[post.chat, before.life] += 1

    def missing_of_wild(self) -> list[str]:
        """Return the chats that have not heard the latest of the wild one."""
        value = self.feed.wild_value
        return [
            chat
            for chat, taste in self.feed.chats.items()
            if (rung := taste.rung(before=0, after=value, best=None)) is not None and self._wild[chat] < rung
        ]
