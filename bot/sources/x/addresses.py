"""Addresses of X: accounts by their handles, and single Spaces."""

from __future__ import annotations

import re
from dataclasses import dataclass

from bot.domain.sentence import N_
from bot.ports.source import BadAddress, SourceError
from bot.sources.web import parse_url

HOSTS = frozenset({"x.com", "twitter.com"})
SHORT_HOST = "t.co"
HANDLE = re.compile(r"\w{1,15}", re.ASCII)
#: What X takes for an id, and what its ids look like: 13 signs, a 1 first. A handle that looks so needs its @.
SPACE_ID = re.compile(r"[a-zA-Z0-9]{1,13}")
LIKE_A_SPACE = re.compile(r"1[a-zA-Z0-9]{12}")
WITHOUT_SCHEME = re.compile(r"((www|mobile|m)\.)?(x|twitter)\.com/|t\.co/", re.IGNORECASE)
#: Pages of X that are no account's.
NOT_ACCOUNTS = frozenset(
    {"compose", "download", "explore", "hashtag", "home", "i", "intent", "jobs", "login", "messages"}
    | {"notifications", "privacy", "search", "settings", "share", "signup", "tos"}
)


@dataclass(frozen=True, slots=True)
class Target:
    """What an address means: an account by its handle in lower case, or one Space."""

    handle: str | None = None
    space: str | None = None

    @property
    def reference(self) -> str:
        """The address in its one spelling."""
        return f"@{self.handle}" if self.handle else self.space or ""


def tried(reference: str) -> Target | SourceError:
    """Take an address apart, or return why it is none."""
    try:
        return parse(reference)
    except SourceError as error:
        return error


def parse(reference: str) -> Target:
    """Take an address apart.

    Raises:
        BadAddress: It is neither an account's nor a Space's.
    """
    text = reference.strip()
    parts = path_of(text)
    if parts == []:
        raise BadAddress(N_("Open the link, and send the address that it leads to."))
    if parts is None:
        handle = text.removeprefix("@")
        if text == handle and LIKE_A_SPACE.fullmatch(text):
            return Target(space=text)
        if HANDLE.fullmatch(handle):
            return Target(handle=handle.lower())
        raise BadAddress(
            N_(
                "Write an account of X, as in x:@handle, or the link of a Space, as in "
                "https://x.com/i/spaces/1vOGwAbcdEFGB"
            )
        )
    match parts:
        case ["i", "spaces", id_, *_] if SPACE_ID.fullmatch(id_):
            return Target(space=id_)
        case ["i", "broadcasts" | "events", *_]:
            raise BadAddress(
                N_("X tells no program how many watch a video broadcast; only Spaces can be watched.")
            )
        case [handle, *_] if HANDLE.fullmatch(handle.removeprefix("@")) and handle.lower() not in NOT_ACCOUNTS:
            return Target(handle=handle.removeprefix("@").lower())
    raise BadAddress(N_("This page of X is neither a profile nor a Space; write for example x:@handle"))


def path_of(url: str) -> list[str] | None:
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
