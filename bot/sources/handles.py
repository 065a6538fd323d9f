"""How the accounts of a platform are written: by their names, or by the addresses of their pages.

The reference of a watch is the account's name. Where that has come to mean somebody else it is ``name~id``: the id
says who is meant, and the name is only for people.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from yarl import URL

from bot.domain.sentence import N_, Sentence
from bot.ports.source import AccountGone, BadAddress
from bot.sources.web import parse_url

#: Stands between a name and the id of the account that is meant by it; no name holds one.
MARK = "~"
ID = re.compile(r"\d{1,20}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Handle:
    """An account as a reference names it; without an id it is whoever has the name."""

    name: str
    account: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """How a platform writes its accounts.

    Attributes:
        platform: As people write it.
        name: What a name looks like, in small letters.
        address: What all its addresses begin with.
        hosts: Those whose paths begin with an account.
        players: Those that name the account as ``channel`` behind the ``?``.
        frames: What may stand before the account in a path.
        pages: Pages of the platform itself.
        shut_out: What the platform calls an account that it has shut: a message id of the catalogs.
        example: An address that works.
    """

    platform: str
    name: re.Pattern[str]
    address: re.Pattern[str]
    hosts: frozenset[str]
    players: frozenset[str] = frozenset()
    frames: frozenset[str]
    pages: frozenset[str]
    shut_out: str
    example: str

    def recognises(self, url: str) -> str | None:
        """Return the name in an address of the platform's, the address itself if there is none; else None."""
        text = url.strip()
        if not self.address.match(text):
            return None
        try:
            return self.read(text).name
        except BadAddress:
            return text

    def named(self, text: str) -> str | None:
        """Return the name of an account as a bare word may mean it, or None."""
        name = text.removeprefix("@").lower()
        return name if self.name.fullmatch(name) else None

    def read(self, reference: str) -> Handle:
        """Read the name of an account: as such, with @, as ``name~id``, or in an address of the platform's.

        Raises:
            BadAddress: It is none.
        """
        text = reference.strip()
        if self.address.match(text):
            text = self._name_in(parse_url(text if "://" in text else f"https://{text}")) or ""
        name, mark, account = text.removeprefix("@").lower().partition(MARK)
        if not self.name.fullmatch(name) or (mark and not ID.fullmatch(account)):
            raise BadAddress(
                N_(
                    "That is no account on {platform}. Type its name as it stands in the address of its "
                    "page, like {example}"
                ),
                platform=self.platform,
                example=self.example,
            )
        return Handle(name, account or None)

    def unknown(self, name: str) -> BadAddress:
        """Say that nobody is called so."""
        return BadAddress(
            N_(
                "{platform} has no account {name}: perhaps it is misspelled, was renamed, or is "
                "{shut_out}. Type it as in the address of its page, like {example}"
            ),
            platform=self.platform,
            name=name,
            shut_out=Sentence(self.shut_out),
            example=self.example,
        )

    def nobody(self, name: str) -> AccountGone:
        """Say that nobody is called so any more."""
        return AccountGone(
            N_("{platform} no longer has the account {name}: it was renamed, deleted or {shut_out}."),
            platform=self.platform,
            name=name,
            shut_out=Sentence(self.shut_out),
        )

    def gone(self, name: str) -> AccountGone:
        """Say that an account is no more whose id is known, so that a new name would not have hidden it."""
        return AccountGone(
            N_("{platform} no longer has the account {name}: it was deleted or {shut_out}."),
            platform=self.platform,
            name=name,
            shut_out=Sentence(self.shut_out),
        )

    def _name_in(self, url: URL) -> str | None:
        """Return what stands for an account in an address of the platform's, or None."""
        if url.host in self.players:
            return url.query.get("channel")
        if url.host not in self.hosts:
            return None
        parts = [part for part in url.path.split("/") if part]
        if parts and parts[0].lower() in self.frames:
            del parts[0]
        return parts[0] if parts and parts[0].lower() not in self.pages else None
