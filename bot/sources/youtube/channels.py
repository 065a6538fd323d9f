"""Which channel an address means: looked up once, and remembered for ever by its id."""

from __future__ import annotations

from collections.abc import Iterable

from bot.domain import HOUR
from bot.domain.sentence import N_
from bot.ports.memory import Memory
from bot.ports.source import AccountGone, SourceError
from bot.sources.web import once_each
from bot.sources.youtube.addresses import CHANNEL_ID, Target
from bot.sources.youtube.answers import Channel
from bot.sources.youtube.api import Api
from bot.sources.youtube.turns import Turns

HANDLES, CHANNELS = "youtube handle", "youtube channel"
#: What was not there is asked about again after this.
GONE_EVERY = HOUR
#: Of so many at most that is kept in mind.
MOST_MISSING = 20_000


class Channels:
    """What is remembered of channels."""

    def __init__(self, api: Api, memory: Memory) -> None:
        self._api = api
        self._memory = memory
        #: Handles and channels that were not there, and when that was noted.
        self._missing: dict[str, int] = {}

    async def find(
        self, targets: Iterable[Target], now: int, *, turns: Turns
    ) -> dict[Target, Channel | SourceError]:
        """Find the channels that addresses name, from memory if they are there."""
        wanted = {one for one in targets if one.kind != "video"}
        names = await self._memory.get(HANDLES, [one.key for one in wanted if one.kind != "channel"])
        ids = {one: names.get(one.key, one.value) for one in wanted}
        uploads = await self._memory.get(CHANNELS, [id_ for id_ in ids.values() if CHANNEL_ID.fullmatch(id_)])

        async def find(target: Target) -> Channel:
            id_ = ids[target]
            if id_ in uploads:
                return Channel(id_, uploads[id_])
            if self.gone_lately(target.key, now):
                raise gone(target)
            by = Target("channel", id_) if CHANNEL_ID.fullmatch(id_) else target
            channel = await turns.take(lambda: self._api.channel(by, now))
            if channel is None:
                self.note_gone(target.key, now)
                raise gone(target)
            await self._memory.put(CHANNELS, {channel.id: channel.uploads})
            if target.kind != "channel":
                await self._memory.put(HANDLES, {target.key: channel.id})
            return channel

        return await once_each(wanted, find)

    async def settle(self, channel: Channel, target: Target) -> str:
        """Keep what was described, and return the address in its one spelling: by handle, if that is its own.

        A handle that is remembered for another channel goes on meaning that one: those who watch it do so by
        the channel's id, and its handle may have been given to somebody else since.
        """
        await self._memory.put(CHANNELS, {channel.id: channel.uploads})
        handle = channel.handle or (target.value if target.kind == "handle" else None)
        if handle is None:
            return channel.id
        owner = (await self._memory.get(HANDLES, [handle])).get(handle, channel.id)
        if owner != channel.id:
            return channel.id
        await self._memory.put(HANDLES, {handle: channel.id})
        self._missing.pop(handle, None)
        self._missing.pop(channel.id, None)
        return f"@{handle}"

    def gone_lately(self, key: str, now: int) -> bool:
        """Tell whether something was not there when it was asked about not long ago."""
        return now - self._missing.get(key, now - GONE_EVERY) < GONE_EVERY

    def note_gone(self, key: str, now: int) -> None:
        """Keep in mind that something is not there."""
        self._missing[key] = now
        while len(self._missing) > MOST_MISSING:
            del self._missing[next(iter(self._missing))]


def gone(target: Target) -> AccountGone:
    """Return the error of a channel that is not there."""
    if target.kind == "channel":  # ids are for ever
        return AccountGone(N_("YouTube knows this channel no more: it was deleted, by its owner or by YouTube."))
    return AccountGone(
        N_("YouTube knows no channel @{handle}: it was renamed or deleted. Watch it by its new handle."),
        handle=target.value,
    )
