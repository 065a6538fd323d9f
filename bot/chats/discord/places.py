"""Channels and threads: what they are called, what the bot may there, and which one a person chose.

A server is a chat, each of its channels and threads a topic. A conversation in private is a chat of its own, whose
key is ``@`` and the channel's id.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

import discord

from bot.chats.discord.errors import Spot
from bot.domain.outside import clean
from bot.ports.chat import Target
from bot.ports.message import Line, Span, Style
from bot.ports.rooms import Room
from bot.texts.words import Words

PRIVATE = "@"
LONGEST_TITLE = 100
#: The language of a server that chose none.
_USUAL = discord.Locale.american_english

Json = dict[str, Any]
Channel = discord.abc.GuildChannel | discord.Thread


def title(name: str) -> str:
    """Return a name from outside as one line."""
    return clean(name, limit=LONGEST_TITLE) or "…"


def reference(channel: int) -> str:
    """Return what Discord shows as a channel's name."""
    return f"<#{channel}>"


def snowflake(text: str) -> int | None:
    """Return an id as Discord writes them, or None if the text is none."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 20 else None


def address(target: Target) -> int | None:
    """Return the id of the channel to post to; None if there is none, as for a server without a channel."""
    if target.topic is not None:
        return snowflake(target.topic)
    return snowflake(target.chat[len(PRIVATE) :]) if target.chat.startswith(PRIVATE) else None


def shard_of(guild: int, shards: int) -> int:
    """Return which of so many shards tells of a server; the first tells of all that is no server's.

    https://docs.discord.com/developers/events/gateway#sharding
    """
    return (guild >> 22) % shards


def is_news(client: discord.Client, channel: int) -> bool:
    found = client.get_channel(channel)
    return isinstance(found, discord.TextChannel) and found.is_news()


# What the bot may


def permissions(channel: Channel, member: discord.Member | None = None) -> discord.Permissions | None:
    """Return what somebody may in a channel, the bot itself unless another is named, if that is known."""
    try:
        return channel.permissions_for(member or channel.guild.me)
    except (discord.ClientException, AttributeError, TypeError):
        # A thread without its channel, a server without the bot, a time-out until no moment.
        return None


def missing(may: discord.Permissions, *, thread: bool) -> str | None:
    """Return the first permission that the bot lacks to post, by the name that Discord's settings show."""
    if thread:
        speaks = ("Send Messages in Threads", may.send_messages_in_threads)
    else:
        speaks = ("Send Messages", may.send_messages)
    needed = (("View Channel", may.view_channel), speaks, ("Embed Links", may.embed_links))
    return next((name for name, has in needed if not has), None)


def takes_files(client: discord.Client | None, channel: int) -> bool:
    """Tell whether pictures and files may be sent to a channel, as far as is known."""
    found = client.get_channel(channel) if client is not None else None
    may = permissions(found) if isinstance(found, Channel) else None
    return may is None or may.attach_files


def most_bytes(client: discord.Client | None, target: Target) -> int:
    """Return how large a file a place takes: boosts of its server raise that, as far as a client tells of it."""
    guild = client.get_guild(snowflake(target.chat) or 0) if client is not None else None
    return discord.utils.DEFAULT_FILE_SIZE_LIMIT_BYTES if guild is None else guild.filesize_limit


def may_post(channel: Channel) -> bool:
    may = permissions(channel)
    return may is not None and missing(may, thread=isinstance(channel, discord.Thread)) is None


def hall(guild: discord.Guild) -> discord.TextChannel | None:
    """Return where to greet a server: where it greets people itself, else the first channel that takes posts."""
    others = [one for one in guild.text_channels if not one.is_news() and one != guild.rules_channel]
    found = [*([guild.system_channel] if guild.system_channel else []), *others]
    return next((channel for channel in found if may_post(channel)), None)


def spot(client: discord.Client, target: Target) -> Spot:
    """Return what a client that is connected knows of a place where a post was refused."""
    channel = address(target)
    if target.topic is None or channel is None:
        return Spot()
    guild = snowflake(target.chat)
    left = guild is not None and client.get_guild(guild) is None
    found = client.get_channel(channel)
    if not isinstance(found, Channel):
        return Spot(name=reference(channel), left=left)
    return spot_of(found, permissions(found), left=left)


def unknown_spot(target: Target) -> Spot:
    """Return what a place is called of which nothing is known."""
    channel = address(target)
    return Spot() if target.topic is None or channel is None else Spot(name=reference(channel))


def spot_of(found: Channel, may: discord.Permissions | None, *, left: bool = False) -> Spot:
    """Return what is known of a channel in which the bot may so much."""
    thread = isinstance(found, discord.Thread)
    return Spot(
        name=f"#{title(found.name)}",
        missing=None if may is None else missing(may, thread=thread),
        closed=found.type is discord.ChannelType.private_thread,
        left=left,
    )


# Who is there


def unknown_room(chat: str, channel: str) -> Room:
    """Return a channel of which nothing is known now."""
    return Room(url=f"https://discord.com/channels/{chat}/{channel}")


def room(client: discord.Client, chat: str, channel: str) -> Room | None:
    """Return a channel of a server and how many are in it; None if the client, which is connected, knows no such.

    Counted are voice states: the library's lists of people leave out who is not cached as a member.
    """
    guild = client.get_guild(snowflake(chat) or 0)
    unknown = unknown_room(chat, channel)
    if guild is None:
        return None
    if guild.unavailable:
        return unknown
    found = guild.get_channel(snowflake(channel) or 0)
    if found is None:
        return None
    named = replace(unknown, name=title(found.name), kind="other")
    if not isinstance(found, discord.VoiceChannel | discord.StageChannel):
        return named
    instance = found.instance if isinstance(found, discord.StageChannel) else None
    named = replace(named, kind="stage" if isinstance(found, discord.StageChannel) else "voice")
    may = permissions(found)
    if may is None or not may.view_channel:
        return replace(named, lacks=None if may is None else "View Channel")
    return replace(
        named,
        present=len(found.voice_states),
        session=str(instance.id) if instance else None,
        topic=(clean(instance.topic, limit=LONGEST_TITLE) or None) if instance else None,
    )


def may_see(client: discord.Client, chat: str, channel: str, *, user: str, roles: Collection[str]) -> bool | None:
    """Tell whether somebody sees a channel of a server; None while that is not known.

    Members are not kept, so one is made of what a question brings: an id and roles.

    https://docs.discord.com/developers/topics/permissions#permission-overwrites
    """
    guild, person = client.get_guild(snowflake(chat) or 0), snowflake(user)
    if guild is None or person is None:
        return False
    if guild.unavailable:
        return None
    found = guild.get_channel(snowflake(channel) or 0)
    if found is None:
        return False
    data: Any = {
        "user": {"id": str(person), "username": "", "discriminator": "0", "avatar": None},
        "roles": [one for one in roles if snowflake(one) is not None],
        "joined_at": None,
        "flags": 0,
    }
    member = discord.Member(data=data, guild=guild, state=client._connection)  # noqa: SLF001 - members know theirs
    may = permissions(found, member)
    return None if may is None else may.view_channel


def forget_rooms(guild: discord.Guild) -> None:
    """Forget who was in a server that has an outage: the library adds what comes after it to what was before."""
    guild._voice_states.clear()  # noqa: SLF001 - nothing else takes away who left meanwhile
    guild._stage_instances.clear()  # noqa: SLF001


# Which one a person chose


@dataclass(frozen=True, slots=True)
class Chosen:
    """A channel where a command shall count; ``wrong`` says why it cannot."""

    channel: int
    wrong: Line | None = None


def chosen(guild: discord.Guild | None, data: Json, value: str, words: Words) -> Chosen:
    """Read a channel that somebody chose, and ask whether they see it and the bot may post there.

    Args:
        guild: The server in which they did; None in private.
        data: The interaction's data: in what it resolved Discord says what who asked may in the channel.
        value: The channel's id.
    """
    channel = int(value)
    shown = Span(reference(channel), Style.REFERENCE)
    told: Json = (data.get("resolved") or {}).get("channels", {}).get(value, {})
    if guild is None:
        return Chosen(channel, words.say("A channel can be chosen in a server only."))
    if told.get("guild_id", str(guild.id)) != str(guild.id):
        return Chosen(channel, words.say("{channel} is a channel of another server.", channel=shown))
    asker = discord.Permissions(int(told.get("permissions") or 0))
    if not (asker.view_channel or asker.administrator):
        return Chosen(channel, words.say("You may not see {channel} yourself.", channel=shown))
    thread: Json | None = told.get("thread_metadata")
    may = _allowed(guild, channel, told)
    if may is None and told.get("type") == discord.ChannelType.private_thread.value:
        return Chosen(
            channel, words.say("I am not in {channel}: add me to it first (mention me there).", channel=shown)
        )
    lacks = "View Channel" if may is None else missing(may, thread=thread is not None)
    if lacks is not None:
        wrong = words.say(
            "I may not post in {channel}: allow me “{permission}” there (channel settings > Permissions).",
            channel=shown,
            permission=lacks,
        )
        return Chosen(channel, wrong)
    if thread is not None and thread.get("locked") and not (may and may.manage_threads):
        return Chosen(channel, words.say("{channel} is locked: unlock it first.", channel=shown))
    return Chosen(channel)


def _allowed(guild: discord.Guild, channel: int, told: Json) -> discord.Permissions | None:
    """Return what the bot may in a channel of a server; None if it does not see it there."""
    found = guild.get_channel_or_thread(channel)
    if found is not None:
        return permissions(found)
    # Threads that sleep are not told of: what holds in their channel holds in them.
    above = guild.get_channel(int(told.get("parent_id") or 0)) if "thread_metadata" in told else None
    if above is None or guild.me is None:
        return None
    may = discord.abc.GuildChannel.permissions_for(above, guild.me)
    private = told.get("type") == discord.ChannelType.private_thread.value
    return None if private and not may.manage_threads else may


def language(guild: discord.Guild | None) -> str | None:
    """Return the language of a server where one was chosen: communities can, all others stand at American English.

    https://docs.discord.com/developers/resources/guild#guild-object-guild-features
    """
    if guild is None or not ("COMMUNITY" in guild.features or guild.preferred_locale is not _USUAL):
        return None
    return guild.preferred_locale.value
