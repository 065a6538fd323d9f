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

from bot.domain import SECOND
from bot.domain.reading import Reading
from bot.domain.sentence import N_
from bot.ports.purse import Purse
from bot.ports.source import Ask, Description, Garbage, SourceError, Told
from bot.sources.accounts import SOON, Accounts, State, figure, identity, moment, words
from bot.sources.follow import Listed, by_name, follow, parts_of
from bot.sources.handles import Handle, Site
from bot.sources.kit import Kit
from bot.sources.oauth import Application, Platform
from bot.sources.web import Page, once_each

#: Accounts that one call takes.
MOST = 100
#: Parts of a refused question that are searched at a time for the account at fault.
MOST_PARTS = 8
SLUG = re.compile(r"[a-z0-9_-]{1,64}")
SITE = Site(
    platform="Kick",
    name=SLUG,
    address=re.compile(r"(https?://)?([\w-]+\.)?kick\.com(/|$)", re.IGNORECASE | re.ASCII),
    hosts=frozenset({"kick.com", "www.kick.com", "m.kick.com", "player.kick.com", "dashboard.kick.com"}),
    frames=frozenset({"popout", "embed", "u"}),
    pages=frozenset({
        *("video", "videos", "clips", "browse", "category", "categories", "following", "search", "settings"),
        *("about", "terms-of-service", "privacy-policy", "community-guidelines", "dashboard", "login", "signup"),
        "api",
    }),
    # Translators: what became of an account, as in "it was renamed, deleted or banned"
    shut_out=N_("banned"),
    example="kick:xqc",
)  # fmt: skip
HIDDEN = "Kick shows 0 viewers of a live stream where the streamer hides the number."
REFUSED = N_("Kick refuses the question (HTTP 400).")
HIDES = N_("The streamer hides the number of viewers now, and then there is none to tell.")
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


class Kick:
    """The source ``kick:``."""

    platform = "kick"
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

    def recognises(self, url: str) -> str | None:
        """Recognise Kick's addresses; what names no account is refused when it is described."""
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
            SourceError: Among others where Kick has no such account.
        """
        handle = SITE.read(reference)
        self._application.needs_keys()
        with self._application.counted(now):
            slug, id_ = await self._found(handle, now)
            try:
                live = (await self._listed({id_: slug}))[0].told(id_)
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
                account=id_,
            )

    async def read(self, asks: Sequence[Ask], now: int) -> list[Told]:
        """Ask for a hundred accounts a call, each once."""
        if not asks:
            return []
        self._application.needs_keys()
        with self._application.counted(now):
            return await follow(
                asks,
                now,
                site=SITE,
                find=lambda names: self._accounts.found(names, self._ids, now),
                look=lambda owners: self._look(owners, now),
            )

    async def check(self) -> str | None:
        """Try the keys, where there are any."""
        return await self._application.check()

    async def close(self) -> None:
        """Hold nothing open: the client is shared."""

    async def _found(self, handle: Handle, now: int) -> tuple[str, str]:
        """Find an account by its id or its slug, or by one that it had when the bot first met it.

        Returns:
            Its slug and id.

        Raises:
            BadAddress: There is none.
        """
        account, found = handle.account, None
        if account is None:
            # A name written with _ has a - in its address.
            for slug in dict.fromkeys((handle.name, handle.name.replace("_", "-"))):
                found = found or await self._channel("slug", slug)
            if found is None:
                account = (await self._accounts.ids([handle.name])).get(handle.name)
        if account is not None:
            found = await self._channel("broadcaster_user_id", account)
        if found is None:
            raise SITE.unknown(handle.name)
        slug, id_ = found
        met = {slug} if handle.account else {slug, handle.name}
        await self._accounts.met(dict.fromkeys(met, id_), now)
        return slug, id_

    async def _ids(self, slugs: Sequence[str]) -> dict[str, str | SourceError]:
        """Look up who has these slugs now; each costs a call."""

        async def fetch(slug: str) -> str:
            found = await self._channel("slug", slug)
            if found is None:
                raise SITE.nobody(slug)
            return found[1]

        return await once_each(slugs, fetch)

    async def _channel(self, key: str, value: str) -> tuple[str, str] | None:
        """Look one account up (https://docs.kick.com/apis/channels); return slug and id, None: Kick has none."""
        page = await self._application.get("/public/v1/channels", {key: value})
        answer = page.json(ok=ANSWERS)  # what is no JSON is not Kick's word
        return channel_in(answer, key, value) if page.status == 200 else None

    async def _look(self, owners: Mapping[str, str], now: int) -> tuple[Listed, set[str]]:
        """Ask what these accounts stream now, except for those that are not to be asked for yet.

        Returns:
            That, and which accounts are gone.
        """
        standings = await self._accounts.standings(owners)
        apart = {id_ for id_, one in standings.items() if one.state is not State.KNOWN and not one.is_due(now)}
        listed, refused, left = await self._listed({id_: owners[id_] for id_ in owners if id_ not in apart})
        named = listed.named
        barred = {id_ for id_ in apart if standings[id_].state is State.BARRED}
        listed.wrong |= dict.fromkeys(refused | left | barred, REFUSED)
        await self._accounts.seen(named, standings, now)
        gone = {id_ for id_ in owners if standings[id_].state is State.GONE} - named
        alone = len(owners) - len(apart) == 1
        quiet = [id_ for id_ in owners if id_ not in named | apart | refused and standings[id_].is_due(now)]
        # One look a reading: after a long pause all are due at once, and each costs calls.
        for id_ in [*sorted(refused), *quiet[:1]]:
            try:
                there = await self._exists(id_, by_refusals=id_ in refused and not alone)
            except SourceError:
                state = State.BARRED if id_ in refused else standings[id_].state
                await self._accounts.note({id_: state}, now, term=SOON)
                continue
            state = (State.BARRED if id_ in refused else State.KNOWN) if there else State.GONE
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
            raise Garbage(REFUSED)
        return False

    async def _listed(self, owners: Mapping[str, str]) -> tuple[Listed, set[str], set[str]]:
        """Ask what these accounts stream now.

        A question that Kick refuses (400) is cut in halves, and these again, until it is known for which accounts
        it does; what is not found so far is left for the next reading.

        Returns:
            What Kick says; the accounts for which it refuses the question; those that were asked for together with
            such ones, and not yet by themselves.

        Raises:
            Garbage: Kick refuses the question whatever is asked for.
        """
        listed, refused, left = Listed(SITE.platform), set[str](), set[str]()
        parts = parts_of(owners, MOST)
        answered = False
        while parts:
            pages = await asyncio.gather(*map(self._livestreams, parts))
            split: list[list[str]] = []
            for part, page in zip(parts, pages, strict=True):
                if page.status != 400:
                    answered = True
                    listed.add(livestreams_in(page.json(), {id_: owners[id_] for id_ in part}))
                elif len(part) == 1:
                    refused.add(part[0])
                else:
                    split += _halves(part)
            parts = split[:MOST_PARTS]
            left |= {id_ for part in split[MOST_PARTS:] for id_ in part}
        if len(owners) > 1 and not answered:
            raise Garbage(REFUSED)
        return listed, refused, left

    async def _livestreams(self, ids: Sequence[str]) -> Page:
        return await self._application.get("/public/v1/users/livestreams", [("user_id", id_) for id_ in ids])


def link_to(slug: str) -> str:
    """Return the address of an account, for people."""
    return f"https://kick.com/{slug}"


def _halves(part: list[str]) -> tuple[list[str], list[str]]:
    middle = len(part) // 2
    return part[:middle], part[middle:]


def _items_of(answer: object) -> list[object]:
    """Return what an answer lists; one thing may stand without a list around it."""
    data = answer.get("data") if isinstance(answer, dict) else None
    if isinstance(data, dict) and data:
        return [data]
    if not isinstance(data, list):
        raise Garbage(N_("Kick's answer holds no data."))
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
        raise Garbage(N_("Kick's answer names another account than was asked for."))
    return None


def _names(answer: object, id_: str) -> bool:
    """Tell whether an answer to a question for one account holds it.

    Raises:
        Garbage: It holds another, or is no such answer.
    """
    items = _items_of(answer)
    ids = {identity(_at(item, *path)) for item in items for path in (*OWNER_IDS, ("id",))}
    if items and id_ not in ids:
        raise Garbage(N_("Kick's answer names another account than was asked for."))
    return bool(items)


def livestreams_in(answer: object, owners: Mapping[str, str]) -> Listed:
    """Read an answer of ``/users/livestreams`` to a question for these accounts (the slug of each by its id).

    Raises:
        Garbage: It is no such answer.
    """
    listed = Listed(SITE.platform)
    ids = by_name(owners)
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
            listed.wrong[owner] = "Kick lists the stream without an id and a start."
            continue
        reading = _reading(session, item, slug=owners[owner], started_at=started_at)
        listed.streams.setdefault(owner, {}).setdefault(session, reading)
    return listed


def _owner(item: Mapping[str, object], owners: Mapping[str, str], ids: Mapping[str, str]) -> str | None:
    """Tell whose stream it is: by the id, or the slug where there is no id at all."""
    ids_told = [one for path in OWNER_IDS if (one := identity(_at(item, *path)))]
    if ids_told:
        return next((id_ for id_ in ids_told if id_ in owners), None)
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
