"""Stage and voice channels of the Discord server that asks: ``stage:<#123>``, told by the gateway.

https://docs.discord.com/developers/resources/stage-instance,
https://docs.discord.com/developers/resources/voice#voice-state-object

No request gives a channel's audience: the chat that is connected knows it, or nobody does. While it is not
connected, nothing is known, which is neither off the air nor zero.

A stage is live from "Start Stage" to its end, and has an id of Discord's. A voice channel has neither: its session
begins when the first person is seen, and that moment is kept until nobody is there.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from bot.domain import HOUR
from bot.domain.reading import Answer, Failure, Reading
from bot.domain.sentence import N_, Sentence
from bot.ports.purse import Purse
from bot.ports.rooms import Room, Rooms
from bot.ports.source import AccountGone, Ask, BadAddress, Denied, Description, SourceError, Told, Unavailable
from bot.sources.kit import Kit

#: In the memory: when people came into a voice channel (milliseconds), empty while nobody is there.
BEGUN = "stage begun"
#: After so long without an answer nobody knows whether a voice channel was empty in between.
LONGEST_SILENCE = HOUR

#: ``<#123>`` as Discord writes a channel that was picked, without what an address loses at its ends; ``1/123``.
_CHANNEL = re.compile(r"(?:(?P<server>\d{1,20})/)?(?:<?#)?(?P<channel>\d{1,20})>?", re.ASCII)
_LINK = re.compile(
    r"(?:https?://)?(?:(?:www|ptb|canary)\.)?discord(?:app)?\.com/channels/"
    r"(?P<server>\d{1,20})/(?P<channel>\d{1,20})(?:/\d*)?(?:[?#].*)?",
    re.ASCII | re.IGNORECASE,
)

_NOTES = {
    "stage": N_(
        "The figure counts everybody in the channel: speakers, listeners and bots. It is on the air while the "
        "stage is started."
    ),
    "voice": N_(
        "The figure counts everybody in the channel: speakers, listeners and bots. It is on the air while "
        "somebody is in it."
    ),
}
_HOW = N_("type stage:# and pick a stage or voice channel of this server")
#: The same words for what does not exist and for what somebody may not see.
_NONE = Sentence(N_("This server has no such channel that you may see: {how}."), how=Sentence(_HOW))
_UNKNOWN = N_("Discord is not connected, or this server has an outage there: nothing is known now.")


class Stage:
    """The source ``stage:``."""

    platform = "stage"
    of_chat = "discord"
    public = False
    batch = 100
    for_operators = False
    example = "stage:123456789012345678"
    purse: Purse | None = None

    def __init__(self, kit: Kit) -> None:
        self._kit = kit

    def recognises(self, url: str) -> str | None:
        """Recognise a channel's link."""
        found = _LINK.fullmatch(url.strip())
        return f"{found['server']}/{found['channel']}" if found else None

    def admit(self, reference: str, *, user: str | None, roles: Collection[str]) -> None:
        """Refuse who does not see the channel in Discord."""
        server, channel = _parse(reference)
        rooms = self._rooms()
        sees = False if user is None else rooms and rooms.may_see(server, channel, user=user, roles=roles)
        if sees is None:
            raise Unavailable(_UNKNOWN)
        if not sees:
            raise BadAddress(_NONE)

    async def describe(self, reference: str, now: int) -> Description:
        """Look at the channel.

        Args:
            reference: The server's id, ``/``, and the channel as somebody wrote it.
        """
        server, channel = _parse(reference)
        try:
            room = self._room(server, channel)
        except AccountGone:
            raise BadAddress(_NONE) from None
        return Description(
            reference=f"{server}/{channel}",
            name=room.name,
            unit="people",
            live_now=_is_live(room),
            url=room.url,
            note=_NOTES[room.kind or "voice"],
        )

    async def read(self, asks: Sequence[Ask], now: int) -> list[Told]:
        """Look at each channel; nothing is asked of anybody."""
        before = await self._kit.memory.get(BEGUN, {ask.reference for ask in asks})
        begun = dict(before)
        told = [Told(answers=(self._answer(ask, now, begun),)) for ask in asks]
        news = {key: value for key, value in begun.items() if before.get(key) != value}
        if news:
            await self._kit.memory.put(BEGUN, news)
        return told

    async def check(self) -> str | None:
        """Find nothing wrong that the chat would not: there is nothing else to set up."""
        return None

    async def close(self) -> None:
        """Hold nothing open."""

    def _answer(self, ask: Ask, now: int, begun: dict[str, str]) -> Answer | Failure:
        """Return what goes on in a channel; ``begun`` is brought up to date."""
        try:
            room = self._room(*_parse(ask.reference))
        except SourceError as error:
            return error.failure(now)
        if not _is_live(room):
            if begun.get(ask.reference):
                begun[ask.reference] = ""
            return Answer(at=now)
        if room.session is not None:
            return Answer(
                at=now,
                readings=(Reading(session=room.session, title=room.topic, url=room.url, concurrent=room.present),),
            )
        silent = ask.since is not None and now - ask.since > LONGEST_SILENCE
        if silent or not begun.get(ask.reference):
            begun[ask.reference] = str(now)
        since = begun[ask.reference]
        reading = Reading(session=f"voice:{since}", url=room.url, concurrent=room.present, started_at=int(since))
        return Answer(at=now, readings=(reading,))

    def _room(self, server: str, channel: str) -> Room:
        """Return a channel of which it is known how many are in it.

        Raises:
            SourceError: There is no such channel, or nothing is known of it.
        """
        rooms = self._rooms()
        room = Room(url="") if rooms is None else rooms.room(server, channel)
        if room is None:
            raise AccountGone(N_("The channel was deleted, or I am no longer in its server."))
        if room.lacks is not None:
            raise Denied(
                N_("I may not see #{name}: allow me “{lacks}” there (channel settings > Permissions)."),
                name=room.name,
                lacks=room.lacks,
            )
        if room.kind == "other":
            raise BadAddress(
                N_("#{name} is neither a stage nor a voice channel: {how}."), name=room.name, how=Sentence(_HOW)
            )
        if room.present is None:
            raise Unavailable(_UNKNOWN)
        return room

    def _rooms(self) -> Rooms | None:
        """Return the chat that knows; None where another process is connected.

        Raises:
            NotAllowed: No process is.
        """
        rooms = self._kit.rooms.get(self.of_chat)
        if rooms is None:
            self._kit.needs("Discord", "DISCORD_TOKEN")
        return rooms


def _is_live(room: Room) -> bool:
    return room.session is not None if room.kind == "stage" else bool(room.present)


def _parse(reference: str) -> tuple[str, str]:
    """Return the ids of the asking server and of the channel.

    Raises:
        BadAddress: It is no channel of that server.
    """
    server, _, text = reference.partition("/")
    if not (server.isascii() and server.isdecimal()):
        raise BadAddress(N_("A stage or voice channel can be watched in its server only: ask there."))
    found = _LINK.fullmatch(text.strip()) or _CHANNEL.fullmatch(text.strip())
    if found is None:
        raise BadAddress(N_("This is no channel: {how}, or give its link."), how=Sentence(_HOW))
    if found["server"] not in {None, server}:
        raise BadAddress(N_("That channel is in another server: it can be watched there only."))
    return server, found["channel"]
