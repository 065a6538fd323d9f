"""Twitch: ``twitch:name``, the viewers of whatever an account streams.

A hundred accounts a call (https://dev.twitch.tv/docs/api/reference/#get-streams). What Twitch does, and this file
therefore expects: accounts that are not live are left out of the answer; a page holds 20 streams unless ``first``
says 100; names change hands, ids do not, so whose a stream is the id alone tells. What is announced is read in
``twitch_schedule``.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime

from bot.domain import SECOND
from bot.domain.reading import Reading
from bot.domain.sentence import N_
from bot.ports.purse import Purse
from bot.ports.source import Ask, Description, Garbage, SourceError, Told
from bot.sources.accounts import SOON, Accounts, State, figure, identity, moment, words
from bot.sources.follow import Listed, follow, parts_of
from bot.sources.handles import Handle, Site
from bot.sources.kit import Kit
from bot.sources.oauth import Application, Platform
from bot.sources.twitch_schedule import Schedule
from bot.sources.web import LONGEST_WAIT, SHORTEST_WAIT, wait_of

#: Accounts that one call takes.
MOST = 100
LOGIN = re.compile(r"[a-z0-9_]{1,25}")
SITE = Site(
    platform="Twitch",
    name=LOGIN,
    address=re.compile(r"(https?://)?([\w-]+\.)?twitch\.tv(/|$)", re.IGNORECASE | re.ASCII),
    hosts=frozenset({"twitch.tv", "www.twitch.tv", "m.twitch.tv", "go.twitch.tv", "dashboard.twitch.tv"}),
    players=frozenset({"player.twitch.tv"}),
    frames=frozenset({"popout", "embed", "moderator", "u"}),
    pages=frozenset({
        *("videos", "directory", "team", "p", "downloads", "jobs", "settings", "subscriptions", "inventory"),
        *("wallet", "search", "turbo", "store", "friends", "drops", "collections", "clip", "clips", "login"),
        *("signup", "prime"),
    }),
    # Translators: what became of an account, as in "it was renamed, deleted or suspended"
    shut_out=N_("suspended"),
    example="twitch:monstercat",
)  # fmt: skip
ODD = N_("Twitch's answer names no account where one was due.")


def reset_of(headers: Mapping[str, str]) -> int | None:
    """Read how long to wait: ``Ratelimit-Reset``, seconds since 1970 by Twitch's clock; returns milliseconds.

    https://dev.twitch.tv/docs/api/guide/#how-it-works
    """
    text = headers.get("Ratelimit-Reset", "").strip()
    if not (text.isascii() and text.isdigit() and len(text) < 13):
        return wait_of(headers)
    try:
        told = parsedate_to_datetime(headers.get("Date", ""))
        now = (told if told.tzinfo else told.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, OverflowError):
        now = time.time()
    return min(max(round((int(text) - now) * SECOND), SHORTEST_WAIT), LONGEST_WAIT)


PLATFORM = Platform(
    name="Twitch",
    prefix="TWITCH",
    api="https://api.twitch.tv/helix",
    auth="https://id.twitch.tv/oauth2",
    id_header="Client-Id",
    validates=True,
    wait_of=reset_of,
)


@dataclass(frozen=True, slots=True)
class User:
    """An account; ``login`` is its name in addresses, ``name`` as it writes itself."""

    id: str
    login: str
    name: str


class Twitch:
    """The source ``twitch:``."""

    platform = "twitch"
    public = True
    batch = MOST
    ids_a_call = MOST
    calls_a_quarter: int | None = None
    spares = True
    for_operators = False
    example = SITE.example
    purse: Purse | None

    def __init__(self, kit: Kit) -> None:
        self._application = Application(kit, PLATFORM)
        self.purse = self._application.purse
        self._accounts = Accounts(kit.memory, self.platform)
        self._schedule = Schedule(self._application, kit.memory)

    def recognises(self, url: str) -> str | None:
        """Recognise Twitch's addresses; what names no account is refused when it is described."""
        return SITE.recognises(url)

    def named(self, text: str) -> str | None:
        """Take a word for an account's name, if it can be one."""
        return SITE.named(text) if self._application.has_keys else None

    def kind(self, reference: str) -> str:
        """All accounts share calls."""
        return ""

    async def describe(self, reference: str, now: int) -> Description:
        """Look the account up, and ask whether it is live.

        Raises:
            SourceError: Among others where Twitch has no such account.
        """
        handle = SITE.read(reference)
        self._application.needs_keys()
        with self._application.counted(now):
            user = await self._found(handle, now)
            live = (await self._listed({user.id: user.login})).told
            try:
                live_now = bool(live(user.id))
            except Garbage:
                live_now = None
            return Description(
                reference=user.login,
                name=user.name,
                unit="viewers",
                live_now=live_now,
                url=link_to(user.login),
                account=user.id,
            )

    async def read(self, asks: Sequence[Ask], now: int) -> list[Told]:
        """Ask for a hundred accounts a call, each once."""
        if not asks:
            return []
        self._application.needs_keys()
        with self._application.counted(now):
            told = await follow(
                asks,
                now,
                site=SITE,
                find=lambda names: self._accounts.found(names, self._ids, now),
                look=lambda owners: self._look(owners, now),
            )
            return await self._schedule.add(asks, told, now)

    async def check(self) -> str | None:
        """Try the keys, where there are any."""
        return await self._application.check()

    async def close(self) -> None:
        """Hold nothing open: the client is shared."""

    async def _found(self, handle: Handle, now: int) -> User:
        """Find an account by its id or its name, or by a name that it had when the bot first met it.

        Raises:
            BadAddress: There is none.
        """
        account, complete, user = handle.account, True, None
        if account is None:
            users, complete = await self._users("login", [handle.name])
            user = next((one for one in users if one.login == handle.name), None)
            if user is None and complete:
                account = (await self._accounts.ids([handle.name])).get(handle.name)
        if account is not None:
            users, complete = await self._users("id", [account])
            user = next((one for one in users if one.id == account), None)
        if user is None:
            raise SITE.unknown(handle.name) if complete else Garbage(ODD)
        met = {user.login} if handle.account else {user.login, handle.name}
        await self._accounts.met(dict.fromkeys(met, user.id), now)
        return user

    async def _ids(self, logins: Sequence[str]) -> dict[str, str | SourceError]:
        """Look up who has these names now."""
        try:
            users, complete = await self._users("login", logins)
        except SourceError as error:
            return dict.fromkeys(logins, error)
        found = {user.login: user.id for user in users}
        return {login: found.get(login) or (SITE.nobody(login) if complete else Garbage(ODD)) for login in logins}

    async def _users(self, key: str, values: Iterable[str]) -> tuple[list[User], bool]:
        """Look accounts up (https://dev.twitch.tv/docs/api/reference/#get-users); unknown ones are left out.

        Returns:
            Them, and whether all that Twitch answered could be read.
        """
        answers = await asyncio.gather(
            *(self._application.get("/users", [(key, one) for one in part]) for part in parts_of(values, MOST))
        )
        found = [users_in(answer.json()) for answer in answers]
        return [user for users, _ in found for user in users], all(complete for _, complete in found)

    async def _listed(self, owners: Mapping[str, str]) -> Listed:
        """Ask what these accounts stream now."""

        async def fetch(part: Sequence[str]) -> Listed:
            params = [("first", str(MOST)), *(("user_id", id_) for id_ in part)]
            answer = await self._application.get("/streams", params)
            return streams_in(answer.json(), {id_: owners[id_] for id_ in part})

        listed = Listed(SITE.platform)
        for one in await asyncio.gather(*map(fetch, parts_of(owners, MOST))):
            listed.add(one)
        return listed

    async def _look(self, owners: Mapping[str, str], now: int) -> tuple[Listed, set[str]]:
        """Ask what these accounts stream now, and tell which are no more.

        Those that are not live are looked up once a day, all in one call.
        """
        listed = await self._listed(owners)
        standings = await self._accounts.standings(owners)
        await self._accounts.seen(listed.named, standings, now)
        off = {id_: one for id_, one in standings.items() if id_ not in listed.named}
        gone = {id_ for id_, one in off.items() if one.state is State.GONE}
        due = [id_ for id_, one in off.items() if one.is_due(now)]
        if not due:
            return listed, gone
        try:
            users, complete = await self._users("id", due)
        except SourceError:
            complete = False
        if not complete:  # not a call a poll, though
            await self._accounts.note({id_: off[id_].state for id_ in due}, now, term=SOON)
            return listed, gone
        there = {user.id for user in users}
        states = {id_: State.KNOWN if id_ in there else State.GONE for id_ in due}
        await self._accounts.note(states, now)
        return listed, gone - there | {id_ for id_, state in states.items() if state is State.GONE}


def link_to(login: str) -> str:
    """Return the address of an account, for people."""
    return f"https://www.twitch.tv/{login}"


def _data_of(answer: object) -> list[object]:
    data = answer.get("data") if isinstance(answer, dict) else None
    if not isinstance(data, list):
        raise Garbage(N_("Twitch's answer holds no data."))
    return data


def users_in(answer: object) -> tuple[list[User], bool]:
    """Read an answer of ``/users``: the accounts, and whether all of it could be read.

    Raises:
        Garbage: It is no such answer.
    """
    data = _data_of(answer)
    users = [user for user in map(_user, data) if user is not None]
    return users, len(users) == len(data)


def _user(item: object) -> User | None:
    if not isinstance(item, dict):
        return None
    id_, login = identity(item.get("id")), item.get("login")
    if id_ is None or not isinstance(login, str) or not LOGIN.fullmatch(login.lower()):
        return None
    return User(id_, login.lower(), words(item.get("display_name")) or login)


def streams_in(answer: object, owners: Mapping[str, str]) -> Listed:
    """Read an answer of ``/streams`` to a question for these accounts (the name of each by its id).

    Raises:
        Garbage: It is no such answer.
    """
    listed = Listed(SITE.platform)
    for item in _data_of(answer):
        owner = identity(item.get("user_id")) if isinstance(item, dict) else None
        if owner not in owners or owner is None or not isinstance(item, dict):
            listed.complete = False
            continue
        session = identity(item.get("id"))
        # "If an error occurs, this field is set to an empty string."
        if session is None or item.get("type", "live") != "live":
            listed.wrong[owner] = "Twitch lists the stream with an error."
            continue
        listed.streams.setdefault(owner, {}).setdefault(session, _reading(session, item, owners[owner]))
    return listed


def _reading(session: str, item: Mapping[str, object], login: str) -> Reading:
    viewers = figure(item.get("viewer_count"))
    now_called = item.get("user_login")
    if not isinstance(now_called, str) or not LOGIN.fullmatch(now_called):
        now_called = login
    return Reading(
        session=session,
        title=words(item.get("title")),
        hosts=(words(item.get("user_name")) or now_called,),
        url=link_to(now_called),
        concurrent=viewers,
        reason=None if viewers is not None else "Twitch gives no number of viewers.",
        started_at=moment(item.get("started_at")),
    )
