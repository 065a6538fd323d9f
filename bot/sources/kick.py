"""Kick: ``kick:slug``, the viewers of whatever an account streams.

A hundred accounts a call (https://docs.kick.com/apis/livestreams). Kick's documents are thin, so this file takes
several spellings of an answer. What Kick is known to do: accounts that are not live are left out; ``viewer_count``
is 0 where the streamer hides it, and changes once a minute or so; an unknown slug is an empty answer
(https://github.com/KickEngineering/KickDevDocs/issues/231), or as others saw it a 400 for the whole question;
``/channels`` shows live ones as off when it is asked for many (issue 321 there), so it only serves to look up one.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from yarl import URL

from bot.domain import HOUR, SECOND
from bot.domain.reading import Answer, Reading
from bot.ports.purse import Purse
from bot.ports.source import AccountGone, Ask, BadAddress, Description, Garbage, SourceError, Told
from bot.sources.accounts import SOON, Accounts, State, figure, identity, moment, words
from bot.sources.kit import Kit
from bot.sources.oauth import Application, Platform
from bot.sources.web import Page, once_each, parse_url

#: Accounts that one call takes.
MOST = 100
#: Parts of a refused question that are searched at a time for the account at fault.
MOST_PARTS = 8
SLUG = re.compile(r"[a-z0-9_-]{1,64}")
ADDRESS = re.compile(r"(https?://)?([\w-]+\.)?kick\.com(/|$)", re.IGNORECASE | re.ASCII)
#: Hosts below kick.com whose paths begin with an account.
HOSTS = frozenset({"kick.com", "www.kick.com", "m.kick.com", "player.kick.com", "dashboard.kick.com"})
#: What may stand before the account in a path.
FRAMES = frozenset({"popout", "embed", "u"})
#: Pages of Kick itself.
PAGES = frozenset({
    *("video", "videos", "clips", "browse", "category", "categories", "following", "search", "settings", "about"),
    *("terms-of-service", "privacy-policy", "community-guidelines", "dashboard", "login", "signup", "api"),
})  # fmt: skip
EXAMPLE = "kick:xqc"
HIDDEN = "Kick shows 0 viewers of a live stream where the streamer hides the number."
HIDES = "The streamer hides the number of viewers now, and then there is none to tell."
#: What a question for one account is answered with; Kick may say either of the last two where it knows none.
ANSWERS = frozenset({200, 400, 404})
#: Where an account stands in a stream, by the several shapes that its documents and clients show.
OWNER_IDS = (("broadcaster_user", "id"), ("broadcaster_user", "user_id"), ("broadcaster_user_id",), ("user_id",))

PLATFORM = Platform(
    name="Kick",
    prefix="KICK",
    api="https://api.kick.com",
    auth="https://id.kick.com",
    grant="/oauth/token",
)


@dataclass(slots=True)
class Listed:
    """What an answer says.

    Attributes:
        streams: By account, then by the id of the stream.
        faulty: Accounts that are listed with a stream that cannot be read.
        refused: Accounts for which Kick refuses the question.
        left: Accounts that were asked for together with such ones, and not yet by themselves.
        complete: Whether all that is listed could be told whose it is: only then is who is not listed not live.
    """

    streams: dict[str, dict[str, Reading]] = field(default_factory=dict)
    faulty: set[str] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)
    left: set[str] = field(default_factory=set)
    complete: bool = True

    def told(self, account: str) -> tuple[Reading, ...]:
        """Return what is said of an account; nothing: it is not live.

        Raises:
            Garbage: That cannot be told.
        """
        if account in self.streams:
            return tuple(self.streams[account].values())
        if account in self.refused | self.left:
            raise _refused()
        if account in self.faulty:
            raise Garbage("Kick lists the stream without an id and a start.")
        if not self.complete:
            raise Garbage("Kick's answer lists a stream of nobody: who is not live cannot be told from it.")
        return ()

    def add(self, other: Listed) -> None:
        """Take in what the answer to another part says."""
        self.streams |= other.streams
        self.faulty |= other.faulty
        self.complete &= other.complete


class Kick:
    """The source ``kick:``."""

    platform = "kick"
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
        """Recognise Kick's addresses; what names no account is refused when it is described."""
        text = url.strip()
        if not ADDRESS.match(text):
            return None
        try:
            return slug_of(text)
        except BadAddress:
            return text

    async def describe(self, reference: str, now: int) -> Description:
        """Look the account up, and ask whether it is live.

        Raises:
            SourceError: Among others where Kick has no such account.
        """
        typed = slug_of(reference)
        self._application.needs_keys()
        slug, id_ = await self._found(typed, now)
        try:
            live = (await self._listed({id_: slug})).told(id_)
        except Garbage:
            live = None
        hides = bool(live) and all(one.concurrent is None for one in live or ())
        return Description(
            reference=slug,
            name=(live[0].hosts[0] if live else None) or slug,
            unit="viewers",
            live_now=None if live is None else bool(live),
            url=link_to(slug),
            note=HIDES if hides else None,
        )

    async def read(self, asks: Sequence[Ask], now: int) -> list[Told]:
        """Ask for a hundred accounts a call, each once."""
        if not asks:
            return []
        self._application.needs_keys()
        slugs = [_slug_or_error(ask.reference) for ask in asks]
        wanted = list(dict.fromkeys(slug for slug in slugs if isinstance(slug, str)))
        ids = await self._ids(wanted, now)
        owners = {id_: slug for slug in wanted if isinstance(id_ := ids[slug], str)}
        listed, gone = await self._standing_or_listed(owners, now)

        def told(slug: str | SourceError) -> Told:
            id_ = ids[slug] if isinstance(slug, str) else slug
            if isinstance(id_, SourceError):
                # Names that Kick does not know cost a call each.
                again_at = now + HOUR if isinstance(id_, AccountGone) else None
                return Told(answers=(id_.failure(now),), again_at=again_at)
            try:
                if id_ in gone:
                    raise _gone(owners[id_])
                readings = listed.told(id_)
            except SourceError as error:
                return Told(answers=(error.failure(now),))
            return Told(answers=(Answer(at=now, readings=readings),))

        return [told(slug) for slug in slugs]

    async def check(self) -> str | None:
        """Try the keys, where there are any."""
        return await self._application.check()

    async def close(self) -> None:
        """Hold nothing open: the client is shared."""

    async def _found(self, typed: str, now: int) -> tuple[str, str]:
        """Find an account by its slug, or by one that it had when it was first looked up; return slug and id.

        Raises:
            BadAddress: There is none.
        """
        # A name written with _ has a - in its address.
        for slug in dict.fromkeys((typed, typed.replace("_", "-"))):
            found = await self._channel("slug", slug)
            if found is not None:
                break
        else:
            former = (await self._accounts.ids([typed])).get(typed)
            found = await self._channel("broadcaster_user_id", former) if former else None
        if found is None:
            raise BadAddress(
                f"Kick has no account {typed}: perhaps it is misspelled, was renamed, or is banned. Type it as in "
                f"the address of its page, like {EXAMPLE}"
            )
        slug, id_ = found
        await self._accounts.met({typed: id_, slug: id_}, now)
        return slug, id_

    async def _ids(self, slugs: Sequence[str], now: int) -> dict[str, str | SourceError]:
        """Return the id of each slug, from memory where it can be had; else each costs a call."""
        ids: dict[str, str | SourceError] = dict(await self._accounts.ids(slugs))

        async def fetch(slug: str) -> str:
            found = await self._channel("slug", slug)
            if found is None:
                raise _gone(slug)
            return found[1]

        fetched = await once_each((slug for slug in slugs if slug not in ids), fetch)
        await self._accounts.met({slug: id_ for slug, id_ in fetched.items() if isinstance(id_, str)}, now)
        return ids | fetched

    async def _channel(self, key: str, value: str) -> tuple[str, str] | None:
        """Look one account up (https://docs.kick.com/apis/channels); return slug and id, None: Kick has none."""
        page = await self._application.get("/public/v1/channels", {key: value})
        answer = page.json(ok=ANSWERS)  # what is no JSON is not Kick's word
        return channel_in(answer, key, value) if page.status == 200 else None

    async def _standing_or_listed(self, owners: Mapping[str, str], now: int) -> tuple[Listed, set[str]]:
        """Ask what these accounts stream now, except for those that are not to be asked for yet.

        Returns:
            That, and which accounts are gone.
        """
        standings = await self._accounts.standings(owners)
        apart = {id_ for id_, one in standings.items() if one.state is not State.KNOWN and not one.is_due(now)}
        listed = await self._listed({id_: slug for id_, slug in owners.items() if id_ not in apart})
        listed.refused |= {id_ for id_ in apart if standings[id_].state is State.BARRED}
        gone = {id_ for id_ in owners if standings[id_].state is State.GONE}
        listings = listed.streams.keys() | listed.faulty
        back = {id_ for id_ in listings if standings[id_].state is not State.KNOWN}
        await self._accounts.note(dict.fromkeys(back, State.KNOWN), now)
        gone -= back
        new, asked = listed.refused - apart, owners.keys() - apart
        quiet = [id_ for id_ in owners if id_ not in listings | apart | new and standings[id_].is_due(now)]
        # One look a reading: after a long pause all are due at once, and each costs calls.
        for id_ in [*sorted(new), *quiet[:1]]:
            try:
                there = await self._exists(id_, by_refusals=id_ in new and len(asked) > 1)
            except SourceError:
                state = State.BARRED if id_ in new else standings[id_].state
                await self._accounts.note({id_: state}, now, term=SOON)
                continue
            state = (State.BARRED if id_ in new else State.KNOWN) if there else State.GONE
            await self._accounts.note({id_: state}, now)
            gone = gone - {id_} if there else gone | {id_}
        return listed, gone

    async def _exists(self, id_: str, *, by_refusals: bool) -> bool:
        """Ask two ways whether an account is there.

        Args:
            by_refusals: Whether it is none where both are refused (400), which may have other reasons.

        Raises:
            SourceError: That cannot be told.
        """
        refusals = 0
        questions = (("/public/v1/channels", "broadcaster_user_id"), ("/public/v1/users", "id"))
        for path, key in questions:
            page = await self._application.get(path, {key: id_})
            answer = page.json(ok=ANSWERS)
            if page.status == 400:
                refusals += 1
            elif page.status == 200 and _names(answer, id_):
                return True
        if refusals == len(questions) and not by_refusals:
            raise _refused()
        return False

    async def _listed(self, owners: Mapping[str, str]) -> Listed:
        """Ask what these accounts stream now.

        A question that Kick refuses (400) is cut in halves, and these again, until it is known for which accounts
        it does; what is not found so far is left for the next reading.

        Raises:
            Garbage: Kick refuses the question whatever is asked for.
        """
        listed = Listed()
        ids = list(owners)
        parts = [ids[start : start + MOST] for start in range(0, len(ids), MOST)]
        asked, answered = len(ids), False
        while parts:
            pages = await asyncio.gather(*map(self._livestreams, parts))
            refused = [part for part, page in zip(parts, pages, strict=True) if page.status == 400]
            for part, page in zip(parts, pages, strict=True):
                if page.status != 400:
                    answered = True
                    listed.add(livestreams_in(page.json(), {id_: owners[id_] for id_ in part}))
            listed.refused |= {part[0] for part in refused if len(part) == 1}
            split = [half for part in refused if len(part) > 1 for half in _halves(part)]
            parts, left = split[:MOST_PARTS], split[MOST_PARTS:]
            listed.left |= {id_ for part in left for id_ in part}
        if asked > 1 and not answered:
            raise _refused()
        return listed

    async def _livestreams(self, ids: Sequence[str]) -> Page:
        return await self._application.get("/public/v1/users/livestreams", [("user_id", id_) for id_ in ids])


def slug_of(reference: str) -> str:
    """Read the slug of an account: as such, with @, or in an address of Kick's.

    Raises:
        BadAddress: It is none.
    """
    text = reference.strip()
    if ADDRESS.match(text):
        text = _slug_in(parse_url(text if "://" in text else f"https://{text}")) or ""
    slug = text.removeprefix("@").lower()
    if not SLUG.fullmatch(slug):
        raise BadAddress(
            f"That is no account on Kick. Type its name as it stands in the address of its page, like {EXAMPLE}"
        )
    return slug


def _slug_in(url: URL) -> str | None:
    """Return what stands for an account in an address of Kick's, or None."""
    if url.host not in HOSTS:
        return None
    parts = [part for part in url.path.split("/") if part]
    if parts and parts[0].lower() in FRAMES:
        del parts[0]
    return parts[0] if parts and parts[0].lower() not in PAGES else None


def _slug_or_error(reference: str) -> str | BadAddress:
    try:
        return slug_of(reference)
    except BadAddress as error:
        return error


def link_to(slug: str) -> str:
    """Return the address of an account, for people."""
    return f"https://kick.com/{slug}"


def _gone(slug: str) -> AccountGone:
    return AccountGone(f"Kick no longer has the account {slug}: it was renamed, deleted or banned.")


def _refused() -> Garbage:
    return Garbage("Kick refuses the question (HTTP 400).")


def _halves(part: list[str]) -> tuple[list[str], list[str]]:
    middle = len(part) // 2
    return part[:middle], part[middle:]


def _items_of(answer: object) -> list[object]:
    """Return what an answer lists; one thing may stand without a list around it."""
    data = answer.get("data") if isinstance(answer, dict) else None
    if isinstance(data, dict) and data:
        return [data]
    if not isinstance(data, list):
        raise Garbage("Kick's answer holds no data.")
    return data


def _at(item: object, *keys: str) -> object:
    """Return what lies at the end of a path of keys, or None."""
    for key in keys:
        item = item.get(key) if isinstance(item, dict) else None
    return item


def channel_in(answer: object, key: str, value: str) -> tuple[str, str] | None:
    """Read an answer of ``/channels`` to a question for one: slug and id of its owner, None where there is none.

    Raises:
        Garbage: It is no such answer.
    """
    items = _items_of(answer)
    for item in items:
        id_ = next((one for path in OWNER_IDS if (one := identity(_at(item, *path)))), None)
        slug = _at(item, "slug") or _at(item, "channel", "slug")
        slug = slug.lower() if isinstance(slug, str) else ""
        if id_ and SLUG.fullmatch(slug) and (slug if key == "slug" else id_) == value:
            return slug, id_
    if items:
        raise Garbage("Kick's answer names another account than was asked for.")
    return None


def _names(answer: object, id_: str) -> bool:
    """Tell whether an answer to a question for one account holds it.

    Raises:
        Garbage: It holds another, or is no such answer.
    """
    items = _items_of(answer)
    ids = {identity(_at(item, *path)) for item in items for path in (*OWNER_IDS, ("id",))}
    if items and id_ not in ids:
        raise Garbage("Kick's answer names another account than was asked for.")
    return bool(items)


def livestreams_in(answer: object, owners: Mapping[str, str]) -> Listed:
    """Read an answer of ``/users/livestreams`` to a question for these accounts (the slug of each by its id).

    Raises:
        Garbage: It is no such answer.
    """
    listed = Listed()
    ids = {slug: id_ for id_, slug in owners.items()}
    for item in _items_of(answer):
        owner = _owner(item, owners, ids) if isinstance(item, dict) else None
        if owner is None or not isinstance(item, dict):
            listed.complete = False
            continue
        started_at = moment(item.get("started_at"))
        session = identity(item.get("id"))
        if session is None and started_at is not None:
            session = f"{owner}@{started_at // SECOND}"
        if session is None:
            listed.faulty.add(owner)
            continue
        reading = _reading(session, item, slug=owners[owner], started_at=started_at)
        listed.streams.setdefault(owner, {}).setdefault(session, reading)
    return listed


def _owner(item: Mapping[str, object], owners: Mapping[str, str], ids: Mapping[str, str]) -> str | None:
    """Tell whose stream it is: by the id, or the slug where there is no id that was asked for."""
    for path in OWNER_IDS:
        id_ = identity(_at(item, *path))
        if id_ in owners:
            return id_
    for slug in (_at(item, "channel", "slug"), item.get("slug")):
        if isinstance(slug, str) and slug.lower() in ids:
            return ids[slug.lower()]
    return None


def _reading(session: str, item: Mapping[str, object], *, slug: str, started_at: int | None) -> Reading:
    told = _at(item, "channel", "slug") or item.get("slug")
    slug = told if isinstance(told, str) and SLUG.fullmatch(told) else slug
    viewers = figure(item.get("viewer_count"))
    reason = HIDDEN if viewers == 0 else None if viewers else "Kick gives no number of viewers."
    return Reading(
        session=session,
        title=words(item.get("title")) or words(item.get("stream_title")),
        hosts=(words(_at(item, "broadcaster_user", "username")) or slug,),
        url=link_to(slug),
        concurrent=viewers or None,
        reason=reason,
        started_at=started_at,
    )
