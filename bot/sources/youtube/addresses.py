"""Addresses of YouTube: handles, channels' ids, videos, and the pages that show one of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from bot.domain.sentence import N_, Sentence
from bot.ports.source import BadAddress, SourceError
from bot.sources.web import parse_url

HOSTS = frozenset(
    {
        *("youtube.com", "www.youtube.com", "m.youtube.com", "music.youtube.com", "studio.youtube.com"),
        *("youtu.be", "www.youtu.be", "youtube-nocookie.com", "www.youtube-nocookie.com"),
    }
)
#: Pages of one video: ``/live/<id>`` and the like.
VIDEO_PAGES = frozenset({"live", "shorts", "embed", "v", "e", "video", "watch"})
VIDEO_ID = re.compile(r"[A-Za-z0-9_-]{11}")
CHANNEL_ID = re.compile(r"UC[A-Za-z0-9_-]{22}")
#: Handles may be of any script (https://support.google.com/youtube/answer/11585688), so only what no handle holds
#: is ruled out.
HANDLE = re.compile(r"[^\s/?#&@:,;<>()\[\]{}\"'`\\|%*=+!$^~\x00-\x1f\x7f]{1,100}")

HOW_TO = N_("paste the link of the channel that has its @handle in it, like https://www.youtube.com/@NASA")


@dataclass(frozen=True, slots=True)
class Target:
    """What an address names; handles and names in lower case.

    Attributes:
        bare: It was typed without a sign of what it is, and may be a handle all the same.
    """

    kind: Literal["video", "channel", "handle", "user"]
    value: str
    bare: bool = False

    @property
    def key(self) -> str:
        """What it is remembered by; no handle has a slash in it."""
        return f"user/{self.value}" if self.kind == "user" else self.value


def parse(reference: str) -> Target:
    """Take an address apart: a handle, an id, or any usual page of YouTube.

    Raises:
        BadAddress: It is none of them, or one that the API cannot look up.
    """
    text = reference.strip().strip("<>")
    page = page_of(text)
    if page is not None:
        return _target_of(*page)
    if CHANNEL_ID.fullmatch(text):
        return Target("channel", text)
    if VIDEO_ID.fullmatch(text):
        return Target("video", text, bare=True)
    handle = text.removeprefix("@")
    if not HANDLE.fullmatch(handle):
        raise BadAddress(N_("This is no channel or video of YouTube; {how_to}"), how_to=Sentence(HOW_TO))
    return Target("handle", handle.lower())


def parsed(reference: str) -> Target | SourceError:
    try:
        return parse(reference)
    except SourceError as error:
        return error


def page_of(text: str) -> tuple[list[str], Mapping[str, str]] | None:
    """Return path and query of a page of YouTube, None for anything else."""
    text = text.strip()
    if "://" not in text and text.partition("/")[0].lower() in HOSTS:
        text = f"https://{text}"
    try:
        url = parse_url(text)
    except BadAddress:
        return None
    if url.host not in HOSTS:
        return None
    parts = [part for part in url.path.split("/") if part]
    return (["live", *parts] if url.host.endswith("youtu.be") else parts), url.query


def _target_of(parts: Sequence[str], query: Mapping[str, str]) -> Target:
    """Find out what a page shows."""
    first, second = [*parts, "", ""][:2]
    if first.startswith("@") and HANDLE.fullmatch(first[1:]):
        return Target("handle", first[1:].lower())
    if first == "embed" and second == "live_stream":
        first, second = "channel", query.get("channel", "")
    if first == "channel" and CHANNEL_ID.fullmatch(second):
        return Target("channel", second)
    if first == "user" and HANDLE.fullmatch(second):
        return Target("user", second.lower())
    video = query.get("v", second) if first == "watch" else second
    if first in VIDEO_PAGES and VIDEO_ID.fullmatch(video):
        return Target("video", video)
    if first == "playlist":
        raise BadAddress(N_("A playlist is never on the air, a channel is; {how_to}"), how_to=Sentence(HOW_TO))
    if first == "c" or (parts and len(parts) == 1 and first not in VIDEO_PAGES):
        raise BadAddress(
            N_("YouTube lets no program look up this old form of link. Open the channel and {how_to}"),
            how_to=Sentence(HOW_TO),
        )
    raise BadAddress(
        N_("This page of YouTube is neither a channel nor a video; {how_to}"), how_to=Sentence(HOW_TO)
    )


def ids_of(known: Iterable[str]) -> list[str]:
    return [id_ for id_ in known if VIDEO_ID.fullmatch(id_)]
