"""What there is on Discord: people, servers, roles, channels, messages. Tests set it up and look at it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import IntEnum, IntFlag
from typing import TYPE_CHECKING, Any

from tests.servers.discord.errors import Json

if TYPE_CHECKING:
    from tests.servers.discord.interactions import Interaction

EPOCH_MS = 1_420_070_400_000


class Permission(IntFlag):
    ADMINISTRATOR = 1 << 3
    MANAGE_CHANNELS = 1 << 4
    MANAGE_GUILD = 1 << 5
    ADD_REACTIONS = 1 << 6
    VIEW_CHANNEL = 1 << 10
    SEND_MESSAGES = 1 << 11
    SEND_TTS_MESSAGES = 1 << 12
    MANAGE_MESSAGES = 1 << 13
    EMBED_LINKS = 1 << 14
    ATTACH_FILES = 1 << 15
    READ_MESSAGE_HISTORY = 1 << 16
    MENTION_EVERYONE = 1 << 17
    USE_EXTERNAL_EMOJIS = 1 << 18
    CONNECT = 1 << 20
    SPEAK = 1 << 21
    MANAGE_ROLES = 1 << 28
    MANAGE_WEBHOOKS = 1 << 29
    USE_APPLICATION_COMMANDS = 1 << 31
    MANAGE_THREADS = 1 << 34
    CREATE_PUBLIC_THREADS = 1 << 35
    SEND_MESSAGES_IN_THREADS = 1 << 38


ALL = (1 << 51) - 1
#: What everyone may in a new server; Discord's own default has MENTION_EVERYONE too.
MEMBERS = (
    Permission.VIEW_CHANNEL
    | Permission.SEND_MESSAGES
    | Permission.EMBED_LINKS
    | Permission.ATTACH_FILES
    | Permission.ADD_REACTIONS
    | Permission.READ_MESSAGE_HISTORY
    | Permission.USE_EXTERNAL_EMOJIS
    | Permission.CONNECT
    | Permission.SPEAK
    | Permission.USE_APPLICATION_COMMANDS
    | Permission.CREATE_PUBLIC_THREADS
    | Permission.SEND_MESSAGES_IN_THREADS
)
#: Lost together with SEND_MESSAGES.
SPEECH = (
    Permission.MENTION_EVERYONE | Permission.SEND_TTS_MESSAGES | Permission.ATTACH_FILES | Permission.EMBED_LINKS
)


class Kind(IntEnum):
    TEXT = 0
    DM = 1
    VOICE = 2
    CATEGORY = 4
    ANNOUNCEMENT = 5
    ANNOUNCEMENT_THREAD = 10
    PUBLIC_THREAD = 11
    PRIVATE_THREAD = 12
    STAGE = 13
    FORUM = 15
    MEDIA = 16


THREADS = {Kind.ANNOUNCEMENT_THREAD, Kind.PUBLIC_THREAD, Kind.PRIVATE_THREAD}
VOICES = {Kind.VOICE, Kind.STAGE}
FORUMS = {Kind.FORUM, Kind.MEDIA}

#: https://docs.discord.com/developers/interactions/receiving-and-responding#interaction-object-resolved-data-structure
PARTIAL = (
    *("id", "name", "type", "last_message_id", "last_pin_timestamp", "nsfw", "parent_id", "guild_id", "flags"),
    *("rate_limit_per_user", "topic", "position"),
)

CROSSPOSTED = 1 << 0
SUPPRESS_EMBEDS = 1 << 2
EPHEMERAL = 1 << 6
LOADING = 1 << 7
SUPPRESS_NOTIFICATIONS = 1 << 12
COMPONENTS_V2 = 1 << 15


def stamp() -> str:
    return datetime.now(UTC).isoformat()


def texts(part: Any) -> Iterator[str]:
    """Walk over every text in a payload."""
    if isinstance(part, str):
        yield part
    elif isinstance(part, dict | list):
        for piece in part.values() if isinstance(part, dict) else part:
            yield from texts(piece)


@dataclass(eq=False)
class User:
    """Somebody.

    Attributes:
        takes_messages: Their privacy settings let bots of a server they are in write to them.
    """

    id: int
    name: str
    bot: bool = False
    locale: str = "en-US"
    takes_messages: bool = True

    @property
    def mention(self) -> str:
        return f"<@{self.id}>"

    def payload(self) -> Json:
        return {
            "id": str(self.id),
            "username": self.name,
            "global_name": None if self.bot else self.name.title(),
            "discriminator": "0000" if self.bot else "0",
            "avatar": None,
            "bot": self.bot,
            "public_flags": 0,
        }


@dataclass(eq=False)
class Role:
    id: int
    guild: Guild
    name: str
    permissions: int = 0
    mentionable: bool = False
    position: int = 0
    managed: bool = False

    @property
    def mention(self) -> str:
        return f"<@&{self.id}>"

    def payload(self) -> Json:
        return {
            "id": str(self.id),
            "name": self.name,
            "color": 0,
            "colors": {"primary_color": 0, "secondary_color": None, "tertiary_color": None},
            "hoist": False,
            "position": self.position,
            "permissions": str(int(self.permissions)),
            "managed": self.managed,
            "mentionable": self.mentionable,
            "flags": 0,
        }


@dataclass(eq=False)
class Member:
    user: User
    guild: Guild
    roles: list[Role] = field(default_factory=list)
    nick: str | None = None
    joined_at: str = field(default_factory=stamp)

    def permissions(self, channel: Channel | None = None) -> int:
        """Compute what this member may, as Discord's documentation says."""
        if self.guild.owner is self.user:
            return ALL
        allowed = int(self.guild.everyone.permissions)
        for role in self.roles:
            allowed |= int(role.permissions)
        if allowed & Permission.ADMINISTRATOR:
            return ALL
        if channel is None:
            return allowed
        overwrites = channel.ruling.overwrites
        for group in ([self.guild.everyone.id], [role.id for role in self.roles], [self.user.id]):
            rules = [overwrites[key] for key in group if key in overwrites]
            for _, _, denied in rules:
                allowed &= ~denied
            for _, given, _ in rules:
                allowed |= given
        if not allowed & Permission.VIEW_CHANNEL or channel.hidden_from(self.user, allowed):
            return 0
        speaks = Permission.SEND_MESSAGES_IN_THREADS if channel.is_thread else Permission.SEND_MESSAGES
        return allowed if allowed & speaks else allowed & ~SPEECH

    def payload(self, *, user: bool = True) -> Json:
        payload: Json = {
            "roles": [str(role.id) for role in self.roles],
            "nick": self.nick,
            "avatar": None,
            "joined_at": self.joined_at,
            "premium_since": None,
            "communication_disabled_until": None,
            "deaf": False,
            "mute": False,
            "pending": False,
            "flags": 0,
        }
        return payload | {"user": self.user.payload()} if user else payload


@dataclass(eq=False)
class Attachment:
    id: int
    filename: str
    data: bytes
    content_type: str
    url: str
    description: str | None = None
    spoiler: bool = False

    def payload(self) -> Json:
        payload: Json = {
            "id": str(self.id),
            "filename": self.filename,
            "size": len(self.data),
            "url": self.url,
            "proxy_url": self.url,
            "content_type": self.content_type,
        }
        return payload if self.description is None else payload | {"description": self.description}


@dataclass(frozen=True)
class Pings:
    """Who was notified."""

    everyone: bool = False
    roles: frozenset[int] = frozenset()
    users: frozenset[int] = frozenset()

    def __bool__(self) -> bool:
        return self.everyone or bool(self.roles or self.users)


@dataclass(eq=False)
class Message:
    """A message.

    Attributes:
        sent: The body of the request that made it.
        edits: The bodies of the requests that changed it.
        pings: Who was notified when it was made.
    """

    id: int
    channel: Channel
    author: User
    content: str = ""
    embeds: list[Json] = field(default_factory=list)
    components: list[Json] = field(default_factory=list)
    attachments: list[Attachment] = field(default_factory=list)
    flags: int = 0
    nonce: str | int | None = None
    allowed_mentions: Json | None = None
    reference: Json | None = None
    interaction: Interaction | None = None
    type: int = 0
    tts: bool = False
    pings: Pings = Pings()
    sent: Json = field(default_factory=dict)
    edits: list[Json] = field(default_factory=list)
    created_at: str = field(default_factory=stamp)
    edited_at: str | None = None
    deleted: bool = False

    @property
    def age(self) -> float:
        """How old it is by its id, in seconds."""
        return time.time() - ((self.id >> 22) + EPOCH_MS) / 1000

    @property
    def ephemeral(self) -> bool:
        return bool(self.flags & EPHEMERAL)

    @property
    def loading(self) -> bool:
        return bool(self.flags & LOADING)

    @property
    def crossposted(self) -> bool:
        return bool(self.flags & CROSSPOSTED)

    @property
    def shown(self) -> list[Attachment]:
        """The files below the message: without those that an embed or component shows."""
        used = set(texts([self.embeds, self.components]))
        return [file for file in self.attachments if f"attachment://{file.filename}" not in used]

    def _resolved(self, part: Any) -> Any:
        """Put links in the place of attachment://."""
        if isinstance(part, dict):
            return {key: self._resolved(value) for key, value in part.items()}
        if isinstance(part, list):
            return [self._resolved(value) for value in part]
        if isinstance(part, str) and part.startswith("attachment://"):
            return next((file.url for file in self.attachments if f"attachment://{file.filename}" == part), part)
        return part

    def payload(self) -> Json:
        guild = self.channel.guild
        people = self.pings.users if guild is None else self.pings.users & guild.members.keys()
        payload: Json = {
            "id": str(self.id),
            "channel_id": str(self.channel.id),
            "type": self.type,
            "author": self.author.payload(),
            "content": self.content,
            "timestamp": self.created_at,
            "edited_timestamp": self.edited_at,
            "tts": self.tts,
            "mention_everyone": self.pings.everyone,
            "mentions": [self.channel.world.users[person].payload() for person in sorted(people)],
            "mention_roles": [str(role) for role in sorted(self.pings.roles)],
            "attachments": [file.payload() for file in self.shown],
            "embeds": [{"type": "rich"} | self._resolved(embed) for embed in self.embeds],
            "components": self._resolved(self.components),
            "pinned": False,
            "flags": self.flags,
        }
        if self.nonce is not None:
            payload["nonce"] = self.nonce
        if self.reference is not None:
            payload["message_reference"] = self.reference
        if self.interaction is not None:
            payload |= self.interaction.mark(self)
        return payload

    def event(self) -> Json:
        """Make the payload of MESSAGE_CREATE and MESSAGE_UPDATE."""
        payload = self.payload()
        if (guild := self.channel.guild) is not None:
            payload["guild_id"] = str(guild.id)
            if (member := guild.members.get(self.author.id)) is not None:
                payload["member"] = member.payload(user=False)
        return payload


@dataclass(eq=False)
class Channel:
    """A channel, thread or direct conversation.

    Attributes:
        overwrites: By id of role or member: 0 for a role or 1, what is allowed, what is denied.
        messages: What is to be seen in it, without what was deleted.
        posted: All that was ever in it.
        invited: By id of user, who is in a private thread; others see it only if they manage threads.
    """

    world: World
    id: int
    type: Kind
    name: str
    guild: Guild | None = None
    parent: Channel | None = None
    recipient: User | None = None
    overwrites: dict[int, tuple[int, int, int]] = field(default_factory=dict)
    posted: list[Message] = field(default_factory=list)
    typed: int = 0
    archived: bool = False
    locked: bool = False
    deleted: bool = False
    invited: set[int] = field(default_factory=set)

    @property
    def is_thread(self) -> bool:
        return self.type in THREADS

    @property
    def ruling(self) -> Channel:
        """The channel whose overwrites hold here."""
        return self.parent if self.is_thread and self.parent is not None else self

    @property
    def mention(self) -> str:
        return f"<#{self.id}>"

    @property
    def messages(self) -> list[Message]:
        return [message for message in self.posted if not message.deleted]

    def overwrite(self, target: Role | User, *, allow: int = 0, deny: int = 0) -> None:
        self.overwrites[target.id] = (0 if isinstance(target, Role) else 1, int(allow), int(deny))

    def hidden_from(self, user: User, allowed: int) -> bool:
        """Tell whether it is a private thread that somebody is not in."""
        private = self.type is Kind.PRIVATE_THREAD and user.id not in self.invited
        return private and not allowed & Permission.MANAGE_THREADS

    def partial(self) -> Json:
        """Make the channel object that comes with an interaction's options."""
        payload = self.payload()
        kept = (*PARTIAL, "thread_metadata") if self.is_thread else PARTIAL
        return {key: payload[key] for key in kept if key in payload}

    def payload(self) -> Json:
        last = str(self.posted[-1].id) if self.posted else None
        payload: Json = {"id": str(self.id), "type": int(self.type), "last_message_id": last, "flags": 0}
        if self.recipient is not None:
            return payload | {"recipients": [self.recipient.payload()]}
        assert self.guild is not None
        parent = None if self.parent is None else str(self.parent.id)
        payload |= {"guild_id": str(self.guild.id), "name": self.name, "parent_id": parent}
        if self.is_thread:
            return payload | self._thread()
        payload |= {
            "position": 0,
            "nsfw": False,
            "topic": None,
            "rate_limit_per_user": 0,
            "permission_overwrites": [
                {"id": str(key), "type": kind, "allow": str(allowed), "deny": str(denied)}
                for key, (kind, allowed, denied) in self.overwrites.items()
            ],
        }
        if self.type in VOICES:
            payload |= {"bitrate": 64_000, "user_limit": 0, "rtc_region": None}
        if self.type in FORUMS:
            payload |= {"available_tags": [], "default_reaction_emoji": None, "default_sort_order": None}
        return payload

    def _thread(self) -> Json:
        assert self.guild is not None
        return {
            "owner_id": str(self.guild.owner.id),
            "member_count": 1,
            "message_count": len(self.messages),
            "total_message_sent": len(self.posted),
            "rate_limit_per_user": 0,
            "thread_metadata": {
                "archived": self.archived,
                "locked": self.locked,
                "auto_archive_duration": 1440,
                "archive_timestamp": stamp(),
            },
        }


@dataclass(eq=False)
class Guild:
    """A server.

    Attributes:
        present: The bot is a member.
        premium_tier: By its boosts, 0 to 3; files may be larger in 2 and 3.
        available: There is no outage of it.
        system_channel: Where Discord itself greets people.
        voices: Who is in which voice or stage channel, by id of the user.
        stages: What goes on on a stage, by id of its channel.
    """

    world: World
    id: int
    name: str
    owner: User
    locale: str = "en-US"
    present: bool = True
    premium_tier: int = 0
    available: bool = True
    system_channel: Channel | None = None
    roles: dict[int, Role] = field(default_factory=dict)
    members: dict[int, Member] = field(default_factory=dict)
    channels: dict[int, Channel] = field(default_factory=dict)
    voices: dict[int, Channel] = field(default_factory=dict)
    stages: dict[int, Json] = field(default_factory=dict)

    @property
    def everyone(self) -> Role:
        return self.roles[self.id]

    @property
    def me(self) -> Member:
        return self.members[self.world.bot.id]

    def role(self, name: str, permissions: int = 0, *, mentionable: bool = False, managed: bool = False) -> Role:
        role = Role(self.world.snowflake(), self, name, int(permissions), mentionable, len(self.roles), managed)
        self.roles[role.id] = role
        return role

    def member(self, user: User | str, *roles: Role) -> Member:
        user = self.world.user(user) if isinstance(user, str) else user
        self.members[user.id] = member = Member(user, self, list(roles))
        return member

    def channel(self, kind: Kind, name: str, parent: Channel | None = None) -> Channel:
        channel = Channel(self.world, self.world.snowflake(), kind, name, self, parent)
        self.channels[channel.id] = self.world.channels[channel.id] = channel
        return channel

    def text(self, name: str = "general") -> Channel:
        return self.channel(Kind.TEXT, name)

    def announcement(self, name: str = "news") -> Channel:
        return self.channel(Kind.ANNOUNCEMENT, name)

    def forum(self, name: str = "forum") -> Channel:
        return self.channel(Kind.FORUM, name)

    def voice(self, name: str = "Voice") -> Channel:
        return self.channel(Kind.VOICE, name)

    def stage(self, name: str = "Stage") -> Channel:
        return self.channel(Kind.STAGE, name)

    def thread(self, parent: Channel, name: str = "thread") -> Channel:
        kind = Kind.ANNOUNCEMENT_THREAD if parent.type is Kind.ANNOUNCEMENT else Kind.PUBLIC_THREAD
        return self.channel(kind, name, parent)

    def private_thread(self, parent: Channel, *people: User, name: str = "private") -> Channel:
        thread = self.channel(Kind.PRIVATE_THREAD, name, parent)
        thread.invited = {person.id for person in people}
        return thread

    def voice_state(self, member: Member, channel: Channel | None) -> Json:
        return {
            "user_id": str(member.user.id),
            "channel_id": None if channel is None else str(channel.id),
            "session_id": f"voice{member.user.id}",
            "deaf": False,
            "mute": False,
            "self_deaf": False,
            "self_mute": False,
            "self_video": False,
            "suppress": channel is not None and channel.type is Kind.STAGE,
            "request_to_speak_timestamp": None,
        }

    def payload(self) -> Json:
        """Make the guild object of REST."""
        return {
            "id": str(self.id),
            "name": self.name,
            "icon": None,
            "splash": None,
            "discovery_splash": None,
            "banner": None,
            "description": None,
            "vanity_url_code": None,
            "owner_id": str(self.owner.id),
            "region": "deprecated",
            "afk_channel_id": None,
            "afk_timeout": 300,
            "verification_level": 0,
            "default_message_notifications": 0,
            "explicit_content_filter": 0,
            "mfa_level": 0,
            "nsfw_level": 0,
            "premium_tier": self.premium_tier,
            "premium_subscription_count": 0,
            "preferred_locale": self.locale,
            "features": [],
            "emojis": [],
            "stickers": [],
            "application_id": None,
            "system_channel_id": None if self.system_channel is None else str(self.system_channel.id),
            "system_channel_flags": 0,
            "rules_channel_id": None,
            "public_updates_channel_id": None,
            "safety_alerts_channel_id": None,
            "incidents_data": None,
            "roles": [role.payload() for role in self.roles.values()],
        }

    def event(self, *, everybody: bool = False) -> Json:
        """Make the payload of GUILD_CREATE; without the presence intent only the bot and who is in voice."""
        known = (
            self.members.values() if everybody else map(self.members.__getitem__, {self.me.user.id, *self.voices})
        )
        return self.payload() | {
            "joined_at": self.me.joined_at,
            "large": len(self.members) > 250,
            "member_count": len(self.members),
            "members": [member.payload() for member in known],
            "channels": [channel.payload() for channel in self.channels.values() if not channel.is_thread],
            "threads": [
                channel.payload()
                for channel in self.channels.values()
                if channel.is_thread and not channel.archived and self.world.may(channel)
            ],
            "voice_states": [self.voice_state(self.members[who], where) for who, where in self.voices.items()],
            "presences": [],
            "stage_instances": [*self.stages.values()],
            "guild_scheduled_events": [],
            "soundboard_sounds": [],
        }


@dataclass(eq=False)
class World:
    """Everything there is.

    Attributes:
        privileged: The privileged intents that are switched on in the developer portal, as bits.
    """

    name: str = "Milepost"
    privileged: int = 0
    users: dict[int, User] = field(default_factory=dict)
    guilds: dict[int, Guild] = field(default_factory=dict)
    channels: dict[int, Channel] = field(default_factory=dict)
    _ids: int = 0

    def __post_init__(self) -> None:
        self.bot = self.user(self.name.lower(), bot=True)
        self.owner = self.user("operator")

    def snowflake(self) -> int:
        self._ids += 1
        return (int(time.time() * 1000) - EPOCH_MS << 22) + self._ids % (1 << 22)

    def user(self, name: str, *, bot: bool = False, locale: str = "en-US") -> User:
        user = User(self.snowflake(), name, bot, locale)
        self.users[user.id] = user
        return user

    def guild(
        self,
        name: str = "Server",
        *,
        owner: User | str = "owner",
        locale: str = "en-US",
        present: bool = True,
        everyone: int = MEMBERS,
        permissions: int = 0,
        shard: tuple[int, int] | None = None,
    ) -> Guild:
        """Make a server; ``permissions`` are the bot's, besides everyone's.

        Args:
            shard: Which of how many shards is to tell of it.
        """
        owner = self.user(owner) if isinstance(owner, str) else owner
        number = self.snowflake()
        if shard is not None:
            number += (shard[0] - (number >> 22)) % shard[1] << 22
        guild = Guild(self, number, name, owner, locale, present)
        guild.roles[guild.id] = Role(guild.id, guild, "@everyone", int(everyone))
        guild.member(owner)
        guild.member(self.bot, guild.role(self.name, permissions, managed=True))
        self.guilds[guild.id] = guild
        return guild

    def dm(self, user: User) -> Channel:
        """Return the conversation between the bot and somebody."""
        for channel in self.channels.values():
            if channel.recipient is user:
                return channel
        channel = Channel(self, self.snowflake(), Kind.DM, user.name, recipient=user)
        self.channels[channel.id] = channel
        return channel

    @property
    def joined(self) -> list[Guild]:
        return [guild for guild in self.guilds.values() if guild.present]

    def may(self, channel: Channel) -> int:
        """Tell what the bot may in a channel."""
        if channel.guild is None:
            return ALL
        return channel.guild.me.permissions(channel) if channel.guild.present else 0

    def application(self) -> Json:
        """Make the application object; the bot's id is the application's."""
        return {
            "id": str(self.bot.id),
            "name": self.name,
            "icon": None,
            "description": "",
            "summary": "",
            "type": None,
            "bot_public": True,
            "bot_require_code_grant": False,
            "verify_key": "0" * 64,
            "flags": self.flags,
            "owner": self.owner.payload(),
            "team": None,
            "bot": self.bot.payload(),
            "approximate_guild_count": len(self.joined),
            "approximate_user_install_count": 0,
            "interactions_endpoint_url": None,
            "redirect_uris": [],
            "tags": [],
            "integration_types_config": {"0": {}},
        }

    @property
    def flags(self) -> int:
        """The application's flags: GATEWAY_..._LIMITED for each privileged intent."""
        pairs = ((1 << 8, 1 << 13), (1 << 1, 1 << 15), (1 << 15, 1 << 19))
        return sum(flag for intent, flag in pairs if self.privileged & intent)
