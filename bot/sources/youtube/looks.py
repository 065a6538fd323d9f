"""Looks at channels' uploads: how new broadcasts are found, as often as the day's units allow."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from bot.domain import DAY, HOUR, MINUTE
from bot.ports.source import SourceError
from bot.sources.web import once_each
from bot.sources.youtube.addresses import Target
from bot.sources.youtube.answers import Channel, Found
from bot.sources.youtube.api import Api, Missing, day_of
from bot.sources.youtube.channels import Channels, gone
from bot.sources.youtube.rhythm import ended_lately, is_due
from bot.sources.youtube.turns import Turns
from bot.sources.youtube.videos import Videos

#: Between looks at a channel's uploads while nothing of it is live.
LOOK_EVERY = 10 * MINUTE
#: The same after something of it ended, for as long as it may be back as the same session.
LOOK_AGAIN_EVERY = 2 * MINUTE
#: The same while something of it is live: a channel that always is may go live with something else, too.
LOOK_ASIDE_EVERY = HOUR
#: Between two questions whether a channel that has no playlist of uploads is still there.
CHECK_EVERY = 6 * HOUR
#: The part of the units left today that looks may use up; the rest is for what is live.
SHARE_OF_LOOKS = 0.4
#: How far back a channel that was asked about counts as one that shares the day's units.
COUNTED = 6 * HOUR


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


class Looks:
    """All channels that are watched, by id."""

    def __init__(self, api: Api, channels: Channels, videos: Videos) -> None:
        self._api = api
        self._channels = channels
        self._videos = videos
        self.of: dict[str, Look] = {}
        #: How many channels wait for something to begin.
        self._waiting = 0

    async def where_due(
        self, channels: Mapping[str, Channel], known: Mapping[str, Sequence[str]], now: int, *, turns: Turns
    ) -> dict[str, SourceError]:
        """Read the uploads of those channels whose time it is, and return what went wrong."""
        for id_ in channels:
            look = self.of.pop(id_, None) or Look()
            look.asked_at = now
            self.of[id_] = look  # at the end: what was asked about long ago is forgotten first
        self.count_waiting(now)
        due = [id_ for id_ in channels if self.next_at(id_, known[id_], now) <= now]

        async def read(id_: str) -> None:
            if self._channels.gone_lately(id_, now):
                raise gone(Target("channel", id_))
            self.of[id_].ids = await self._newest(channels[id_], now, turns)
            self.of[id_].at = now

        looked = await once_each(due, read)
        return {id_: error for id_, error in looked.items() if isinstance(error, SourceError)}

    async def _newest(self, channel: Channel, now: int, turns: Turns) -> tuple[str, ...]:
        """Read a channel's newest uploads.

        A channel without any has no playlist of them, and neither has one that is gone: that is asked about
        seldom.

        Raises:
            AccountGone: YouTube does not know the channel any more.
        """
        look = self.of[channel.id]
        try:
            return await turns.take(lambda: self._api.uploads(channel.uploads, now))
        except Missing:
            if look.checked_at is None or now - look.checked_at >= CHECK_EVERY:
                target = Target("channel", channel.id)
                if await turns.take(lambda: self._api.channel(target, now)) is None:
                    self._channels.note_gone(channel.id, now)
                    raise gone(target) from None
                look.checked_at = now
            return ()

    def next_at(self, channel: str, known: Iterable[str], now: int) -> int:
        """Return when a channel's uploads are worth reading again.

        Args:
            known: What the pipeline knows of it.
        """
        look = self.of[channel]
        if look.at is None or look.at > now:  # never, or the clock was set back since
            return now
        videos = self._videos.seen
        seen = [videos[id_] for id_ in {*known, *look.ids} if id_ in videos]
        look.live = any(one.found is Found.LIVE for one in seen)
        if look.live or any(is_due(one, now) for one in seen):
            return look.at + LOOK_ASIDE_EVERY if self._can_spare(now) else now + DAY
        if any(ended_lately(one, now) for one in seen):
            return look.at + LOOK_AGAIN_EVERY
        return look.at + self._every(now)

    def _every(self, now: int) -> int:
        """Spread what looks may cost over the rest of the day, for all channels that wait for something."""
        purse = self._api.purse
        rest = purse.resets_at(now) - now
        share = (purse.left(now) or 0) * SHARE_OF_LOOKS
        return max(LOOK_EVERY, min(round(self._waiting * rest / share), rest) if share >= 1 else rest)

    def _can_spare(self, now: int) -> bool:
        """Tell whether less was spent of the day's units than of the day."""
        begun, until = day_of(now)
        purse = self._api.purse
        return purse.spent(now).amount < (purse.limit or 0) * (now - begun) / (until - begun)

    def count_waiting(self, now: int) -> None:
        """Count among how many channels the units that are left are shared: once a reading, not once a channel."""
        self._waiting = sum(1 for one in self.of.values() if not one.live and one.asked_at > now - COUNTED)

    def forget(self, now: int) -> None:
        """Let go of channels that nobody asked about for a day."""
        while self.of and self.of[first := next(iter(self.of))].asked_at < now - DAY:
            del self.of[first]
