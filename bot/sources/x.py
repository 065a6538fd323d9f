"""Spaces on X: ``x:@handle`` for whatever an account hosts, ``x:<space id>`` for one Space.

https://docs.x.com/x-api/spaces/lookup/introduction, openapi.json 2.167

The documents disagree on how the creator of a Space is asked for: pages show ``creator_id`` among
``space.fields``, the specification has it among ``expansions`` only. The pages' form is sent first, because what
expansions bring along may cost $0.010 a user; where X refuses it, or leaves the creator out, the other follows.

A handle is looked up once ($0.010) and its id kept, so an account that is renamed goes on being found.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from bot.domain import DAY, SECOND
from bot.domain.reading import Answer, Reading, State
from bot.ports.purse import Purse
from bot.ports.source import (
    AccountGone,
    Ask,
    BadAddress,
    Cost,
    Denied,
    Description,
    Garbage,
    RateLimited,
    SourceError,
    Told,
    Unavailable,
)
from bot.sources.kit import Kit
from bot.sources.web import parse_url
from bot.sources.x_api import (
    SPACE_PRICE,
    USER_PRICE,
    Refused,
    XApi,
    api_of,
    count,
    kind_of,
    moment,
    objects,
    words,
)

USERS_PATH, SPACES_PATH, CREATORS_PATH = "/2/users/by", "/2/spaces", "/2/spaces/by/creator_ids"
#: Ids or names in one call, for each of the three.
MOST_IDS = 100
#: Seconds between two calls for creators: X allows one a second.
CREATORS_EVERY = 1.05
#: Under this subject the memory holds accounts by handle.
KNOWN_USERS = "x user"
#: A Space that X said is gone is not asked for any longer than this, whatever became of its session.
LONGEST_FAREWELL = DAY

HOSTS = frozenset({"x.com", "twitter.com"})
SHORT_HOST = "t.co"
HANDLE = re.compile(r"\w{1,15}", re.ASCII)
#: What X takes for an id, and what its ids look like: 13 signs, a 1 first. A handle that looks so needs its @.
SPACE_ID = re.compile(r"[a-zA-Z0-9]{1,13}")
LIKE_A_SPACE = re.compile(r"1[a-zA-Z0-9]{12}")
USER_ID = re.compile(r"[0-9]{1,19}")
WITHOUT_SCHEME = re.compile(r"((www|mobile|m)\.)?(x|twitter)\.com/|t\.co/", re.IGNORECASE)
#: Pages of X that are no account's.
NOT_ACCOUNTS = frozenset(
    {"compose", "download", "explore", "hashtag", "home", "i", "intent", "jobs", "login", "messages"}
    | {"notifications", "privacy", "search", "settings", "share", "signup", "tos"}
)

_SPEC_FIELDS = (
    "created_at,ended_at,id,is_ticketed,lang,participant_count,scheduled_start,started_at,state,subscriber_count,"
    "title,updated_at"
)
#: How a Space is asked for: as pages show it, as the specification has it, and without its creator.
WAYS: tuple[dict[str, str], ...] = (
    {"space.fields": f"{_SPEC_FIELDS},creator_id,host_ids,speaker_ids"},
    {"space.fields": _SPEC_FIELDS, "expansions": "creator_id", "user.fields": "name,username"},
    {"space.fields": _SPEC_FIELDS},
)
#: A refusal that names one of these is about the fields.
FIELD_NAMES = ("space.fields", "expansions", "user.fields", "creator_id", "host_ids", "speaker_ids")

#: Partial errors of these parameters are about users that a Space names, not about what was asked.
OF_USERS = frozenset({"creator_id", "host_ids", "speaker_ids", "invited_user_ids"})

UNIT = "participants"
#: Milliseconds after which a question that was put wrongly is put otherwise.
SOON = 1_100
HIDDEN = "X gives no number of participants."
FIGURE_NOTE = (
    "The figure is everybody in the Space at once, hosts and speakers included; how many tuned in over all, "
    "X tells no program."
)
ACCOUNT_NOTE = (
    f"{FIGURE_NOTE} X charges $0.005 a day for each Space of the account, announced ones too; one that it only "
    "co-hosts is not found."
)

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Target:
    """What an address means: an account by its handle in lower case, or one Space."""

    handle: str | None = None
    space: str | None = None

    @property
    def reference(self) -> str:
        """The address in its one spelling."""
        return f"@{self.handle}" if self.handle else self.space or ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A user of X."""

    id: str
    username: str
    name: str

    def text(self) -> str:
        """Return it as the memory keeps it."""
        return json.dumps({"id": self.id, "username": self.username, "name": self.name})


@dataclass(frozen=True, slots=True)
class Space:
    """One Space of an answer; ``state`` is None where X wrote something else."""

    id: str
    creator: str | None
    host_ids: tuple[str, ...]
    state: State | None
    fields: dict[str, Any]

    def reading(self, names: Mapping[str, str]) -> Reading:
        """Return what X says of it; ``names`` of users by their ids."""
        assert self.state is not None
        figure = count(self.fields.get("participant_count")) if self.state is State.LIVE else None
        people = self.host_ids if self.creator is None else (self.creator, *self.host_ids)
        hosts = dict.fromkeys(names[one] for one in people if one in names)
        due = "scheduled_start" if self.state is State.SCHEDULED else "started_at"
        return Reading(
            session=self.id,
            state=self.state,
            title=words(self.fields.get("title")),
            hosts=tuple(hosts),
            url=_link(self.id),
            concurrent=figure,
            reason=HIDDEN if figure is None and self.state is State.LIVE else None,
            started_at=moment(self.fields.get(due)),
        )


@dataclass(frozen=True, slots=True)
class Seen:
    """What X told of one creator, or of one Space by its id.

    Attributes:
        doubt: Something of the answer cannot be read, so what is missing in it need not be over.
    """

    readings: tuple[Reading, ...] = ()
    doubt: bool = False


@dataclass(frozen=True, slots=True)
class Later:
    """Not asked yet; ``wait`` in milliseconds."""

    wait: int


Outcome = Seen | Later | SourceError


@dataclass(slots=True)
class Plan:
    """What of a batch is asked, with the money that is left.

    Attributes:
        creators: User ids asked for what they host.
        spaces: Spaces asked by id.
        known: For each creator, the ids of its sessions.
        poor: Creators that the budget does not hold: of these only Spaces paid for today are asked.
        refused: Spaces that it does not hold.
        price: What the answers may cost, in USD.
    """

    creators: list[str]
    spaces: list[str]
    known: dict[str, set[str]]
    poor: dict[str, list[str]] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    price: float = 0.0


class X:
    """The source ``x:``."""

    platform = "x"
    public = True
    batch = MOST_IDS
    ids_a_call = MOST_IDS
    for_operators = False
    example = "x:@handle"

    def __init__(self, kit: Kit, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._api = api_of(kit) if clock is time.monotonic else XApi(kit, clock=clock)
        self._memory = kit.memory
        self.purse: Purse | None = self._api.purse
        #: Which of ``WAYS`` X takes.
        self._way = 0
        #: Where the creators begin of whom the budget holds only some: not the same ones each time.
        self._turn = 0
        #: When X first said of a Space watched by its id that it is gone.
        self._gone: dict[str, int] = {}

    def recognises(self, url: str) -> str | None:
        """Recognise every address of X but those of hashtags; which can be watched shows when it is tried."""
        parts = _path_of(url)
        return None if parts is None or parts[:1] in (["hashtag"], ["search"]) else url.strip()

    async def describe(self, reference: str, now: int) -> Description:
        """Look an account or a Space up.

        Raises:
            SourceError: Among others where there is none, or the Space is over.
        """
        target = _parse(reference)
        self._api.needs()
        if target.space is not None:
            return await self._describe_space(target, target.space, now)
        assert target.handle is not None
        account = (await self._accounts([target.handle], now, []))[target.handle]
        if isinstance(account, AccountGone):
            raise BadAddress(
                f"X has no account @{target.handle}, or it is suspended: write the handle as its profile shows "
                f"it, as in {self.example}"
            )
        if isinstance(account, SourceError):
            raise account
        readings, live = await self._hosted_now(account, now)
        return Description(
            reference=target.reference,
            name=account.name,
            unit=UNIT,
            live_now=live,
            url=_first_live(readings) or f"https://x.com/{account.username}",
            note=ACCOUNT_NOTE,
            cost=self._cost(),
        )

    async def _hosted_now(self, account: Account, now: int) -> tuple[tuple[Reading, ...], bool | None]:
        """Return what an account hosts, and whether it is live; None where X cannot be asked that at once."""
        with self._api.reserved(now, SPACE_PRICE):
            (seen,) = (await self._hosted(Plan([account.id], [], {}), {account.id: account}, now, [])).values()
        if isinstance(seen, Later | RateLimited):
            return (), None
        if isinstance(seen, AccountGone):
            raise BadAddress(str(seen)) from seen
        if isinstance(seen, SourceError):
            raise seen
        live = any(one.state is State.LIVE for one in seen.readings)
        return seen.readings, live or (None if seen.doubt else False)

    async def _describe_space(self, target: Target, space: str, now: int) -> Description:
        price = 0.0 if f"space:{space}" in await self._api.paid(now) else SPACE_PRICE
        with self._api.reserved(now, price):
            seen = (await self._looked_up([space], now, []))[space]
        if isinstance(seen, SourceError):
            raise seen
        reading = next(iter(seen.readings), None) if isinstance(seen, Seen) else None
        if reading is None or reading.state is State.ENDED:
            raise BadAddress(
                f"The Space {space} is over, or never was; X forgets ended ones. To be told of the next, watch "
                f"its host's account, as in {self.example}"
            )
        return Description(
            reference=target.reference,
            name=reading.title or f"Space {space}",
            unit=UNIT,
            live_now=reading.state is State.LIVE,
            url=reading.url,
            note=FIGURE_NOTE,
            cost=self._cost(),
        )

    async def read(self, asks: Sequence[Ask], now: int) -> list[Told]:
        """Ask for all creators in one call, and for all Spaces in one, as far as the money goes (``Plan``)."""
        if not asks:
            return []
        self._api.needs()
        targets = [_tried(ask.reference) for ask in asks]
        failed: list[SourceError] = []
        accounts = await self._accounts([one.handle for one in targets if isinstance(one, Target)], now, failed)
        plan = await self._plan(list(zip(asks, targets, strict=True)), accounts, now)
        by_id = {one.id: one for one in accounts.values() if isinstance(one, Account)}
        with self._api.reserved(now, plan.price):
            hosted, looked_up = await asyncio.gather(
                self._hosted(plan, by_id, now, failed),
                self._looked_up([*plan.spaces, *(one for ids in plan.poor.values() for one in ids)], now, failed),
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

    def _cost(self) -> Cost:
        return Cost(amount=SPACE_PRICE, unit="USD", limit=self._api.purse.limit)

    # --- accounts -------------------------------------------------------------------------------------------

    async def _accounts(
        self, handles: Iterable[str | None], now: int, failed: list[SourceError]
    ) -> dict[str, Account | SourceError]:
        """Return accounts by handle, those in memory for nothing; add errors of whole questions to ``failed``."""
        wanted = list(dict.fromkeys(one for one in handles if one is not None))
        kept = await self._memory.get(KNOWN_USERS, wanted)
        found: dict[str, Account | SourceError] = {}
        for handle, text in kept.items():
            account = _remembered(text)
            if account is not None:
                found[handle] = account
        new = [one for one in wanted if one not in found]
        can = self._api.affordable(now, USER_PRICE)
        found.update((one, self._api.spent_out(now)) for one in new[can:])
        for chunk in _chunks(new[:can]):
            try:
                found.update(await self._looked_up_users(chunk, now))
            except SourceError as error:
                failed.append(error)
                found.update(dict.fromkeys(chunk, error))
        return found

    async def _looked_up_users(self, handles: Sequence[str], now: int) -> dict[str, Account | SourceError]:
        """Look handles up, for money, and keep what is found.

        Raises:
            SourceError: There was no answer.
        """
        with self._api.reserved(now, USER_PRICE * len(handles)):
            body = await self._api.get(USERS_PATH, {"usernames": ",".join(handles)}, now)
            users = _data(body)
            await self._api.pay(now, USER_PRICE, (f"user:{one.get('id')}" for one in objects(users)))
        found = users_in(body, handles)
        accounts = {handle: one for handle, one in found.items() if isinstance(one, Account)}
        if accounts:
            await self._memory.put(KNOWN_USERS, {handle: one.text() for handle, one in accounts.items()})
        return found

    # --- Spaces ---------------------------------------------------------------------------------------------

    async def _plan(
        self,
        pairs: Sequence[tuple[Ask, Target | SourceError]],
        accounts: Mapping[str, Account | SourceError],
        now: int,
    ) -> Plan:
        """Share out what is left of the budget: watched Spaces first, then creators, each taken for one new Space.

        X tells what an answer costs only with the answer, so the last one of a day may cost a little more.
        """
        paid = await self._api.paid(now)
        known: dict[str, set[str]] = defaultdict(set)
        spaces: dict[str, None] = {}
        for ask, target in pairs:
            if isinstance(target, SourceError):
                continue
            if target.space is not None:
                spaces[target.space] = None
            account = accounts.get(target.handle or "")
            if isinstance(account, Account):
                known[account.id].update(one for one in ask.known if SPACE_ID.fullmatch(one))
        left = self._api.affordable(now, SPACE_PRICE)
        unpaid = [one for one in spaces if f"space:{one}" not in paid]
        plan = Plan(list(known), [one for one in spaces if one not in unpaid[left:]], known, refused=unpaid[left:])
        bought = min(left, len(unpaid))
        if len(plan.creators) > left - bought:
            self._turn += 1
            begin = self._turn % len(plan.creators)
            turned = plan.creators[begin:] + plan.creators[:begin]
            plan.creators = turned[: left - bought]
            plan.poor = {
                user: [one for one in sorted(known[user]) if f"space:{one}" in paid]
                for user in turned[left - bought :]
            }
        plan.price = SPACE_PRICE * (bought + len(plan.creators))
        return plan

    async def _hosted(
        self, plan: Plan, accounts: Mapping[str, Account], now: int, failed: list[SourceError]
    ) -> dict[str, Outcome]:
        """Ask what creators host, 100 a call; all but the first hundred wait for their second."""
        found: dict[str, Outcome] = {}
        names = {one.id: one.name for one in accounts.values()}
        for chunk in _chunks(plan.creators):
            wait = self._api.turn(CREATORS_PATH, every=CREATORS_EVERY)
            if wait:
                found |= dict.fromkeys(chunk, Later(wait))
                continue
            try:
                body = await self._ask(CREATORS_PATH, {"user_ids": ",".join(chunk)}, now)
                if body is None:
                    found |= dict.fromkeys(chunk, Later(SOON))
                    continue
                await self._pay_for(body, now)
                found |= hosted_in(body, {one: frozenset(plan.known.get(one, ())) for one in chunk}, names)
                if self._way == 0 and any(_space(one) and "creator_id" not in one for one in objects(_data(body))):
                    self._way = 1
            except SourceError as error:
                failed.append(error)
                found |= dict.fromkeys(chunk, error)
        return found

    async def _looked_up(self, ids: Iterable[str], now: int, failed: list[SourceError]) -> dict[str, Outcome]:
        """Ask for Spaces by their ids, 100 a call."""
        found: dict[str, Outcome] = {}
        for chunk in _chunks(list(dict.fromkeys(ids))):
            try:
                body = None
                while body is None:  # as often as there are ways to ask
                    body = await self._ask(SPACES_PATH, {"ids": ",".join(chunk)}, now)
                await self._pay_for(body, now)
                found |= spaces_in(body, chunk)
            except SourceError as error:
                failed.append(error)
                found |= dict.fromkeys(chunk, error)
        return found

    async def _ask(self, path: str, ids: Mapping[str, str], now: int) -> Any:
        """Ask for Spaces in the way that X takes; None where it refused that way, and another is left.

        Raises:
            SourceError: It answered otherwise than with Spaces.
        """
        way = self._way
        try:
            return await self._api.get(path, {**ids, **WAYS[way]}, now)
        except Refused as error:
            if way + 1 == len(WAYS) or not any(name in error.said for name in FIELD_NAMES):
                raise
            self._way = max(self._way, way + 1)
            return None

    async def _pay_for(self, body: object, now: int) -> None:
        """Charge for the Spaces of an answer, and for users that came along with them."""
        listed = body if isinstance(body, dict) else {}
        spaces = objects(listed.get("data"))
        included = listed.get("includes")
        users = objects(included.get("users")) if isinstance(included, dict) else []
        await self._api.pay(now, SPACE_PRICE, (f"space:{one.get('id')}" for one in spaces))
        await self._api.pay(now, USER_PRICE, (f"user:{one.get('id')}" for one in users))

    # --- telling --------------------------------------------------------------------------------------------

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
            return Told(answers=(Garbage("X answered with Spaces that cannot be read.").failure(now),))
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
    """Raise the error of the questions, if nothing else came of any."""
    got = [one for one in ends if not isinstance(one, Account)]
    if failed and all(any(one is error for error in failed) for one in got):
        raise failed[0]


def users_in(body: object, handles: Sequence[str]) -> dict[str, Account | SourceError]:
    """Read an answer of ``/2/users/by``.

    Raises:
        Garbage: It is none.
    """
    _data(body)
    assert isinstance(body, dict)
    found: dict[str, Account | SourceError] = {}
    for user in objects(body.get("data")):
        account = _account(user)
        if account is not None and account.username.lower() in handles:
            found.setdefault(account.username.lower(), account)
    for problem in objects(body.get("errors")):
        handle = str(problem.get("value") or problem.get("resource_id") or "").lower()
        if handle in handles:
            gone = AccountGone(f"X has no account @{handle} any more, or it is suspended.")
            found.setdefault(handle, gone if _is_gone(problem) or _is_shut(problem) else _trouble(problem))
    for handle in handles:
        found.setdefault(handle, Garbage(f"X says nothing of @{handle}."))
    return found


def spaces_in(body: object, ids: Sequence[str]) -> dict[str, Outcome]:
    """Read an answer of ``/2/spaces``: what of these ids is there, what is gone, what cannot be told.

    Raises:
        Garbage: It is none.
    """
    spaces, _ = _spaces(body)
    assert isinstance(body, dict)
    names = _names(body)
    found: dict[str, Outcome] = {}
    for space in spaces:
        if space.id in ids:
            found[space.id] = Seen(doubt=True) if space.state is None else Seen((space.reading(names),))
    for problem in objects(body.get("errors")):
        id_ = problem.get("resource_id") or problem.get("value")
        if isinstance(id_, str) and id_ in ids:
            found.setdefault(id_, Seen() if _is_gone(problem) else _trouble(problem))
    for id_ in ids:
        found.setdefault(id_, Garbage(f"X says nothing of the Space {id_}."))
    return found


def hosted_in(body: object, known: Mapping[str, frozenset[str]], names: Mapping[str, str]) -> dict[str, Outcome]:
    """Read an answer of ``/2/spaces/by/creator_ids``.

    Args:
        body: The answer, decoded.
        known: The user ids that were asked, with the ids of what each hosts as far as it is known.
        names: Of users, by id.

    Raises:
        Garbage: It is none.
    """
    spaces, broken = _spaces(body)
    assert isinstance(body, dict)
    names = {**_names(body), **names}
    readings: dict[str, list[Reading]] = {one: [] for one in known}
    doubtful: set[str] = set()
    for space in spaces:
        creator = _creator(space, known)
        if creator is None:
            broken = True  # whose it is, nobody can tell
        elif space.state is None:
            doubtful.add(creator)
        else:
            readings[creator].append(space.reading(names))
    troubles: dict[str, SourceError] = {}
    for problem in objects(body.get("errors")):
        if problem.get("parameter") in OF_USERS:
            continue  # somebody whose name cannot be told
        user = str(problem.get("resource_id") or problem.get("value"))
        if user in readings:
            gone = AccountGone("X no longer has this account: it was suspended or deleted.")
            troubles[user] = gone if _is_gone(problem) else _trouble(problem)
        else:
            broken = True
    return {
        user: troubles[user]
        if user in troubles and not found
        else Seen(tuple(found), doubt=broken or user in doubtful)
        for user, found in readings.items()
    }


def _spaces(body: object) -> tuple[list[Space], bool]:
    """Return the Spaces of an answer, one for each id, and whether some of it cannot be read.

    Raises:
        Garbage: It is no answer at all.
    """
    listed = _data(body)
    assert isinstance(body, dict)
    spaces: dict[str, Space] = {}
    broken = False
    for one in listed:
        space = _space(one) if isinstance(one, dict) else None
        if space is None:
            broken = True
        elif space.id not in spaces or space.state is State.LIVE:  # twice: what is live, is
            spaces[space.id] = space
    if "errors" in body and len(objects(body["errors"])) != len(body["errors"] or ()):
        broken = True
    if "meta" in body:
        meta = body["meta"]
        total = count(meta.get("result_count")) if isinstance(meta, dict) else None
        broken = broken or total is None or total > len(listed)
    return list(spaces.values()), broken


def _data(body: object) -> list[Any]:
    """Return the list of an answer; where X found nothing, it leaves it out.

    Raises:
        Garbage: It is no answer of the API.
    """
    if not isinstance(body, dict) or not all(isinstance(body.get(key, []), list) for key in ("data", "errors")):
        raise Garbage("X answered with something else than its API does.")
    found: list[Any] = body.get("data", [])
    return found


def _space(fields: dict[str, Any]) -> Space | None:
    id_, creator, hosts = fields.get("id"), fields.get("creator_id"), fields.get("host_ids")
    if not (isinstance(id_, str) and SPACE_ID.fullmatch(id_)):
        return None
    state = fields.get("state")
    known = state.strip().lower() if isinstance(state, str) else ""
    return Space(
        id=id_,
        creator=str(creator) if isinstance(creator, str | int) else None,
        host_ids=tuple(one for one in hosts if isinstance(one, str)) if isinstance(hosts, list) else (),
        state=State(known) if known in set(State) else None,
        fields=fields,
    )


def _creator(space: Space, known: Mapping[str, frozenset[str]]) -> str | None:
    """Return whose of the users asked a Space is; where X leaves it out, by what is known."""
    if space.creator is not None:
        return space.creator if space.creator in known else None
    candidates = [user for user, ids in known.items() if space.id in ids] or list(known)
    return candidates[0] if len(candidates) == 1 else None


def _account(user: Mapping[str, Any]) -> Account | None:
    id_, username = user.get("id"), user.get("username")
    if not (isinstance(id_, str) and USER_ID.fullmatch(id_)):
        return None
    if not (isinstance(username, str) and HANDLE.fullmatch(username)):
        return None
    return Account(id=id_, username=username, name=words(user.get("name")) or f"@{username}")


def _remembered(text: str) -> Account | None:
    try:
        user = json.loads(text)
    except ValueError:
        return None
    return _account(user) if isinstance(user, dict) else None


def _names(body: Mapping[str, Any]) -> dict[str, str]:
    """Return the names of the users that came along with an answer."""
    included = body.get("includes")
    users = objects(included.get("users")) if isinstance(included, dict) else []
    return {one.id: one.name for one in map(_account, users) if one is not None}


def _is_gone(problem: Mapping[str, Any]) -> bool:
    kind = kind_of(problem)
    if not kind:
        return "not found" in str(problem.get("title")).lower()
    return kind in {"resource-not-found", "resource-unavailable"}


def _is_shut(problem: Mapping[str, Any]) -> bool:
    return "suspended" in str(problem.get("detail")).lower()


def _trouble(problem: Mapping[str, Any]) -> SourceError:
    """Return what a partial error means that does not say that something is gone."""
    if "not-authorized" in kind_of(problem) or "forbidden" in kind_of(problem):
        return Denied("X does not let this bot see it: it is private.")
    return Unavailable("X cannot tell of it now.")


def _joined(outcomes: Sequence[Outcome]) -> Outcome:
    """Return what is known of a creator from Spaces that were asked by their ids."""
    wrong = next((one for one in outcomes if not isinstance(one, Seen)), None)
    if wrong is not None:
        return wrong
    seen = [one for one in outcomes if isinstance(one, Seen)]
    return Seen(tuple(r for one in seen for r in one.readings), doubt=any(one.doubt for one in seen))


def _first_live(readings: Iterable[Reading]) -> str | None:
    return next((one.url for one in readings if one.state is State.LIVE), None)


def _link(space: str) -> str:
    return f"https://x.com/i/spaces/{space}"


def _tried(reference: str) -> Target | SourceError:
    try:
        return _parse(reference)
    except SourceError as error:
        return error


def _parse(reference: str) -> Target:
    """Take an address apart.

    Raises:
        BadAddress: It is neither an account's nor a Space's.
    """
    text = reference.strip()
    parts = _path_of(text)
    if parts == []:
        raise BadAddress("Open the link, and send the address that it leads to.")
    if parts is None:
        handle = text.removeprefix("@")
        if text == handle and LIKE_A_SPACE.fullmatch(text):
            return Target(space=text)
        if HANDLE.fullmatch(handle):
            return Target(handle=handle.lower())
        raise BadAddress(
            "Write an account of X, as in x:@handle, or the link of a Space, as in https://x.com/i/spaces/1vOGwAbcdEFGB"
        )
    match parts:
        case ["i", "spaces", id_, *_] if SPACE_ID.fullmatch(id_):
            return Target(space=id_)
        case ["i", "broadcasts" | "events", *_]:
            raise BadAddress("X tells no program how many watch a video broadcast; only Spaces can be watched.")
        case [handle, *_] if HANDLE.fullmatch(handle.removeprefix("@")) and handle.lower() not in NOT_ACCOUNTS:
            return Target(handle=handle.removeprefix("@").lower())
    raise BadAddress("This page of X is neither a profile nor a Space; write for example x:@handle")


def _path_of(url: str) -> list[str] | None:
    """Return the path of an address of X in its parts, or None for whatever is no such address.

    A link of ``t.co`` has no parts: where it leads to, only X knows.
    """
    text = url.strip()
    if WITHOUT_SCHEME.match(text):
        text = f"https://{text}"
    try:
        found = parse_url(text)
    except BadAddress:
        return None
    host = re.sub(r"^(www|mobile|m)\.", "", (found.host or "").lower())
    if host == SHORT_HOST:
        return []
    return [one for one in found.path.split("/") if one] if host in HOSTS else None


def _chunks(items: Sequence[Item]) -> Iterable[Sequence[Item]]:
    return (items[start : start + MOST_IDS] for start in range(0, len(items), MOST_IDS))


def _wall_clock() -> int:
    return round(time.time() * SECOND)
