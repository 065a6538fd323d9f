"""Twitch: ``twitch:name``, the viewers of whatever an account streams.

A hundred accounts a call (https://dev.twitch.tv/docs/api/reference/#get-streams). What Twitch does, and this file
therefore expects: accounts that are not live are left out of the answer; a page holds 20 streams unless ``first``
says 100; names change, ids do not. Scheduled streams are left out: Twitch tells them one account a call.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import parsedate_to_datetime

from yarl import URL

from bot.domain import HOUR, SECOND
from bot.domain.reading import Answer, Reading
from bot.ports.purse import Purse
from bot.ports.source import AccountGone, Ask, BadAddress, Description, Garbage, SourceError, Told
from bot.sources.accounts import SOON, Accounts, Standing, State, figure, identity, moment, words
from bot.sources.kit import Kit
from bot.sources.oauth import Application, Platform
from bot.sources.web import LONGEST_WAIT, SHORTEST_WAIT, parse_url, wait_of

#: Accounts that one call takes.
MOST = 100
LOGIN = re.compile(r"[a-z0-9_]{1,25}")
ADDRESS = re.compile(r"(https?://)?([\w-]+\.)?twitch\.tv(/|$)", re.IGNORECASE | re.ASCII)
#: Hosts below twitch.tv whose paths begin with an account.
HOSTS = frozenset({"twitch.tv", "www.twitch.tv", "m.twitch.tv", "go.twitch.tv", "dashboard.twitch.tv"})
#: What may stand before the account in a path.
FRAMES = frozenset({"popout", "embed", "moderator", "u"})
#: Pages of Twitch itself.
PAGES = frozenset({
    *("videos", "directory", "team", "p", "downloads", "jobs", "settings", "subscriptions", "inventory", "wallet"),
    *("search", "turbo", "store", "friends", "drops", "collections", "clip", "clips", "login", "signup", "prime"),
})  # fmt: skip
EXAMPLE = "twitch:monstercat"


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


@dataclass(slots=True)
class Listed:
    """What an answer says.

    Attributes:
        streams: By account, then by the id of the stream.
        faulty: Accounts that are listed with a stream that cannot be read.
        complete: Whether all that is listed could be told whose it is: only then is who is not listed not live.
    """

    streams: dict[str, dict[str, Reading]] = field(default_factory=dict)
    faulty: set[str] = field(default_factory=set)
    complete: bool = True

    def told(self, account: str) -> tuple[Reading, ...]:
        """Return what is said of an account; nothing: it is not live.

        Raises:
            Garbage: That cannot be told.
        """
        if account in self.streams:
            return tuple(self.streams[account].values())
        if account in self.faulty:
            raise Garbage("Twitch lists the stream with an error.")
        if not self.complete:
            raise Garbage("Twitch's answer lists a stream of nobody: who is not live cannot be told from it.")
        return ()


class Twitch:
    """The source ``twitch:``."""

    platform = "twitch"
    public = True
    batch = MOST
    ids_a_call = MOST
    for_operators = False
    example = EXAMPLE
    purse: Purse | None = None

    def __init__(self, kit: Kit) -> None:
        self._application = Application(kit, PLATFORM)
        self._accounts = Accounts(kit.memory, self.platform)

    def recognises(self, url: str) -> str | None:
        """Recognise Twitch's addresses; what names no account is refused when it is described."""
        text = url.strip()
        if not ADDRESS.match(text):
            return None
        try:
            return login_of(text)
        except BadAddress:
            return text

    async def describe(self, reference: str, now: int) -> Description:
        """Look the account up, and ask whether it is live.

        Raises:
            SourceError: Among others where Twitch has no such account.
        """
        login = login_of(reference)
        self._application.needs_keys()
        user = await self._found(login, now)
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
        )

    async def read(self, asks: Sequence[Ask], now: int) -> list[Told]:
        """Ask for a hundred accounts a call, each once."""
        if not asks:
            return []
        self._application.needs_keys()
        logins = [_login_or_error(ask.reference) for ask in asks]
        wanted = list(dict.fromkeys(login for login in logins if isinstance(login, str)))
        ids = await self._ids(wanted, now)
        owners = {id_: login for login in wanted if isinstance(id_ := ids[login], str)}
        listed = await self._listed(owners)
        gone = await self._gone(owners, listed, now)

        def told(login: str | SourceError) -> Told:
            id_ = ids[login] if isinstance(login, str) else login
            if isinstance(id_, SourceError):
                # Names that Twitch does not know cost a call each time.
                again_at = now + HOUR if isinstance(id_, AccountGone) else None
                return Told(answers=(id_.failure(now),), again_at=again_at)
            try:
                readings = listed.told(id_)
                if not readings and id_ in gone:
                    raise _gone(owners[id_])
            except SourceError as error:
                return Told(answers=(error.failure(now),))
            return Told(answers=(Answer(at=now, readings=readings),))

        return [told(login) for login in logins]

    async def check(self) -> str | None:
        """Try the keys, where there are any."""
        return await self._application.check()

    async def close(self) -> None:
        """Hold nothing open: the client is shared."""

    async def _found(self, login: str, now: int) -> User:
        """Find an account by its name, or by one that it had when it was first looked up.

        Raises:
            BadAddress: There is none.
        """
        users, complete = await self._users("login", [login])
        user = next((one for one in users if one.login == login), None)
        if user is None and complete:
            former = await self._accounts.ids([login])
            users, complete = await self._users("id", former.values())
            user = next((one for one in users if one.id == former.get(login)), None)
        if user is None and not complete:
            raise Garbage("Twitch's answer names no account where one was due.")
        if user is None:
            raise BadAddress(
                f"Twitch has no account {login}: perhaps it is misspelled, was renamed, or is suspended. Type it "
                f"as in the address of its page, like {EXAMPLE}"
            )
        await self._accounts.met({login: user.id, user.login: user.id}, now)
        return user

    async def _ids(self, logins: Sequence[str], now: int) -> dict[str, str | SourceError]:
        """Return the id of each name, from memory where it can be had."""
        ids: dict[str, str | SourceError] = dict(await self._accounts.ids(logins))
        missing = [login for login in logins if login not in ids]
        if not missing:
            return ids
        try:
            users, complete = await self._users("login", missing)
        except SourceError as error:
            return ids | dict.fromkeys(missing, error)
        found = {user.login: user.id for user in users}
        await self._accounts.met({login: found[login] for login in missing if login in found}, now)
        for login in missing:
            lost = _gone(login) if complete else Garbage("Twitch's answer names no account where one was due.")
            ids[login] = found.get(login, lost)
        return ids

    async def _users(self, key: str, values: Iterable[str]) -> tuple[list[User], bool]:
        """Look accounts up (https://dev.twitch.tv/docs/api/reference/#get-users); unknown ones are left out.

        Returns:
            Them, and whether all that Twitch answered could be read.
        """
        answers = await asyncio.gather(
            *(self._application.get("/users", [(key, one) for one in part]) for part in _parts(values))
        )
        found = [users_in(answer.json()) for answer in answers]
        return [user for users, _ in found for user in users], all(complete for _, complete in found)

    async def _listed(self, owners: Mapping[str, str]) -> Listed:
        """Ask what these accounts stream now."""

        async def fetch(part: Sequence[str]) -> Listed:
            params = [("first", str(MOST)), *(("user_id", id_) for id_ in part)]
            answer = await self._application.get("/streams", params)
            return streams_in(answer.json(), {id_: owners[id_] for id_ in part})

        listed = Listed()
        for one in await asyncio.gather(*map(fetch, _parts(owners))):
            listed.streams |= one.streams
            listed.faulty |= one.faulty
            listed.complete &= one.complete
        return listed

    async def _gone(self, owners: Mapping[str, str], listed: Listed, now: int) -> set[str]:
        """Tell which accounts are no more, of those that are not live: looked up once a day, all in one call."""
        standings = await self._accounts.standings(owners)
        listings = listed.streams.keys() | listed.faulty
        back = {id_ for id_, one in standings.items() if id_ in listings and one.state is not State.KNOWN}
        await self._accounts.note(dict.fromkeys(back, State.KNOWN), now)
        off = {id_: one for id_, one in standings.items() if id_ not in listings}
        gone = {id_ for id_, one in off.items() if one.state is State.GONE}
        due = [id_ for id_, one in off.items() if one.is_due(now)]
        if not due:
            return gone
        try:
            users, complete = await self._users("id", due)
        except SourceError:
            complete = False
        if not complete:  # not a call a poll, though
            await self._accounts.note(_unchanged(off, due), now, term=SOON)
            return gone
        there = {user.id for user in users}
        states = {id_: State.KNOWN if id_ in there else State.GONE for id_ in due}
        await self._accounts.note(states, now)
        return gone - there | {id_ for id_, state in states.items() if state is State.GONE}


def login_of(reference: str) -> str:
    """Read the name of an account: as such, with @, or in an address of Twitch's.

    Raises:
        BadAddress: It is none.
    """
    text = reference.strip()
    if ADDRESS.match(text):
        text = _login_in(parse_url(text if "://" in text else f"https://{text}")) or ""
    login = text.removeprefix("@").lower()
    if not LOGIN.fullmatch(login):
        raise BadAddress(
            f"That is no account on Twitch. Type its name as it stands in the address of its page, like {EXAMPLE}"
        )
    return login


def _login_in(url: URL) -> str | None:
    """Return what stands for an account in an address of Twitch's, or None."""
    if url.host == "player.twitch.tv":
        return url.query.get("channel")
    if url.host not in HOSTS:
        return None
    parts = [part for part in url.path.split("/") if part]
    if parts and parts[0].lower() in FRAMES:
        del parts[0]
    return parts[0] if parts and parts[0].lower() not in PAGES else None


def _login_or_error(reference: str) -> str | BadAddress:
    try:
        return login_of(reference)
    except BadAddress as error:
        return error


def link_to(login: str) -> str:
    """Return the address of an account, for people."""
    return f"https://www.twitch.tv/{login}"


def _gone(login: str) -> AccountGone:
    return AccountGone(f"Twitch no longer has the account {login}: it was renamed, deleted or suspended.")


def _unchanged(standings: Mapping[str, Standing], due: Iterable[str]) -> dict[str, State]:
    return {id_: standings[id_].state for id_ in due}


def _parts(values: Iterable[str]) -> list[list[str]]:
    whole = list(values)
    return [whole[start : start + MOST] for start in range(0, len(whole), MOST)]


def _data_of(answer: object) -> list[object]:
    data = answer.get("data") if isinstance(answer, dict) else None
    if not isinstance(data, list):
        raise Garbage("Twitch's answer holds no data.")
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
    listed = Listed()
    ids = {login: id_ for id_, login in owners.items()}
    for item in _data_of(answer):
        owner = _owner(item, owners, ids) if isinstance(item, dict) else None
        if owner is None or not isinstance(item, dict):
            listed.complete = False
            continue
        session = identity(item.get("id"))
        # "If an error occurs, this field is set to an empty string."
        if session is None or item.get("type", "live") != "live":
            listed.faulty.add(owner)
            continue
        listed.streams.setdefault(owner, {}).setdefault(session, _reading(session, item, owners[owner]))
    return listed


def _owner(item: Mapping[str, object], owners: Mapping[str, str], ids: Mapping[str, str]) -> str | None:
    """Tell whose stream it is: by the id, or the name where there is no id that was asked for."""
    id_, login = identity(item.get("user_id")), item.get("user_login")
    if id_ in owners:
        return id_
    return ids.get(login.lower()) if isinstance(login, str) else None


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
