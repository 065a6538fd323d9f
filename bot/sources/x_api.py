"""The X API v2, as the sources ``x`` and ``hashtag`` share it: one key, one purse, one view of its limits.

https://docs.x.com/x-api/fundamentals/rate-limits, https://docs.x.com/x-api/fundamentals/response-codes-and-errors
and https://docs.x.com/x-api/getting-started/pricing

What is not documented, and how it is taken here: the status of an account without credits (402 and 403 are both
read as a refusal); whether users that come along by ``expansions`` cost as much as those looked up (they are
counted, and not asked for without need).
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from weakref import WeakValueDictionary

from bot.domain import MINUTE, SECOND
from bot.domain.reading import is_figure
from bot.domain.sentence import N_
from bot.ports.purse import Purse, utc_day
from bot.ports.source import Denied, Garbage, RateLimited, SourceError, Unavailable
from bot.sources.kit import Kit
from bot.sources.web import Page, wait_of

#: USD for each Space or user that an answer holds, and for each request of post counts.
SPACE_PRICE, USER_PRICE, COUNTS_PRICE = 0.005, 0.010, 0.005
#: USD a day, unless X_DAILY_BUDGET_USD says otherwise.
DEFAULT_BUDGET = 1.0
#: Milliseconds after which a limit of calls begins anew.
WINDOW = 15 * MINUTE
_THING = re.compile(r"[a-z]+:\w{1,64}", re.ASCII)
#: What ``paid`` holds is kept under this subject.
PAID = "x paid"
#: Longer digits are no count.
COUNT = re.compile(r"\d{1,17}", re.ASCII)
#: Characters of a title that are kept.
LONGEST_WORDS = 300
#: Times outside of these years are mistakes.
FIRST_YEAR, LAST_YEAR = 2006, 2200


class Refused(Garbage):
    """X calls the question wrong (HTTP 400); ``said`` is its whole answer."""

    def __init__(self, msgid: str, /, *, said: str, **fields: str | float | None) -> None:
        super().__init__(msgid, **fields)
        self.said = said


class Unread(Garbage):
    """X took the question (HTTP 200), and its answer cannot be read: it may have charged for it."""


class Unheard(Unavailable):
    """The question went out, and no whole answer came in time: X may have charged for it."""


#: After these X may have charged for an answer that told nothing.
PERHAPS_CHARGED = (Unread, Unheard)


class NotThis(Denied):
    """X lets the app not ask this (HTTP 403), whatever else it may."""


class TooMany(RateLimited):
    """X wants no more questions of one kind for now; others have limits of their own."""


class XApi:
    """The client.

    Args:
        clock: Seconds of a clock that is never set back.
    """

    def __init__(self, kit: Kit, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._kit = kit
        self._clock = clock
        self._root = kit.address("X_API_URL", "https://api.x.com")
        self.purse = Purse(unit="USD", limit=_budget(kit.settings) or 0.0, day_of=utc_day)
        #: What answers that are still out may cost.
        self._reserved = 0.0
        #: Of each path, until when X wants no more calls.
        self._until: dict[str, float] = {}
        #: Of each paced path, when it was asked last, and how many had to wait since.
        self._turns: dict[str, tuple[float, int]] = {}
        #: What was paid on the day that began at the moment: X charges for the same thing once a day.
        self._paid: tuple[int, set[str]] = (-1, set())

    def needs(self) -> None:
        """Refuse to go on without a key.

        Raises:
            NotAllowed: It is not set.
        """
        self._kit.needs("X", "X_BEARER_TOKEN")

    @property
    def has_key(self) -> bool:
        """Whether the operator has set a key."""
        return bool(self._kit.settings.get("X_BEARER_TOKEN"))

    def wrong_settings(self) -> str | None:
        """Return what is wrong with the settings, without asking X."""
        if _budget(self._kit.settings) is None:
            return "X_DAILY_BUDGET_USD is not an amount of US dollars; write for example 1 or 2.50."
        return None

    async def get(self, path: str, params: Mapping[str, str], now: int) -> Any:
        """Ask one question and return the answer, decoded.

        Raises:
            SourceError: Among others ``Refused`` where a parameter is wrong, ``PERHAPS_CHARGED`` where
                X may have charged all the same, and ``TooMany`` without a call where X has said that it would
                refuse.
        """
        self.needs()
        shut = self._until.get(path, 0.0) - self._clock()
        if shut > 0:
            raise TooMany(N_("X wants no more questions of this kind for now."), retry_after=_ms(shut))
        try:
            page = await self._kit.web.get(
                self._root + path,
                params=params,
                headers={"Authorization": f"Bearer {self._kit.settings['X_BEARER_TOKEN']}"},
                guard=False,
                judge=False,
            )
        except Garbage as error:  # it began to answer
            raise Unread(str(error)) from error
        except Unavailable as error:
            if isinstance(error.__cause__, TimeoutError):
                raise Unheard(str(error)) from error
            raise
        wait = _reset(page)
        if wait is not None and (page.status == 429 or page.headers.get("x-rate-limit-remaining") == "0"):
            self._until[path] = self._clock() + wait / SECOND
        if page.status != 200:
            raise self._refusal(page, now, wait)
        try:
            return page.json()
        except Garbage as error:
            raise Unread(str(error)) from error

    def _refusal(self, page: Page, now: int, wait: int | None) -> SourceError:
        """Return what a status other than 200 means."""
        kind, title = _problem(page)
        match page.status:
            case 400:
                said = page.body.decode(errors="replace")
                return Refused(N_("X refuses the question ({title})."), title=title, said=said)
            case 401:
                return Denied(N_("X does not take the bot's key: its operator checks X_BEARER_TOKEN."))
            case 402:
                return Denied(N_("X wants credits: the bot's operator tops them up at console.x.com."))
            case 403:
                return NotThis(
                    N_(
                        "X does not let the bot's app ask this ({title}): its operator looks at the app, its "
                        "credits and its spending limit at console.x.com."
                    ),
                    title=title,
                )
            case 429 if kind == "usage-capped":
                left = self.purse.resets_at(now) - now
                return RateLimited(
                    N_("X has shut the bot's account off: its usage cap is reached."), retry_after=left
                )
            case 429:
                return TooMany(N_("X asks us to wait: the limit of its calls is reached."), retry_after=wait)
            case status if status >= 500:
                return Unavailable(N_("X is out of order (HTTP {status})."), status=status)
            case status:
                return Garbage(N_("X answered HTTP {status} instead of data."), status=status)

    def turn(self, path: str, *, every: float) -> int:
        """Take a turn on a path that X lets be asked once every so many seconds.

        Returns:
            0, or how long to wait instead, in milliseconds: several who wait are told different moments.
        """
        last, waiting = self._turns.get(path, (-math.inf, 0))
        now = self._clock()
        if now - last >= every:
            self._turns[path] = now, 0
            return 0
        self._turns[path] = last, waiting + 1
        return _ms(last + every * (waiting + 1) - now)

    # --- money ----------------------------------------------------------------------------------------------

    def affordable(self, now: int, price: float) -> int:
        """Return how many things of a price may still be bought today."""
        left = self.purse.left(now)
        assert left is not None
        return max(0, int((left - self._reserved) / price + 1e-7))

    @contextmanager
    def reserved(self, now: int, amount: float) -> Iterator[None]:
        """Keep an amount back while a question is out.

        Raises:
            RateLimited: The budget does not hold it.
        """
        if not self.purse.affords(now, self._reserved + amount):
            raise self.spent_out(now)
        self._reserved += amount
        try:
            yield
        finally:
            self._reserved = max(0.0, self._reserved - amount)

    def spent_out(self, now: int) -> RateLimited:
        """Return the refusal of what the budget does not hold."""
        left = self.purse.resets_at(now) - now
        limit = f"{self.purse.limit or 0:.2f}"
        return RateLimited(
            N_("Today's budget for X is used up (X_DAILY_BUDGET_USD is {limit}); it begins anew at 00:00 UTC."),
            limit=limit,
            retry_after=left,
        )

    async def paid(self, now: int) -> frozenset[str]:
        """Return what was paid today already (ids with their kind), also before a restart."""
        day, _ = utc_day(now)
        if self._paid[0] != day:
            kept = (await self._kit.memory.get(PAID, ["today"])).get("today", "")
            if self._paid[0] != day:  # nobody else was faster
                self._paid = day, _paid_on(day, kept)
        return frozenset(self._paid[1])

    async def pay(self, now: int, price: float, things: Iterable[str]) -> None:
        """Charge for what an answer held: each thing once a day, and at most each time."""
        things = [_noted(one) for one in things]
        if not things:
            return
        before = await self.paid(now)
        new = set(things) - self._paid[1] - before
        self.purse.charge(now, price * len(new), at_most=price * len(things))
        if new:
            self._paid[1].update(new)
            text = json.dumps({"day": self._paid[0], "paid": sorted(self._paid[1])})
            await self._kit.memory.put(PAID, {"today": text})


def _noted(thing: str) -> str:
    """Return how a thing is remembered: ids are short; what else an answer calls its id is not kept."""
    if _THING.fullmatch(thing):
        return thing
    kind, _, id_ = thing.partition(":")
    return f"{kind}:?{hashlib.sha256(id_.encode(errors='replace')).hexdigest()[:16]}"


#: X and the hashtags spend from one purse: whoever is made of the same things gets the same client.
_SHARED: WeakValueDictionary[tuple[int, str, str, str], XApi] = WeakValueDictionary()


def api_of(kit: Kit) -> XApi:
    """Return the client for these settings on this HTTP client, the same each time."""
    names = ("X_BEARER_TOKEN", "X_API_URL", "X_DAILY_BUDGET_USD")
    token, root, budget = (kit.settings.get(name, "") for name in names)
    # The id is not used again while the client lives, for it holds the HTTP client.
    return _SHARED.setdefault((id(kit.web), token, root, budget), XApi(kit))


def count(value: object) -> int | None:
    """Take a whole number of people or posts, or its digits; None for whatever else it may be."""
    if isinstance(value, str) and COUNT.fullmatch(value.strip()):
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if is_figure(value) and isinstance(value, int) else None


def moment(value: object) -> int | None:
    """Read an ISO 8601 stamp with its offset as milliseconds."""
    try:
        stamp = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    if stamp is None or stamp.tzinfo is None or not FIRST_YEAR <= stamp.year < LAST_YEAR:
        return None
    return round(stamp.timestamp() * SECOND)


def words(value: object) -> str | None:
    """Take a text that people read, or None."""
    return value.strip()[:LONGEST_WORDS] or None if isinstance(value, str) else None


def objects(value: object) -> list[dict[str, Any]]:
    """Return the objects of a list, and nothing of what is none."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def kind_of(problem: Mapping[str, Any]) -> str:
    """Return the last word of a problem's type, such as ``resource-not-found``."""
    kind = problem.get("type")
    return kind.rsplit("/", 1)[-1] if isinstance(kind, str) else ""


def _problem(page: Page) -> tuple[str, str]:
    """Read an error in either of its two shapes: its kind, and what it says in short."""
    try:
        body = json.loads(page.body)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        body = {}
    inner = next(iter(objects(body.get("errors"))), {})
    title = words(body.get("title")) or words(inner.get("message")) or f"HTTP {page.status}"
    kind = kind_of(body)
    if kind in {"", "about:blank"}:
        kind = kind_of(inner)
    return kind, " ".join(title.split())[:100].rstrip(".")


def _reset(page: Page) -> int | None:
    """Return how long X wants to be left alone, in milliseconds: until ``x-rate-limit-reset``, by X's clock."""
    text = page.headers.get("x-rate-limit-reset", "").strip()
    if not (text.isascii() and text.isdigit() and len(text) < 12):
        return wait_of(page.headers)
    try:
        date = parsedate_to_datetime(page.headers.get("Date", ""))
        theirs = (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, OverflowError):
        theirs = time.time()
    return min(max(round((int(text) - theirs) * SECOND), SECOND), WINDOW)


def _budget(settings: Mapping[str, str]) -> float | None:
    """Return the budget of a day in USD; None where it cannot be read."""
    text = settings.get("X_DAILY_BUDGET_USD")
    if text is None:
        return DEFAULT_BUDGET
    try:
        amount = float(text.strip().lstrip("$"))
    except ValueError:
        return None
    return amount if 0 <= amount < math.inf else None


def _paid_on(day: int, text: str) -> set[str]:
    """Read back what was paid on a day; nothing where it was another day."""
    try:
        kept = json.loads(text)
        return {str(one) for one in kept["paid"]} if kept["day"] == day else set()
    except (ValueError, TypeError, KeyError):
        return set()


def _ms(seconds: float) -> int:
    return max(1, math.ceil(seconds * SECOND))
