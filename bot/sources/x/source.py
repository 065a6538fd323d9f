"""The source ``x:``: what a watch would be, and what is read."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence

from bot.domain import DAY, SECOND
from bot.domain.reading import Answer, Reading, State
from bot.domain.sentence import N_, Sentence
from bot.ports.purse import Purse
from bot.ports.source import (
    AccountGone,
    Ask,
    BadAddress,
    Cost,
    Description,
    Garbage,
    RateLimited,
    SourceError,
    Told,
)
from bot.sources.kit import Kit
from bot.sources.x.accounts import Accounts
from bot.sources.x.addresses import Target, parse, path_of, tried
from bot.sources.x.answers import Account, Later, Outcome, Seen
from bot.sources.x.plan import MOST_IDS, Plan, Planner
from bot.sources.x.spaces import SPACES_PATH, Spaces
from bot.sources.x_api import SPACE_PRICE, USER_PRICE, NotThis, TooMany, XApi, api_of

#: A Space that X said is gone is not asked for any longer than this, whatever became of its session.
LONGEST_FAREWELL = DAY
UNIT = "participants"
#: What ``kind`` calls single Spaces; it is kept with their watches.
KIND_OF_SPACES = "space"
FIGURE_NOTE = N_(
    "The figure is everybody in the Space at once, hosts and speakers included; how many tuned in over all, "
    "X tells no program."
)
ACCOUNT_NOTE = Sentence(
    N_("{note} X charges for announced Spaces, too; one that the account only co-hosts is not found."),
    note=Sentence(FIGURE_NOTE),
)


class X:
    """The source ``x:``."""

    platform = "x"
    public = True
    batch = MOST_IDS
    ids_a_call = MOST_IDS
    #: https://docs.x.com/x-api/fundamentals/rate-limits
    calls_a_quarter: int | None = 300
    spares = False
    for_operators = False
    example = "x:@handle"

    def __init__(self, kit: Kit, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._api = api_of(kit) if clock is time.monotonic else XApi(kit, clock=clock)
        self.purse: Purse | None = self._api.purse
        self._accounts = Accounts(self._api, kit.memory)
        self._planner = Planner(self._api)
        self._spaces = Spaces(self._api)
        #: When X first said of a Space watched by its id that it is gone.
        self._gone: dict[str, int] = {}

    def recognises(self, url: str) -> str | None:
        """Recognise every address of X but those of hashtags; which can be watched shows when it is tried."""
        parts = path_of(url)
        return None if parts is None or parts[:1] in (["hashtag"], ["search"]) else url.strip()

    def named(self, text: str) -> str | None:
        """Take a word for an account, or for the id of a Space."""
        target = tried(text) if self._api.has_key else None
        return target.reference if isinstance(target, Target) else None

    def kind(self, reference: str) -> str:
        """Tell apart what is asked by its own id: creators and Spaces take calls of their own."""
        target = tried(reference)
        return KIND_OF_SPACES if isinstance(target, Target) and target.space is not None else ""

    async def describe(self, reference: str, now: int) -> Description:
        """Look an account or a Space up.

        Raises:
            SourceError: Among others where there is none, or the Space is over.
        """
        target = parse(reference)
        self._api.needs()
        if target.space is not None:
            return await self._describe_space(target, target.space, now)
        assert target.handle is not None
        known = await self._accounts.knows(target.handle)
        account = (await self._accounts.find([target.handle], now, []))[target.handle]
        if isinstance(account, AccountGone):
            raise BadAddress(
                N_(
                    "X has no account @{handle}, or it is suspended: write the handle as its profile "
                    "shows it, as in {example}"
                ),
                handle=target.handle,
                example=self.example,
            )
        if isinstance(account, SourceError):
            raise account
        readings, live = await self._hosted_now(account, now)
        return Description(
            reference=target.reference,
            name=account.name,
            unit=UNIT,
            live_now=live,
            next_at=_next_at(readings),
            sessions=tuple(one.session for one in readings),
            url=_first_live(readings) or f"https://x.com/{account.username}",
            note=ACCOUNT_NOTE,
            cost=self._cost(each="Space", once=0.0 if known else USER_PRICE),
        )

    async def _hosted_now(self, account: Account, now: int) -> tuple[tuple[Reading, ...], bool | None]:
        """Return what an account hosts, and whether it is live; None where X cannot be asked that at once."""
        with self._api.reserved(now, SPACE_PRICE):
            (seen,) = (
                await self._spaces.hosted(Plan([account.id], [], {}), {account.id: account}, now, [])
            ).values()
        if isinstance(seen, Later | RateLimited):
            return (), None
        if isinstance(seen, AccountGone):
            raise BadAddress(seen.told) from seen
        if isinstance(seen, SourceError):
            raise seen
        live = any(one.state is State.LIVE for one in seen.readings)
        return seen.readings, live or (None if seen.doubt else False)

    async def _describe_space(self, target: Target, space: str, now: int) -> Description:
        price = 0.0 if f"space:{space}" in await self._api.paid(now) else SPACE_PRICE
        with self._api.reserved(now, price):
            seen = (await self._spaces.looked_up([space], now, []))[space]
        if isinstance(seen, SourceError):
            raise seen
        reading = next(iter(seen.readings), None) if isinstance(seen, Seen) else None
        if reading is None or reading.state is State.ENDED:
            raise BadAddress(
                N_(
                    "The Space {space} is over, or never was; X forgets ended ones. To be told of the "
                    "next, watch its host's account, as in {example}"
                ),
                space=space,
                example=self.example,
            )
        return Description(
            reference=target.reference,
            name=reading.title or f"Space {space}",
            unit=UNIT,
            live_now=reading.state is State.LIVE,
            next_at=_next_at([reading]),
            sessions=(reading.session,),
            url=reading.url,
            note=FIGURE_NOTE,
            cost=self._cost(),
        )

    async def read(self, asks: Sequence[Ask], now: int) -> list[Told]:
        """Ask for all creators in one call, and for all Spaces in one, as far as the money goes (``Plan``)."""
        if not asks:
            return []
        self._api.needs()
        targets = [tried(ask.reference) for ask in asks]
        failed: list[SourceError] = []
        accounts = await self._accounts.find(
            [one.handle for one in targets if isinstance(one, Target)], now, failed
        )
        plan = await self._planner.plan(list(zip(asks, targets, strict=True)), accounts, now)
        by_id = {one.id: one for one in accounts.values() if isinstance(one, Account)}
        with self._api.reserved(now, plan.price):
            hosted, looked_up = await asyncio.gather(
                self._spaces.hosted(plan, by_id, now, failed),
                self._spaces.looked_up(
                    [*plan.spaces, *(one for ids in plan.poor.values() for one in ids)], now, failed
                ),
            )
        if not (plan.poor or plan.refused):
            _raise_what_concerns_all(failed, [*accounts.values(), *hosted.values(), *looked_up.values()])
        for user, ids in plan.poor.items():
            hosted[user] = _joined([looked_up[one] for one in ids]) if ids else self._api.spent_out(now)
        looked_up |= dict.fromkeys(plan.refused, self._api.spent_out(now))
        return [
            self._tell(ask, target, accounts, hosted, looked_up, now)
            for ask, target in zip(asks, targets, strict=True)
        ]

    async def check(self) -> str | None:
        """Ask for a Space that is none: that costs nothing, and X refuses a bad key."""
        if not self._api.has_key:
            return None
        wrong = self._api.wrong_settings()
        if wrong is not None:
            return wrong
        try:
            await self._api.get(SPACES_PATH, {"ids": "1"}, _wall_clock())
        except RateLimited:
            return None  # the key is good
        except SourceError as error:
            return str(error)
        return None

    async def close(self) -> None:
        """Hold nothing open: the client is shared."""

    def _cost(self, *, each: str | None = None, once: float = 0.0) -> Cost:
        return Cost(amount=SPACE_PRICE, unit="USD", limit=self._api.purse.limit, each=each, once=once)

    def _tell(
        self,
        ask: Ask,
        target: Target | SourceError,
        accounts: Mapping[str, Account | SourceError],
        hosted: Mapping[str, Outcome],
        looked_up: Mapping[str, Outcome],
        now: int,
    ) -> Told:
        """Put together what is to be told of one watch."""
        outcome: Outcome
        if isinstance(target, SourceError):
            outcome = target
        elif target.space is not None:
            outcome = looked_up[target.space]
        else:
            account = accounts[target.handle or ""]
            outcome = hosted[account.id] if isinstance(account, Account) else account
        if isinstance(outcome, Later):
            return Told(answers=(), again_at=now + outcome.wait)
        if isinstance(outcome, SourceError):
            wait = outcome.retry_after
            return Told(answers=(outcome.failure(now),), again_at=None if wait is None else now + wait)
        if outcome.doubt and not outcome.readings:
            return Told(answers=(Garbage(N_("X answered with Spaces that cannot be read.")).failure(now),))
        still = frozenset(ask.known) if outcome.doubt else frozenset()
        over = not isinstance(target, SourceError) and self._is_over(target, ask, outcome, now)
        return Told(answers=(Answer(at=now, readings=outcome.readings, still=still),), over=over)

    def _is_over(self, target: Target, ask: Ask, seen: Seen, now: int) -> bool:
        """Tell whether a watch of one Space has nothing more to come.

        Its session ends only after its grace, by a later answer: until then it is asked for. What the pipeline
        knows is not at hand at the first question after a start, so gone once is not enough.
        """
        space = target.space
        if space is None:
            return False
        if any(one.state is not State.ENDED for one in seen.readings):
            self._gone.pop(space, None)
            return False
        since = self._gone.get(space)
        if since is None:
            self._gone[space] = now
            return False
        over = not ask.known or now - since >= LONGEST_FAREWELL
        if over:
            del self._gone[space]
        return over


def _raise_what_concerns_all(failed: Sequence[SourceError], ends: Iterable[object]) -> None:
    """Raise the error of the questions, if nothing else came of any.

    What X refuses of one kind of question, or puts off until a moment that it names, is no matter of the others.
    """
    got = [one for one in ends if not isinstance(one, Account)]
    if failed and all(any(one is error for error in failed) for one in got):
        first = failed[0]
        if not (isinstance(first, NotThis) or (isinstance(first, TooMany) and first.retry_after is not None)):
            raise first


def _joined(outcomes: Sequence[Outcome]) -> Outcome:
    """Return what is known of a creator from Spaces that were asked by their ids."""
    wrong = next((one for one in outcomes if not isinstance(one, Seen)), None)
    if wrong is not None:
        return wrong
    seen = [one for one in outcomes if isinstance(one, Seen)]
    return Seen(tuple(r for one in seen for r in one.readings), doubt=any(one.doubt for one in seen))


def _first_live(readings: Iterable[Reading]) -> str | None:
    return next((one.url for one in readings if one.state is State.LIVE), None)


def _next_at(readings: Iterable[Reading]) -> int | None:
    due = [one.started_at for one in readings if one.state is State.SCHEDULED and one.started_at is not None]
    return min(due, default=None)


def _wall_clock() -> int:
    return round(time.time() * SECOND)
