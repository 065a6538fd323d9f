"""YouTube Live: ``youtube:@handle``, ``youtube:UC...`` (a channel's id), ``youtube:<video id>``.

https://developers.google.com/youtube/v3/docs

Every call costs one of the project's 10,000 units a day, so this file is about asking little:

- a channel is looked up once (``channels.list``) and remembered;
- its newest uploads (``playlistItems.list``, one channel a call) are looked at while nothing of it is live, every
  ten minutes at most, and less often where many channels share what is left of the day;
- everything that is live, due, or new among the uploads, of all watches together, goes into ``videos.list`` calls
  of 50 ids. What was seen to be an ordinary or a finished video is never asked again.

``search.list`` is never used: it has 100 calls a day, and lags.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, Literal
from zoneinfo import ZoneInfo

from bot.domain import DAY, HOUR, MINUTE, SECOND
from bot.domain.reading import Answer, Reading, State, is_figure, plain
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
from bot.sources.web import Page, once_each, parse_url, wait_of

API = "https://www.googleapis.com/youtube/v3"
DAILY_UNITS = 10_000
#: Ids that one call of ``videos.list`` takes.
MOST_IDS = 50
#: Uploads of a channel that are looked at; a call costs the same whatever it brings.
NEWEST = 10
#: Where YouTube's day of units begins: https://developers.google.com/youtube/v3/getting-started#quota
ZONE = ZoneInfo("America/Los_Angeles")

#: Between looks at a channel's uploads while nothing of it is live.
LOOK_EVERY = 10 * MINUTE
#: The same after something of it ended, for as long as it may be back as the same session.
LOOK_AGAIN_EVERY, BACK_WITHIN = 2 * MINUTE, 6 * MINUTE
#: The same while something of it is live: a channel that always is may go live with something else, too.
LOOK_ASIDE_EVERY = HOUR
#: The part of the units left today that looks may use up; the rest is for what is live.
SHARE_OF_LOOKS = 0.4
#: What is announced is asked about in every interval from so long before its time until so long after it.
DUE_BEFORE, DUE_AFTER = 5 * MINUTE, 30 * MINUTE
#: What is further off than this, or was due longer ago, is asked about once in ANNOUNCED_EVERY[1].
NEAR, FORGOTTEN = 6 * HOUR, DAY
ANNOUNCED_EVERY = 10 * MINUTE, HOUR
#: A video that an answer leaves out is asked about for so long yet: answers have been seen to flicker.
FLICKER = 10 * MINUTE
#: What was not there is asked about again after this.
GONE_EVERY = HOUR
#: For so long the pipeline is told of an end as often as it asks, so that it can close the session.
CLOSING = HOUR
#: A watch of one video is given up at last after this, whatever the pipeline still expects of it.
GIVE_UP = DAY
#: Videos and channels that are kept in mind.
MOST_KEPT = 20_000
#: How far back a channel that was asked about counts as one that shares the day's units.
COUNTED = 6 * HOUR

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
PLAYLIST_ID = re.compile(r"[A-Za-z0-9_-]{12,64}")
#: Handles may be of any script (https://support.google.com/youtube/answer/11585688), so only what no handle holds
#: is ruled out.
HANDLE = re.compile(r"[^\s/?#&@:,;<>()\[\]{}\"'`\\|%*=+!$^~\x00-\x1f\x7f]{1,100}")
LONGEST_WORDS = 300
LONGEST_NUMERAL = 20
HANDLES, CHANNELS = "youtube handle", "youtube channel"

#: Reasons that a refusal gives: https://developers.google.com/youtube/v3/docs/errors, and what Google's services
#: share (https://cloud.google.com/apis/design/errors); the exact bodies are not documented.
SPENT = frozenset({"quotaExceeded", "dailyLimitExceeded", "dailyLimitExceededUnreg"})
TOO_FAST = frozenset({"rateLimitExceeded", "userRateLimitExceeded", "RATE_LIMIT_EXCEEDED"})
NOT_THERE = frozenset(
    {
        *("playlistNotFound", "playlistItemsNotAccessible", "channelNotFound", "videoNotFound", "notFound"),
        *("channelClosed", "channelSuspended", "channelForbidden"),
    }
)
KEY_WORDS = re.compile(r"api[ _]?key|keyInvalid|keyExpired", re.IGNORECASE)

HOW_TO = "paste the link of the channel that has its @handle in it, like https://www.youtube.com/@NASA"
HIDDEN = "YouTube shows no number of viewers: the creator hides it, or nobody is watching."
ABSURD = "What YouTube gives as the number of viewers is no number."
NOTE = "YouTube does not tell a hidden number of viewers from nobody watching: both are unknown here."
NOTE_CHANNEL = f"A broadcast is found within some {LOOK_EVERY // MINUTE} minutes of its start. {NOTE}"


class _Missing(SourceError):
    """YouTube has no such thing."""


class _Spent(RateLimited):
    """The day's units are used up."""


class _KeyRefused(Denied):
    """YouTube does not take the bot's key: that concerns every watch."""


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


class Found(Enum):
    """What YouTube said of a video."""

    LIVE = "live"
    SCHEDULED = "scheduled"
    ENDED = "ended"
    #: It was never a broadcast.
    ORDINARY = "ordinary"
    #: It is not there: deleted or private.
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Video:
    """What an answer says of one video.

    Attributes:
        sure: It cannot become anything else.
    """

    found: Found
    reading: Reading | None = None
    channel: str | None = None
    sure: bool = False


@dataclass(frozen=True, slots=True)
class Seen:
    """What is kept in mind of a video.

    Attributes:
        asked_at: When YouTube said so last.
        since: When it said so first, without anything else between.
        was_live: It has been seen live before.
    """

    video: Video
    asked_at: int
    since: int
    was_live: bool

    @property
    def found(self) -> Found:
        """What it was."""
        return self.video.found


@dataclass(slots=True)
class Look:
    """What is kept in mind of a channel.

    Attributes:
        at: When its uploads were read last, None if never.
        ids: The newest of them.
        asked_at: When a watch of it was read last.
        live: Whether something of it was live then, so that no looks are due.
        checked_at: When a channel without a playlist of uploads was last seen to be there.
    """

    at: int | None = None
    ids: tuple[str, ...] = ()
    asked_at: int = 0
    live: bool = False
    checked_at: int | None = None


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel as ``channels.list`` shows it."""

    id: str
    uploads: str
    title: str | None = None
    handle: str | None = None


#: The same error for each of the ids that it concerns.
Errors = Mapping[str, SourceError]


class YouTube:
    """The source ``youtube:``."""

    platform = "youtube"
    public = True
    #: More than one call's ids: the fewer reads, the fewer calls that are not full.
    batch = 200
    ids_a_call = MOST_IDS
    for_operators = False
    example = "youtube:@NASA"
    purse: Purse | None

    def __init__(self, kit: Kit) -> None:
        self._kit = kit
        self._api = kit.address("YOUTUBE_API_URL", API)
        units = _units(kit.settings.get("YOUTUBE_DAILY_UNITS", ""))
        self._purse = Purse(unit="units", limit=DAILY_UNITS if units is None else units, day_of=day_of)
        self.purse = self._purse
        self._seen: dict[str, Seen] = {}
        self._looks: dict[str, Look] = {}
        #: Handles and channels that were not there, and when.
        self._gone: dict[str, int] = {}

    def recognises(self, url: str) -> str | None:
        """Recognise every page of YouTube; which of them can be watched, ``describe`` says."""
        return url.strip() if _page_of(url) else None

    async def describe(self, reference: str, now: int) -> Description:
        """Ask YouTube for the channel or the video.

        Raises:
            SourceError: Among others for a broadcast that is over.
        """
        target = parse(reference)
        self._kit.needs("YouTube", "YOUTUBE_API_KEY")
        if target.kind == "video":
            video = (await self._ask_videos([target.value], now)).get(target.value)
            if video is None:
                raise Garbage("YouTube's answer is damaged where this video should be.")
            if video.found is not Found.GONE:
                return self._described_video(target.value, video)
            if not target.bare:
                raise BadAddress(
                    f"YouTube has no video {target.value} for everybody to see: deleted, private or mistyped. To "
                    "watch all that a channel sends, write youtube:@ and its handle."
                )
            target = Target("handle", target.value.lower())
        return await self._described_channel(target, now)

    async def read(self, asks: Sequence[Ask], now: int) -> list[Told]:
        """Look at the channels that are due, then ask about all videos of all watches together."""
        self._kit.needs("YouTube", "YOUTUBE_API_KEY")
        targets = [_parsed(ask.reference) for ask in asks]
        channels = await self._channels([one for one in targets if isinstance(one, Target)], now)
        found = [channels.get(one, one) if isinstance(one, Target) else one for one in targets]
        known: dict[str, list[str]] = {}
        for ask, one in zip(asks, found, strict=True):
            if isinstance(one, Channel):
                known.setdefault(one.id, []).extend(_ids(ask.known))
        looks = await self._look_where_due({c.id: c for c in found if isinstance(c, Channel)}, known, now)
        wanted = [one.value for one in found if isinstance(one, Target)]
        for channel, ids in known.items():
            wanted += [*ids, *self._looks[channel].ids]
        announced = frozenset(id_ for ask in asks for id_ in ask.known)
        errors, asked = await self._refresh(dict.fromkeys(wanted), announced, now)

        told = []
        for ask, one in zip(asks, found, strict=True):
            match one:
                case Channel():
                    told.append(self._tell_channel(ask, one.id, looks.get(one.id), errors, asked, now))
                case Target():
                    told.append(self._tell_video(ask, one.value, errors, asked, now))
                case _:
                    told.append(_failed(one, now))
        self._forget()
        everything = [*errors.values(), *looks.values(), *(one for one in found if isinstance(one, SourceError))]
        for error in everything:
            # Nothing came of it, and nothing would have come of any other question.
            if isinstance(error, RateLimited | _KeyRefused) and not _any_answers(told):
                raise error
        return told

    async def check(self) -> str | None:
        """Try the key on a channel that is there, Google's own, for one unit."""
        units = self._kit.settings.get("YOUTUBE_DAILY_UNITS")
        if units and _units(units) is None:
            return "YOUTUBE_DAILY_UNITS is no number; write for example YOUTUBE_DAILY_UNITS=10000"
        if not self._kit.settings.get("YOUTUBE_API_KEY"):
            return None
        try:
            await self._get("channels", time.time_ns() // 1_000_000, part="id", id="UC_x5XG1OV2P6uZZ5FSM9Ttw")
        except SourceError as error:
            return str(error)
        return None

    async def close(self) -> None:
        """Hold nothing open: the client is shared."""

    # --- describing ---------------------------------------------------------------------------------------

    def _described_video(self, id_: str, video: Video) -> Description:
        reading = video.reading
        if video.found not in {Found.LIVE, Found.SCHEDULED} or reading is None:
            what = "This broadcast is over" if video.found is Found.ENDED else "This video is no broadcast"
            rather = f"watch its channel: youtube:{video.channel}" if video.channel else HOW_TO
            raise BadAddress(f"{what}. To hear of the next one, {rather}")
        return Description(
            reference=id_,
            name=reading.title or id_,
            unit="viewers",
            live_now=video.found is Found.LIVE,
            url=reading.url,
            note=NOTE,
            cost=self._cost(looks=0),
        )

    async def _described_channel(self, target: Target, now: int) -> Description:
        channel = await self._look_up(target, now)
        if channel is None:
            shown = f"@{target.value}" if target.kind == "handle" else target.value
            raise BadAddress(
                f"YouTube knows no channel {shown}: mistyped, renamed or deleted. Open it and {HOW_TO}"
            )
        reference = await self._settled(channel, target)
        try:
            ids = await self._uploads(channel.uploads, now)
        except _Missing:  # nothing was ever uploaded
            ids = ()
        videos = await self._ask_videos(ids, now) if ids else {}
        return Description(
            reference=reference,
            name=channel.title or reference,
            unit="viewers",
            live_now=any(one.found is Found.LIVE for one in videos.values()),
            url=f"https://www.youtube.com/{reference if reference.startswith('@') else f'channel/{channel.id}'}",
            note=NOTE_CHANNEL,
            cost=self._cost(looks=DAY // LOOK_ASIDE_EVERY),
        )

    def _cost(self, *, looks: int) -> Cost:
        """Say what a watch costs that is live all day, and shares its calls with no other."""
        try:
            interval = float(self._kit.settings.get("POLL_INTERVAL_SECONDS", "60")) * SECOND
        except ValueError:
            interval = MINUTE
        return Cost(amount=round(DAY / max(interval, SECOND)) + looks, unit="units", limit=self._purse.limit)

    async def _settled(self, channel: Channel, target: Target) -> str:
        """Keep what was described, and return the address in its one spelling: by handle, if that is its own.

        A handle that is remembered for another channel goes on meaning that one: those who watch it do so by
        the channel's id, and its handle may have been given to somebody else since.
        """
        await self._kit.memory.put(CHANNELS, {channel.id: channel.uploads})
        handle = channel.handle or (target.value if target.kind == "handle" else None)
        if handle is None:
            return channel.id
        owner = (await self._kit.memory.get(HANDLES, [handle])).get(handle, channel.id)
        if owner != channel.id:
            return channel.id
        await self._kit.memory.put(HANDLES, {handle: channel.id})
        self._gone.pop(handle, None)
        self._gone.pop(channel.id, None)
        return f"@{handle}"

    # --- channels -----------------------------------------------------------------------------------------

    async def _channels(self, targets: Iterable[Target], now: int) -> dict[Target, Channel | SourceError]:
        """Find the channels that addresses name, from memory if they are there."""
        wanted = {one for one in targets if one.kind != "video"}
        names = await self._kit.memory.get(HANDLES, [one.key for one in wanted if one.kind != "channel"])
        ids = {one: names.get(one.key, one.value) for one in wanted}
        uploads = await self._kit.memory.get(CHANNELS, [id_ for id_ in ids.values() if CHANNEL_ID.fullmatch(id_)])

        async def find(target: Target) -> Channel:
            id_ = ids[target]
            if id_ in uploads:
                return Channel(id_, uploads[id_])
            if self._gone_lately(target.key, now):
                raise _gone(target)
            by = Target("channel", id_) if CHANNEL_ID.fullmatch(id_) else target
            channel = await self._look_up(by, now)
            if channel is None:
                self._gone[target.key] = now
                raise _gone(target)
            await self._kit.memory.put(CHANNELS, {channel.id: channel.uploads})
            if target.kind != "channel":
                await self._kit.memory.put(HANDLES, {target.key: channel.id})
            return channel

        return await once_each(wanted, find)

    async def _look_up(self, target: Target, now: int) -> Channel | None:
        """Ask for a channel; None if YouTube knows none.

        ``forUsername`` knows the old names of ``/user/`` links; nothing knows those of ``/c/``.
        """
        by = {"handle": "forHandle", "user": "forUsername", "channel": "id"}[target.kind]
        value = f"@{target.value}" if target.kind == "handle" else target.value
        try:
            data = await self._get("channels", now, part="snippet,contentDetails", **{by: value})
        except _Missing:
            return None
        return channel_of(data)

    async def _look_where_due(
        self, channels: Mapping[str, Channel], known: Mapping[str, Sequence[str]], now: int
    ) -> dict[str, SourceError | None]:
        """Read the uploads of those channels whose time it is; return what went wrong, None if nothing did."""
        for id_ in channels:
            self._looks.setdefault(id_, Look()).asked_at = now
        due = [id_ for id_ in channels if self._next_look(self._looks[id_], known[id_], now) <= now]

        async def look(id_: str) -> None:
            if self._gone_lately(id_, now):
                raise _gone(Target("channel", id_))
            self._looks[id_].ids = await self._newest(channels[id_], now)
            self._looks[id_].at = now

        looked = await once_each(due, look)
        return {id_: error if isinstance(error, SourceError) else None for id_, error in looked.items()}

    async def _newest(self, channel: Channel, now: int) -> tuple[str, ...]:
        """Read a channel's newest uploads.

        A channel without any has no playlist of them, and neither has one that is gone: that is asked about
        seldom.

        Raises:
            AccountGone: YouTube does not know the channel any more.
        """
        look = self._looks[channel.id]
        try:
            return await self._uploads(channel.uploads, now)
        except _Missing:
            if look.checked_at is None or now - look.checked_at >= NEAR:
                if await self._look_up(Target("channel", channel.id), now) is None:
                    self._gone[channel.id] = now
                    raise _gone(Target("channel", channel.id)) from None
                look.checked_at = now
            return ()

    async def _uploads(self, playlist: str, now: int) -> tuple[str, ...]:
        data = await self._get(
            "playlistItems", now, part="contentDetails", playlistId=playlist, maxResults=str(NEWEST)
        )
        return uploads_of(data)

    def _gone_lately(self, key: str, now: int) -> bool:
        return now - self._gone.get(key, now - GONE_EVERY) < GONE_EVERY

    def _next_look(self, look: Look, known: Iterable[str], now: int) -> int:
        """Return when a channel's uploads are worth reading again."""
        if look.at is None or look.at > now:  # never, or the clock was set back since
            return now
        seen = [self._seen[id_] for id_ in {*known, *look.ids} if id_ in self._seen]
        look.live = any(one.found is Found.LIVE for one in seen)
        if look.live or any(_is_due(one, now) for one in seen):
            return look.at + LOOK_ASIDE_EVERY if self._can_spare(now) else now + DAY
        if any(_ended_lately(one, now) for one in seen):
            return look.at + LOOK_AGAIN_EVERY
        return look.at + self._look_every(now)

    def _look_every(self, now: int) -> int:
        """Spread what looks may cost over the rest of the day, for all channels that wait for something."""
        waiting = sum(1 for one in self._looks.values() if not one.live and one.asked_at > now - COUNTED)
        rest = self._purse.resets_at(now) - now
        share = (self._purse.left(now) or 0) * SHARE_OF_LOOKS
        return max(LOOK_EVERY, min(round(waiting * rest / share), rest) if share >= 1 else rest)

    def _can_spare(self, now: int) -> bool:
        """Tell whether less was spent of the day's units than of the day."""
        begun, until = day_of(now)
        return self._purse.spent(now).amount < (self._purse.limit or 0) * (now - begun) / (until - begun)

    # --- videos -------------------------------------------------------------------------------------------

    async def _refresh(
        self, ids: Iterable[str], announced: Collection[str], now: int
    ) -> tuple[dict[str, SourceError], frozenset[str]]:
        """Ask about those videos whose time it is, in the fewest calls.

        Args:
            announced: What the pipeline knows of; anything else that is announced is due at once.

        Returns:
            What went wrong, by video, and all that was asked.
        """
        due = [id_ for id_ in ids if self._due(id_, announced, now) <= now]
        calls = [due[start : start + MOST_IDS] for start in range(0, len(due), MOST_IDS)]
        errors: dict[str, SourceError] = {}

        async def ask(call: list[str]) -> None:
            try:
                answered = await self._ask_videos(call, now)
            except SourceError as error:
                errors.update(dict.fromkeys(call, error))
            else:
                damage = Garbage("YouTube's answer is damaged where this video should be.")
                errors.update((id_, damage) for id_ in call if id_ not in answered)

        await asyncio.gather(*map(ask, calls))
        return errors, frozenset(due)

    async def _ask_videos(self, ids: Sequence[str], now: int) -> dict[str, Video]:
        """Ask about up to 50 videos, and keep in mind what was said of them."""
        part = "liveStreamingDetails,snippet,statistics"
        videos = videos_of(await self._get("videos", now, part=part, id=",".join(ids)), ids)
        for id_, video in videos.items():
            before = self._seen.pop(id_, None)  # to the end: what was asked long ago is forgotten first
            same = before is not None and before.found is video.found
            self._seen[id_] = Seen(
                video,
                asked_at=now,
                since=before.since if before is not None and same else now,
                was_live=video.found is Found.LIVE or (before is not None and before.was_live),
            )
        return videos

    def _due(self, id_: str, announced: Collection[str], now: int) -> int:
        """Return when a video is worth asking about."""
        seen = self._seen.get(id_)
        if seen is None or seen.asked_at > now or seen.found is Found.LIVE or _is_due(seen, now):
            return now
        if seen.found is Found.SCHEDULED:
            return _ask_announced_at(seen, now) if id_ in announced else now
        return now + DAY if seen.video.sure or now - seen.since >= FLICKER else now

    def _forget(self) -> None:
        for kept in (self._seen, self._looks, self._gone):
            while len(kept) > MOST_KEPT:
                del kept[next(iter(kept))]

    # --- telling ------------------------------------------------------------------------------------------

    def _tell_channel(
        self, ask: Ask, channel: str, look: SourceError | None, errors: Errors, asked: frozenset[str], now: int
    ) -> Told:
        """Tell all that is live or announced on a channel, and what the pipeline knows of and has ended."""
        known = _ids(ask.known)
        ids = list(dict.fromkeys([*known, *self._looks[channel].ids]))
        went_wrong = [errors[id_] for id_ in ids if id_ in errors]
        still = {id_ for id_ in known if id_ in errors}
        readings: list[Reading] = []
        closing = False
        for id_ in ids:
            seen = self._seen.get(id_)
            if seen is None or id_ in errors:
                continue
            reading = seen.video.reading
            if seen.found in {Found.LIVE, Found.SCHEDULED}:
                if id_ in asked and reading is not None:
                    readings.append(reading)
                else:
                    still.add(id_)
            elif id_ in known:
                closing = closing or now - seen.since < CLOSING
                if id_ in asked and reading is not None:
                    readings.append(reading)
        live = any(one.state is State.LIVE for one in readings)
        if closing and isinstance(look, AccountGone):
            look = None  # first its session has to end
        error = look or next(iter(went_wrong), None)
        if error is not None and not live:
            return _failed(error, now)
        told = Told(answers=(Answer(at=now, readings=tuple(readings), still=frozenset(still)),))
        if live or closing:
            return told
        again_at = self._again_at(self._looks[channel], ids, now)
        looked = self._looks[channel].at == now
        if not looked and asked.isdisjoint(ids):
            return Told(answers=(), again_at=again_at)  # nothing was asked, so there is nothing to tell
        return replace(told, again_at=again_at)

    def _again_at(self, look: Look, ids: Collection[str], now: int) -> int | None:
        """Return when a channel is worth asking about, None for the next interval."""
        moments = [self._next_look(look, ids, now)]
        moments += [self._due(id_, ids, now) for id_ in ids]
        return min(moments) if min(moments) > now else None

    def _tell_video(self, ask: Ask, id_: str, errors: Errors, asked: frozenset[str], now: int) -> Told:
        """Tell of the one video that is watched.

        It is over once the pipeline has closed its session: what is over is never asked again, so that an end
        told of only once would never outlast its grace.
        """
        if id_ in errors:
            return _failed(errors[id_], now)
        seen, is_known = self._seen[id_], id_ in ask.known
        reading = seen.video.reading
        if seen.found in {Found.LIVE, Found.SCHEDULED} and reading is not None:
            if id_ not in asked:
                return Told(answers=(), again_at=self._due(id_, ask.known, now))
            again_at = self._due(id_, [id_], now)
            told = Told(answers=(Answer(at=now, readings=(reading,)),))
            return replace(told, again_at=again_at) if again_at > now else told
        lasted = now - seen.since
        if seen.found is Found.GONE and (not is_known or lasted >= GIVE_UP):
            gone = AccountGone(f"YouTube shows the video {id_} no more: it was deleted or made private.")
            return Told(answers=(gone.failure(now),), over=lasted >= FLICKER)
        readings = (reading,) if id_ in asked and reading is not None else ()
        over = seen.video.sure or lasted >= FLICKER
        return Told(
            answers=(Answer(at=now, readings=readings),),
            over=over and (not is_known or lasted >= GIVE_UP),
        )

    # --- HTTP ---------------------------------------------------------------------------------------------

    async def _get(self, path: str, now: int, **params: str) -> Any:
        """Call the API for one unit and return its JSON.

        The key travels in a header (https://cloud.google.com/docs/authentication/api-keys-use), so that no
        address of a log or an error can hold it.

        Raises:
            RateLimited: The day's units are used up, or YouTube asks to wait.
            SourceError: YouTube refuses, or is out of order.
        """
        key = self._kit.settings.get("YOUTUBE_API_KEY", "").strip()
        if not (key.isascii() and key.isprintable() and key):
            raise _KeyRefused("YOUTUBE_API_KEY is no key: its operator copies it again.")
        if not self._purse.affords(now, 1):
            raise self._spent(now)
        self._purse.charge(now, 1)
        page = await self._kit.web.get(
            f"{self._api}/{path}", params=params, headers={"X-Goog-Api-Key": key}, guard=False, judge=False
        )
        if page.status == 200:
            return page.json()
        error = refusal(page, of_one=path == "playlistItems")
        if isinstance(error, _Spent):
            # Others may use the same key: what YouTube says counts, not our own sums.
            self._purse.charge(now, self._purse.left(now) or 0)
            raise self._spent(now)
        raise error

    def _spent(self, now: int) -> _Spent:
        return _Spent(
            f"The {self._purse.limit:,.0f} units that YouTube gives a day are used up; there are new "
            "ones at midnight in California.",
            retry_after=max(self._purse.resets_at(now) - now, SECOND),
        )


# --- addresses --------------------------------------------------------------------------------------------


def parse(reference: str) -> Target:
    """Take an address apart: a handle, an id, or any usual page of YouTube.

    Raises:
        BadAddress: It is none of them, or one that the API cannot look up.
    """
    text = reference.strip().strip("<>")
    page = _page_of(text)
    if page is not None:
        return _target_of(*page)
    if CHANNEL_ID.fullmatch(text):
        return Target("channel", text)
    if VIDEO_ID.fullmatch(text):
        return Target("video", text, bare=True)
    handle = text.removeprefix("@")
    if not HANDLE.fullmatch(handle):
        raise BadAddress(f"This is no channel or video of YouTube; {HOW_TO}")
    return Target("handle", handle.lower())


def _parsed(reference: str) -> Target | SourceError:
    try:
        return parse(reference)
    except SourceError as error:
        return error


def _page_of(text: str) -> tuple[list[str], Mapping[str, str]] | None:
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
    if first == "c" or (parts and len(parts) == 1 and first not in VIDEO_PAGES):
        raise BadAddress(f"YouTube lets no program look up this old form of link. Open the channel and {HOW_TO}")
    raise BadAddress(f"This page of YouTube is neither a channel nor a video; {HOW_TO}")


def _ids(known: Iterable[str]) -> list[str]:
    return [id_ for id_ in known if VIDEO_ID.fullmatch(id_)]


def _gone(target: Target) -> AccountGone:
    if target.kind == "channel":  # ids are for ever
        return AccountGone("YouTube knows this channel no more: it was deleted, by its owner or by YouTube.")
    return AccountGone(
        f"YouTube knows no channel @{target.value}: it was renamed or deleted. Watch it by its new handle."
    )


# --- time -------------------------------------------------------------------------------------------------


def day_of(now: int) -> tuple[int, int]:
    """Return when YouTube's day of a moment began and when the next one begins: midnight in California."""
    begun = datetime.fromtimestamp(now / SECOND, tz=ZONE).replace(
        hour=0, minute=0, second=0, microsecond=0, fold=0
    )
    # Adding a day to a local time keeps the hour on the clock, however long that day is.
    return round(begun.timestamp() * SECOND), round((begun + timedelta(days=1)).timestamp() * SECOND)


def _starts_in(seen: Seen, now: int) -> int | None:
    """Return in how long something announced is due, negative for one that is late; None if unknown."""
    reading = seen.video.reading
    return None if reading is None or reading.started_at is None else reading.started_at - now


def _is_due(seen: Seen, now: int) -> bool:
    """Tell whether something announced may begin at any moment."""
    left = _starts_in(seen, now)
    return seen.found is Found.SCHEDULED and left is not None and -DUE_AFTER <= left <= DUE_BEFORE


def _ask_announced_at(seen: Seen, now: int) -> int:
    """Return when to ask about something announced: it may be moved, or begin before its time."""
    left = _starts_in(seen, now)
    often, seldom = ANNOUNCED_EVERY
    if left is None:
        return seen.asked_at + often
    at = seen.asked_at + (often if -FORGOTTEN <= left <= NEAR else seldom)
    return min(at, now + left - DUE_BEFORE) if left > DUE_BEFORE else at


def _ended_lately(seen: Seen, now: int) -> bool:
    return seen.was_live and seen.found in {Found.ENDED, Found.GONE} and now - seen.since < BACK_WITHIN


# --- answers ----------------------------------------------------------------------------------------------


def videos_of(data: object, asked: Sequence[str]) -> dict[str, Video]:
    """Read an answer of ``videos.list``.

    A video that it leaves out is gone, unless part of the answer cannot be read: then it is left out here, too,
    for nobody knows.

    Raises:
        Garbage: It is no such answer.
    """
    videos: dict[str, Video] = {}
    damaged = False
    for item in _items(data):
        id_ = item.get("id") if isinstance(item, dict) else None
        if not isinstance(item, dict) or not isinstance(id_, str) or id_ not in asked:
            damaged = True
            continue
        video = _video(id_, item)
        if video is None:
            damaged = True
        elif id_ not in videos or video.found is Found.LIVE:
            videos[id_] = video
    if damaged:
        return videos
    return {id_: videos.get(id_, Video(Found.GONE)) for id_ in asked}


def uploads_of(data: object) -> tuple[str, ...]:
    """Read an answer of ``playlistItems.list``.

    Raises:
        Garbage: It is no such answer.
    """
    items = _items(data)
    found = [_dict(_dict(item).get("contentDetails")).get("videoId") for item in items]
    ids = tuple(dict.fromkeys(id_ for id_ in found if isinstance(id_, str) and VIDEO_ID.fullmatch(id_)))
    if items and not ids:
        raise Garbage("YouTube's list of a channel's uploads names no video.")
    return ids[:NEWEST]


def channel_of(data: object) -> Channel | None:
    """Read an answer of ``channels.list`` about one channel; None if there is none.

    Raises:
        Garbage: It is no such answer.
    """
    items = _items(data)
    if not items:
        return None
    item = _dict(items[0])
    id_, snippet = item.get("id"), _dict(item.get("snippet"))
    if not isinstance(id_, str) or not CHANNEL_ID.fullmatch(id_):
        raise Garbage("YouTube's answer about a channel does not name it.")
    uploads = _dict(_dict(item.get("contentDetails")).get("relatedPlaylists")).get("uploads")
    if not isinstance(uploads, str) or not PLAYLIST_ID.fullmatch(uploads):
        raise Garbage("YouTube's answer about a channel does not say where its uploads are.")
    handle = snippet.get("customUrl")
    is_handle = isinstance(handle, str) and handle.startswith("@") and HANDLE.fullmatch(handle[1:])
    return Channel(id_, uploads, _words(snippet.get("title")), str(handle)[1:].lower() if is_handle else None)


def refusal(page: Page, *, of_one: bool) -> SourceError:
    """Say what an answer that is not 200 means.

    Args:
        of_one: The question was about one channel, which may be what is refused.
    """
    reasons = _reasons(page)
    if page.status in {403, 429} and reasons & SPENT:
        return _Spent("YouTube's units of today are used up.")
    if page.status == 429 or (page.status == 403 and reasons & TOO_FAST):
        return RateLimited("YouTube asks us to wait.", retry_after=wait_of(page.headers))
    if page.status in {403, 404} and reasons & NOT_THERE:
        return _Missing("YouTube has no such thing.")
    if page.status == 403 and of_one and "forbidden" in reasons:
        return Denied("YouTube does not show the uploads of this channel to everybody.")
    if page.status in {401, 403} or (page.status == 400 and any(map(KEY_WORDS.search, reasons))):
        return _KeyRefused(
            "YouTube does not take the bot's key: its operator checks YOUTUBE_API_KEY, that the key is not "
            "restricted to others, and that the YouTube Data API v3 is enabled for its project."
        )
    if page.status >= 500:
        return Unavailable(f"YouTube is out of order (HTTP {page.status}).")
    return Garbage(f"YouTube answered HTTP {page.status} instead of data.")


def _reasons(page: Page) -> frozenset[str]:
    """Collect every word of an error that may say why: Google's services put it in several places."""
    try:
        error = _dict(_dict(page.json(frozenset({page.status}))).get("error"))
    except Garbage:
        return frozenset()
    lists = [error.get("errors"), error.get("details")]
    rows = [_dict(row) for rows in lists if isinstance(rows, list) for row in rows]
    words = [error.get("status"), error.get("message"), *(row.get("reason") for row in rows)]
    return frozenset(word for word in words if isinstance(word, str))


def _items(data: object) -> list[Any]:
    """Return the items of an answer; they may be left out only where it says that there are none.

    Raises:
        Garbage: It has none, and does not say so.
    """
    answer = _dict(data)
    items = answer.get("items")
    if items is None and "items" not in answer and _dict(answer.get("pageInfo")).get("totalResults") == 0:
        return []
    if not isinstance(items, list):
        raise Garbage("YouTube's answer has no list of items.")
    return items


def _video(id_: str, item: Mapping[str, Any]) -> Video | None:
    """Read one video; None if it cannot be told what it is.

    https://developers.google.com/youtube/v3/docs/videos#liveStreamingDetails
    """
    snippet, details = _dict(item.get("snippet")), _dict(item.get("liveStreamingDetails"))
    viewers = _count(details.get("concurrentViewers"))
    found, sure = _found(snippet, item, viewers)
    if found is None:
        return None
    owner = snippet.get("channelId")
    channel = owner if isinstance(owner, str) and CHANNEL_ID.fullmatch(owner) else None
    if found is Found.ORDINARY:
        return Video(found, None, channel, sure)
    host = _words(snippet.get("channelTitle"))
    due = _moment(details.get("scheduledStartTime"))
    reading = Reading(
        session=id_,
        state=State(found.value),
        title=_words(snippet.get("title")),
        hosts=(host,) if host else (),
        url=f"https://www.youtube.com/watch?v={id_}",
        views=_count(_dict(item.get("statistics")).get("viewCount")),
        started_at=due if found is Found.SCHEDULED else _moment(details.get("actualStartTime")),
    )
    if found is Found.LIVE:
        reason = None if viewers is not None else ABSURD if "concurrentViewers" in details else HIDDEN
        reading = replace(reading, concurrent=viewers, reason=reason)
    return Video(found, reading, channel, sure)


def _found(
    snippet: Mapping[str, Any], item: Mapping[str, Any], viewers: float | None
) -> tuple[Found | None, bool]:
    """Tell what a video is, and whether for good."""
    details, says = _dict(item.get("liveStreamingDetails")), snippet.get("liveBroadcastContent")
    if _moment(details.get("actualEndTime")) is not None:
        return Found.ENDED, True
    if says == "live" or (viewers is not None and says != "upcoming"):
        return Found.LIVE, False
    if says == "upcoming":
        return Found.SCHEDULED, False
    if says == "none":
        # A broadcast without an end that is not on the air: over, or taken back; the end may come later.
        return (Found.ENDED, False) if "liveStreamingDetails" in item else (Found.ORDINARY, True)
    if _moment(details.get("actualStartTime")) is not None:
        return Found.LIVE, False
    return (Found.SCHEDULED if _moment(details.get("scheduledStartTime")) is not None else None), False


def _count(value: object) -> float | None:
    """Read a number of people, which YouTube writes as a string (uint64); None for anything else."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= LONGEST_NUMERAL:
        value = int(value)
    return plain(value) if is_figure(value) and float(value).is_integer() else None


def _moment(value: object) -> int | None:
    """Read an RFC 3339 stamp as milliseconds since 1970."""
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
        at = round(moment.timestamp() * SECOND) if moment is not None and moment.tzinfo else None
    except (ValueError, OverflowError):
        return None
    return at if at is not None and at >= 0 else None


def _words(value: object) -> str | None:
    return value.strip()[:LONGEST_WORDS] or None if isinstance(value, str) else None


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _units(text: str) -> int | None:
    """Read YOUTUBE_DAILY_UNITS; None if it is no number."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= LONGEST_NUMERAL else None


def _failed(error: SourceError, now: int) -> Told:
    """Tell an error of one watch; what waits for a moment, or is gone, is not asked again before."""
    wait = GONE_EVERY if isinstance(error, AccountGone) else error.retry_after
    return Told(answers=(error.failure(now),), again_at=None if wait is None else now + wait)


def _any_answers(told: Iterable[Told]) -> bool:
    return any(isinstance(answer, Answer) for one in told for answer in one.answers)
