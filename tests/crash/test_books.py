"""The books of the crash harness: what would be lost, doubled or untrue is seen."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import pytest

from tests.crash.books import Books, fact_in
from tests.crash.feed import OWN, PLAIN, Fact, Feed

TELEGRAM, DISCORD = "t1", "d1"


@pytest.fixture
def books() -> Books:
    seconds: Iterator[int] = count()
    feed = Feed(("Alpha",), (), "Wild", {TELEGRAM: PLAIN, DISCORD: OWN}, lambda: next(seconds))
    books = Books(feed)
    feed.go_on()
    return books


class Chats:
    """What the bot sends, in life after life."""

    def __init__(self, books: Books) -> None:
        self.books = books
        self._keys = count()

    def send(self, text: str, *, to: str = TELEGRAM, life: int = 1, lost: bool = False) -> None:
        platform = "telegram" if to == TELEGRAM else "discord"
        self.books.add(platform, to, str(next(self._keys)), text, life=life, lost=lost)


@pytest.fixture
def chats(books: Books) -> Chats:
    return Chats(books)


STARTED, FIRST = "🔴 started / Alpha / round 1 /", "📈 milestone / Alpha / round 1 / 10"


def test_a_post_is_read_whatever_stands_around_it() -> None:
    assert fact_in(f"{FIRST}\nFigures are ours") == Fact("milestone", "Alpha", "round 1", 10)
    assert fact_in("milestone / Delta / / 25") == Fact("milestone", "Delta", "", 25)
    assert fact_in("Now watching Alpha") is None


def test_nothing_goes_on_until_every_chat_has_heard(books: Books, chats: Chats) -> None:
    course = books.feed.courses["Alpha"]
    first = course.value
    chats.send(STARTED)
    chats.send(FIRST)
    assert course.value == first
    assert set(books.feed.owed) == {DISCORD}
    chats.send(STARTED, to=DISCORD)
    chats.send("milestone / Alpha / round 1 / 19", to=DISCORD)
    assert course.value != first
    assert books.wrong == []


def test_what_never_arrives_is_lost(books: Books, chats: Chats) -> None:
    chats.send(STARTED)
    assert books.feed.give_up() == 3
    assert books.feed.owed == {}


def test_one_copy_after_a_kill_is_in_the_promise_and_further_ones_are_not(books: Books, chats: Chats) -> None:
    chats.send(STARTED)
    books.ends[1] = "killed"
    chats.send(STARTED, life=2)
    assert (books.wrong, dict(books.by_kill)) == ([], {(TELEGRAM, 1): 1})
    chats.send(STARTED, life=2)
    assert len(books.wrong) == 1


def test_a_copy_of_what_was_not_the_last_is_a_broken_promise(books: Books, chats: Chats) -> None:
    chats.send(STARTED)
    chats.send(FIRST)
    books.ends[1] = "killed"
    chats.send(STARTED, life=2)
    assert len(books.wrong) == 1


@pytest.mark.parametrize("end", ["stopped", "failed with 1"])
def test_a_copy_without_a_kill_is_a_broken_promise(books: Books, chats: Chats, end: str) -> None:
    chats.send(STARTED)
    books.ends[1] = end
    chats.send(STARTED, life=2)
    assert len(books.wrong) == 1


def test_a_copy_of_what_had_no_answer_is_counted_apart(books: Books, chats: Chats) -> None:
    chats.send(STARTED, lost=True)
    chats.send(STARTED)
    assert (books.wrong, books.by_loss) == ([], 1)


def test_any_copy_on_discord_is_a_broken_promise(books: Books, chats: Chats) -> None:
    chats.send(STARTED, to=DISCORD)
    books.ends[1] = "killed"
    chats.send(STARTED, to=DISCORD, life=2)
    assert len(books.wrong) == 1


def test_what_is_untrue_or_out_of_turn_is_a_broken_promise(books: Books, chats: Chats) -> None:
    chats.send(FIRST)
    assert "out of turn" in books.wrong[0]
    chats.send("milestone / Alpha / round 1 / 500")
    assert "untrue" in books.wrong[1]


def test_of_the_wild_one_the_latest_counts(books: Books, chats: Chats) -> None:
    assert set(books.missing_of_wild()) == {TELEGRAM, DISCORD}
    chats.send("milestone / Wild / round 0 / 10")
    assert TELEGRAM not in books.missing_of_wild()
    chats.send("milestone / Wild / round 0 / 1000")
    assert "untrue" in books.wrong[0]
