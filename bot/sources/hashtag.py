"""Posts under a hashtag: ``hashtag:#tag``, as X counts them minute by minute.

https://docs.x.com/x-api/posts/counts/introduction, openapi.json 2.167 (``/2/tweets/counts/recent``)

The figure is the number of posts of a calendar day so far. Days are those of UTC, which the watch therefore has
as its zone. Each answer is derived from the minutes of its whole day, so nothing has to be remembered: a restart
counts nothing twice and loses nothing, and what X corrects is corrected. A moment in an answer is the last
millisecond of a minute that was counted, so that the last minute of a day belongs to it, and the question after
it (``Ask.since``) goes on with the next.

The newest bucket is still being counted, and left out. Pages say that one call gives all seven days
(x-api/posts/counts/integrate), while others were given a ``next_token`` for minutes: it is followed.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote

from bot.domain import DAY, HOUR, LARGEST_FIGURE, MINUTE, SECOND
from bot.domain.reading import Answer, Metric, Reading
from bot.domain.sentence import N_, Sentence
from bot.domain.statistics import JOINED_INTERVALS
from bot.ports.purse import Purse, utc_day
from bot.ports.source import Ask, BadAddress, Cost, Description, SourceError, Told
from bot.sources.kit import Kit
from bot.sources.number import DAILY_SESSION
from bot.sources.web import once_each, parse_url
from bot.sources.x_api import (
    COUNTS_PRICE,
    PERHAPS_CHARGED,
    Refused,
    Unread,
    api_of,
    count,
    moment,
    objects,
    words,
)

COUNTS_PATH = "/2/tweets/counts/recent"
#: Milliseconds between two questions: each costs $0.005, and a minute apart they would cost $7.20 a day.
INTERVAL = 15 * MINUTE
#: A question may go back so far (7 days), less what clocks may differ.
LONGEST_PAST = 7 * DAY - HOUR
#: X wants a question to begin a little before now.
SHORTEST_PAST = 2 * MINUTE
#: After a longer silence only the last figure of each day is told: it is one rise, and late.
LONGEST_SILENCE = JOINED_INTERVALS * INTERVAL
#: No minute lies further ahead of our clock.
LARGEST_SKEW = HOUR
MOST_PAGES = 8
LONGEST_TAG = 100
HOSTS = frozenset({"x.com", "twitter.com"})
WITHOUT_SCHEME = re.compile(r"((www|mobile|m)\.)?(x|twitter)\.com/", re.IGNORECASE)
UNIT = "posts"
#: Signs that join letters in Persian, Urdu and Indian languages.
JOINERS = "\u200c\u200d"


@dataclass(frozen=True, slots=True, order=True)
class Minute:
    """The posts of one minute."""

    start: int
    posts: int


class Hashtag:
    """The source ``hashtag:``."""

    platform = "hashtag"
    public = True
    batch = 20
    for_operators = False
    example = "hashtag:#tag"

    def __init__(self, kit: Kit) -> None:
        self._api = api_of(kit)
        #: The same as that of ``x``.
        self.purse: Purse | None = self._api.purse

    def recognises(self, url: str) -> str | None:
        """Recognise the page of a hashtag, and a search for one."""
        return None if _tag_of_url(url) is None else url.strip()

    def named(self, text: str) -> str | None:
        """Take a word with its sign for a hashtag."""
        tag = _tried(text) if text.startswith(("#", "\uff03")) and self._api.has_key else None
        return tag if isinstance(tag, str) else None

    async def describe(self, reference: str, now: int) -> Description:
        """Ask how much was posted in the last seven days.

        Raises:
            SourceError: Among others where it is no hashtag.
        """
        shown = _shown(reference)
        tag = _parse(reference)
        try:
            body = await self._ask({"query": tag, "granularity": "day"}, now)
        except Refused as error:
            raise BadAddress(
                N_("X does not count posts with {tag}: {error}"), tag=tag, error=str(error)
            ) from error
        week = _total(body)
        recently = "" if week is None else Sentence(N_("In the last seven days there were {n}."), n=week)
        return Description(
            reference=tag,
            name=shown,
            unit=UNIT,
            metric=Metric.POSTS,
            daily=True,
            interval=INTERVAL,
            timezone="UTC",
            url=f"https://x.com/hashtag/{quote(tag[1:])}",
            note=Sentence(
                N_(
                    "The figure counts posts, not people, and reposts as well; it begins anew each day at 00:00 "
                    "UTC. It is read every 15 minutes, minute by minute, because X charges $0.005 for each "
                    "question: $0.48 a day. {recently}"
                ),
                recently=recently,
            ),
            cost=Cost(amount=DAY / INTERVAL * COUNTS_PRICE, unit="USD", limit=self._api.purse.limit),
        )

    async def read(self, asks: Sequence[Ask], now: int) -> list[Told]:
        """Ask for each different hashtag once, from the beginning of the day that is not told to its end."""
        if not asks:
            return []
        self._api.needs()
        tags = [_tried(ask.reference) for ask in asks]
        first: dict[str, int] = {}
        for ask, tag in zip(asks, tags, strict=True):
            if isinstance(tag, str):
                first[tag] = min(first.get(tag, now), begin(ask.since, now))

        async def counted(tag: str) -> list[Minute]:
            return await self._minutes(tag, first[tag], now)

        found = await once_each(first, counted)
        return [
            _tell(ask, found[tag] if isinstance(tag, str) else tag, now)
            for ask, tag in zip(asks, tags, strict=True)
        ]

    async def check(self) -> str | None:
        """Find nothing wrong that ``x``, with the same key, would not: here every question costs."""
        return None

    async def close(self) -> None:
        """Hold nothing open: the client is shared."""

    async def _minutes(self, tag: str, start: int, now: int) -> list[Minute]:
        """Return the minutes from ``start`` on that are counted to their end.

        Raises:
            SourceError: Among others where one between them is missing.
        """
        question = {"query": tag, "granularity": "minute", "start_time": _stamp(start)}
        minutes: list[Minute] = []
        token = None
        for _ in range(MOST_PAGES):
            body = await self._ask(question if token is None else {**question, "next_token": token}, now)
            page, token = minutes_in(body)
            minutes += page
            if token is None:
                return whole(minutes, start, now)
        raise Unread(N_("X answers in more than {most} pages."), most=MOST_PAGES)

    async def _ask(self, question: dict[str, str], now: int) -> object:
        with self._api.reserved(now, COUNTS_PRICE):
            try:
                body: object = await self._api.get(COUNTS_PATH, question, now)
            except PERHAPS_CHARGED:
                self._api.purse.charge(now, COUNTS_PRICE)
                raise
            self._api.purse.charge(now, COUNTS_PRICE)
            return body


def begin(since: int | None, now: int) -> int:
    """Return from when on minutes are asked for: the day of the first that is not told, as far as X goes back."""
    next_one = now - SHORTEST_PAST if since is None else min(since + 1, now - SHORTEST_PAST)
    day, _ = utc_day(next_one)
    _, oldest = utc_day(now - LONGEST_PAST)
    return max(day, oldest)


def minutes_in(body: object) -> tuple[list[Minute], str | None]:
    """Read one page: its minutes, and the token of the next.

    Raises:
        Unread: It is none, or one of its minutes has no count: then no sum is true.
    """
    listed = body.get("data") if isinstance(body, dict) else None
    meta = body.get("meta", {}) if isinstance(body, dict) else None
    if not isinstance(listed, list) or not isinstance(meta, dict):
        raise Unread(N_("X answered with something else than counts of posts."))
    minutes = []
    for one in objects(listed):
        start, posts = moment(one.get("start")), count(one.get("tweet_count"))
        if start is None or posts is None or start % MINUTE:
            raise Unread(N_("X answered with a minute that has no count."))
        minutes.append(Minute(start, posts))
    if len(minutes) != len(listed):
        raise Unread(N_("X answered with something else than counts of posts."))
    token = meta.get("next_token")
    return minutes, token if isinstance(token, str) and token else None


def whole(minutes: Sequence[Minute], start: int, now: int) -> list[Minute]:
    """Return minutes in order and without the newest, which is still being counted.

    Raises:
        Unread: They do not follow one another from ``start`` on.
    """
    ordered = sorted(set(minutes))
    if not ordered:
        raise Unread(N_("X answered without a count."))
    if ordered != [Minute(start + i * MINUTE, one.posts) for i, one in enumerate(ordered)]:
        raise Unread(N_("X answered with minutes missing."))
    if ordered[-1].start > now + LARGEST_SKEW:
        raise Unread(N_("X answered with minutes that are yet to come."))
    return ordered[:-1]


def answers(minutes: Sequence[Minute], since: int | None) -> list[Answer]:
    """Return the posts of a day so far after each minute that was not told yet.

    At the beginning and after a long silence, only the last figure of each day: what was missed is one rise.
    """
    told: list[Answer] = []
    total, day = 0, -1
    for one in minutes:
        today, _ = utc_day(one.start)
        total = one.posts + (total if today == day else 0)
        day = today
        at = one.start + MINUTE - 1
        if since is None or at > since:
            figure, reason = (total, None) if total <= LARGEST_FIGURE else (None, "X counts more than can be.")
            told.append(Answer(at=at, readings=(Reading(session=DAILY_SESSION, posts=figure, reason=reason),)))
    if since is None or (told and told[-1].at - since > LONGEST_SILENCE):
        told = list({utc_day(one.at)[0]: one for one in told}.values())
    return told


def _tell(ask: Ask, found: list[Minute] | SourceError, now: int) -> Told:
    if isinstance(found, SourceError):
        # What X has charged for is not asked again before its time.
        wait = INTERVAL if isinstance(found, PERHAPS_CHARGED) else found.retry_after
        return Told(answers=(found.failure(now),), again_at=None if wait is None else now + wait)
    start = begin(ask.since, now)
    return Told(answers=answers([one for one in found if one.start >= start], ask.since))


def _total(body: object) -> int | None:
    """Return the sum that X gives with an answer."""
    meta = body.get("meta") if isinstance(body, dict) else None
    if not isinstance(meta, dict):
        raise Unread(N_("X answered with something else than counts of posts."))
    return count(meta.get("total_tweet_count"))


def _stamp(at: int) -> str:
    return datetime.fromtimestamp(at / SECOND, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _tried(reference: str) -> str | SourceError:
    try:
        return _parse(reference)
    except SourceError as error:
        return error


def _parse(reference: str) -> str:
    """Return the hashtag with its sign, in lower case: X counts both alike."""
    return unicodedata.normalize("NFC", _shown(reference).lower())


def _shown(reference: str) -> str:
    """Return the hashtag as it was written.

    Raises:
        BadAddress: It is none.
    """
    text = _tag_of_url(reference) or reference.strip()
    tag = unicodedata.normalize("NFC", text.removeprefix("#").removeprefix("\uff03"))
    # Letters, signs upon them, digits and "_"; not digits alone.
    fine = all(one == "_" or one in JOINERS or unicodedata.category(one)[0] in "LMN" for one in tag)
    if not fine or len(tag) > LONGEST_TAG or not any(unicodedata.category(one)[0] == "L" for one in tag):
        raise BadAddress(
            N_("A hashtag has letters, digits and _ only, and not digits alone; write for example {example}"),
            example=Hashtag.example,
        )
    return f"#{tag}"


def _tag_of_url(url: str) -> str | None:
    """Return the hashtag that a page of X shows, or None."""
    text = url.strip()
    if WITHOUT_SCHEME.match(text):
        text = f"https://{text}"
    try:
        found = parse_url(text)
    except BadAddress:
        return None
    if (found.host or "").lower().removeprefix("www.").removeprefix("mobile.").removeprefix("m.") not in HOSTS:
        return None
    match [one for one in found.path.split("/") if one]:
        case ["hashtag", tag]:
            return f"#{tag}"
        case ["search"] if (words(found.query.get("q")) or "").startswith("#"):
            return words(found.query.get("q"))
    return None
