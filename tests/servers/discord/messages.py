"""Making and changing messages: what the bot may, what is stored, who is notified."""

from __future__ import annotations

import mimetypes
import re
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.servers.discord import checks
from tests.servers.discord.errors import ApiError, Form, Json
from tests.servers.discord.limits import Meter
from tests.servers.discord.world import (
    COMPONENTS_V2,
    EPHEMERAL,
    FORUMS,
    LOADING,
    SUPPRESS_EMBEDS,
    SUPPRESS_NOTIFICATIONS,
    Attachment,
    Channel,
    Kind,
    Message,
    Permission,
    Pings,
    User,
    World,
    stamp,
)

if TYPE_CHECKING:
    from tests.servers.discord.interactions import Interaction

ANYBODY: Json = {"parse": ["users", "roles", "everyone"]}
USERS_ONLY: Json = {"parse": ["users"]}
#: Bytes of a file where a server has boosts.
BOOSTED = {2: 50 * 2**20, 3: 100 * 2**20}
SETTABLE = SUPPRESS_EMBEDS | SUPPRESS_NOTIFICATIONS | COMPONENTS_V2


@dataclass(frozen=True)
class Upload:
    """A file that came with a request.

    Attributes:
        index: The n of files[n].
    """

    index: int
    filename: str
    data: bytes


@dataclass(eq=False)
class Messages:
    """All messages, by what is done to them.

    Attributes:
        root: Where attachments can be fetched.
    """

    world: World
    meter: Meter
    root: str = ""
    _nonces: dict[tuple[int, str], tuple[float, Message]] = field(default_factory=dict)

    # ------------------------------------------------------------ may the bot?

    def seen(self, channel_id: int, *also: Permission) -> Channel:
        """Return a channel that the bot sees and where it may do this."""
        channel = self.world.channels.get(channel_id)
        if channel is None or channel.deleted:
            raise ApiError(10003)
        allowed = self.world.may(channel)
        if not allowed & Permission.VIEW_CHANNEL:
            raise ApiError(50001)
        if any(not allowed & needed for needed in also):
            raise ApiError(50013)
        return channel

    def find(self, channel: Channel, message_id: int) -> Message:
        for message in reversed(channel.posted):
            if message.id == message_id and not message.deleted:
                return message
        raise ApiError(10008)

    def may_speak(self, channel: Channel, body: Json, files: list[Upload]) -> None:
        if channel.recipient is not None:
            self._may_write(channel.recipient)
            return
        if channel.type in FORUMS:
            raise ApiError(40058)
        if channel.type is Kind.CATEGORY:
            raise ApiError(50008)
        allowed = self.world.may(channel)
        if channel.locked and not allowed & Permission.MANAGE_THREADS:
            raise ApiError(50083, status=403) if channel.archived else ApiError(160005)
        needed = [Permission.SEND_MESSAGES_IN_THREADS if channel.is_thread else Permission.SEND_MESSAGES]
        needed += [Permission.EMBED_LINKS] if body.get("embeds") else []
        needed += [Permission.ATTACH_FILES] if files else []
        needed += [Permission.SEND_TTS_MESSAGES] if body.get("tts") else []
        if any(not allowed & permission for permission in needed):
            raise ApiError(50013)
        if body.get("message_reference") and not allowed & Permission.READ_MESSAGE_HISTORY:
            raise ApiError(160002)

    def _may_write(self, user: User) -> None:
        if not any(user.id in guild.members for guild in self.world.joined):
            raise ApiError(50278)
        if not user.takes_messages:
            raise ApiError(50007)

    # ------------------------------------------------------------ doing it

    def create(
        self,
        channel: Channel,
        body: Json,
        files: list[Upload],
        *,
        author: User | None = None,
        interaction: Interaction | None = None,
        reply: bool = False,
    ) -> Message:
        """Store a new message; ``reply`` is the answer to an interaction, not a follow-up."""
        author = author or self.world.bot
        checks.message(body, files=len(files))
        message = Message(
            self.world.snowflake(),
            channel,
            author,
            content=(body.get("content") or "").strip(),
            embeds=body.get("embeds") or [],
            components=body.get("components") or [],
            flags=(body.get("flags") or 0) & (SETTABLE | (EPHEMERAL if interaction else 0)),
            nonce=body.get("nonce"),
            allowed_mentions=body.get("allowed_mentions"),
            reference=self._reference(channel, body.get("message_reference")),
            interaction=interaction,
            type=20 if reply else 0,
            tts=bool(body.get("tts")),
            sent=body,
        )
        message.type = 19 if message.reference else message.type
        message.attachments = self._files(message, body, files)
        message.pings = self._pings(message, USERS_ONLY if interaction else ANYBODY)
        if not message.ephemeral:
            channel.posted.append(message)
        return message

    def once(self, channel: Channel, body: Json, files: list[Upload]) -> tuple[Message, bool]:
        """Store a message of the bot's, or return the one with the same nonce; tell whether it is new."""
        nonce = body.get("nonce")
        key = (self.world.bot.id, str(nonce))
        enforced = nonce is not None and bool(body.get("enforce_nonce"))
        if enforced and key in self._nonces:
            when, message = self._nonces[key]
            if self.meter.now() - when < self.meter.limits.memory:
                return message, False
        message = self.create(channel, body, files)
        if nonce is not None:
            self._nonces[key] = self.meter.now(), message
        return message, True

    def edit(self, message: Message, body: Json, files: list[Upload]) -> None:
        now: Json = {
            "content": message.content,
            "embeds": message.embeds,
            "components": message.components,
            "flags": message.flags,
        }
        kept = self._kept(message, body)
        merged = now | body
        flags = body.get("flags") or 0
        changed = message.flags & ~SUPPRESS_EMBEDS | flags & SUPPRESS_EMBEDS if "flags" in body else message.flags
        merged["flags"] = changed | flags & COMPONENTS_V2
        checks.message(merged, files=len(kept) + len(files))
        message.content = (merged["content"] or "").strip()
        message.embeds = merged["embeds"] or []
        message.components = merged["components"] or []
        message.flags = merged["flags"] & ~LOADING
        message.attachments = kept + self._files(message, body, files)
        message.edited_at = stamp()
        message.edits.append(body)

    def _kept(self, message: Message, body: Json) -> list[Attachment]:
        if body.get("attachments") is None:
            return message.attachments
        ids = {str(entry.get("id")) for entry in body["attachments"]}
        return [file for file in message.attachments if str(file.id) in ids]

    def _files(self, message: Message, body: Json, files: list[Upload]) -> list[Attachment]:
        guild = message.channel.guild
        most = max(self.meter.limits.file_bytes, BOOSTED.get(guild.premium_tier, 0) if guild else 0)
        if any(len(file.data) > most for file in files):
            raise ApiError(40005)
        if len(files) > 10:
            raise ApiError(30015)
        told = {str(entry.get("id")): entry for entry in body.get("attachments") or []}
        known = {str(file.index) for file in files} | {str(file.id) for file in message.attachments}
        form = Form()
        for index, entry in enumerate(body.get("attachments") or []):
            if str(entry.get("id")) not in known:
                form.add(("attachments", index), "ATTACHMENT_NOT_FOUND", "Uploaded file not found.")
            form.at_most(("attachments", index, "description"), entry.get("description"), 1024)
        form.check()
        return [self._file(message, file, told.get(str(file.index), {})) for file in files]

    def _file(self, message: Message, file: Upload, told: Json) -> Attachment:
        number = self.world.snowflake()
        name = re.sub(r"[^\w.\-]", "_", told.get("filename") or file.filename)
        until = int(time.time() + self.meter.limits.links * self.meter.limits.scale)
        url = f"{self.root}/attachments/{message.channel.id}/{number}/{name}?ex={until:x}&is=0&hm=0"
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        return Attachment(number, name, file.data, kind, url, told.get("description"))

    def _reference(self, channel: Channel, told: Json | None) -> Json | None:
        if told is None:
            return None
        if not any(message.id == int(told["message_id"]) for message in channel.messages):
            if not told.get("fail_if_not_exists", True):
                return None
            form = Form()
            form.add(("message_reference",), "REPLIES_UNKNOWN_MESSAGE", "Unknown message")
            form.check()
        guild = {} if channel.guild is None else {"guild_id": str(channel.guild.id)}
        return {"type": 0, "message_id": str(told["message_id"]), "channel_id": str(channel.id)} | guild

    def _pings(self, message: Message, usual: Json) -> Pings:
        """Find out whom a message notifies; mentions in embeds notify nobody."""
        told = usual if message.allowed_mentions is None else message.allowed_mentions
        parse = set(told.get("parse") or [])
        named = {kind: set(map(int, told.get(kind) or [])) for kind in ("users", "roles")}
        shown = [part.get("content") or "" for _, part in checks.walk(message.components)]
        text = "\n".join([message.content, *shown])
        users = {int(found) for found in re.findall(r"<@!?(\d+)>", text)} & self.world.users.keys()
        users = users if "users" in parse else users & named["users"]
        if message.reference and told.get("replied_user"):
            number = int(message.reference["message_id"])
            users |= {other.author.id for other in message.channel.posted if other.id == number}
        guild = message.channel.guild
        if guild is None:
            return Pings(users=frozenset(users))
        speaker = guild.members.get(message.author.id)
        all_of_them = bool((speaker.permissions(message.channel) if speaker else 0) & Permission.MENTION_EVERYONE)
        roles = {int(found) for found in re.findall(r"<@&(\d+)>", text)} & guild.roles.keys()
        roles = {role for role in roles if all_of_them or guild.roles[role].mentionable}
        roles = roles if "roles" in parse else roles & named["roles"]
        everyone = all_of_them and "everyone" in parse and bool(re.search(r"@(everyone|here)\b", text))
        return Pings(everyone, frozenset(roles), frozenset(users))
