"""What Telegram holds: people, chats, messages, menus. Tests set it up and look at it."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from tests.servers.telegram.entities import Json

Status = Literal["creator", "administrator", "member", "restricted", "left", "kicked"]
Kind = Literal["private", "group", "supergroup", "channel"]

ADMIN_RIGHTS = [
    "can_manage_chat",
    "can_delete_messages",
    "can_manage_video_chats",
    "can_restrict_members",
    "can_promote_members",
    "can_change_info",
    "can_invite_users",
    "can_post_stories",
    "can_edit_stories",
    "can_delete_stories",
    "can_post_messages",
    "can_edit_messages",
    "can_pin_messages",
    "can_manage_topics",
]
PERMISSIONS = [
    "can_send_messages",
    "can_send_audios",
    "can_send_documents",
    "can_send_photos",
    "can_send_videos",
    "can_send_video_notes",
    "can_send_voice_notes",
    "can_send_polls",
    "can_send_other_messages",
    "can_add_web_page_previews",
    "can_edit_tag",
    "can_react_to_messages",
    "can_change_info",
    "can_invite_users",
    "can_pin_messages",
    "can_manage_topics",
]
#: The first identifiers of each kind, far apart so that a mix-up shows.
FIRST = {"user": 1001, "group": -2001, "supergroup": -1_001_000_003_001, "channel": -1_001_000_004_001}


@dataclass(eq=False)
class User:
    id: int
    first_name: str
    username: str | None = None
    language_code: str | None = None
    is_bot: bool = False

    def json(self) -> Json:
        return {
            "id": self.id,
            "is_bot": self.is_bot,
            "first_name": self.first_name,
            **_given(username=self.username, language_code=self.language_code),
        }


#: Whom messages of anonymous admins, and of channels in a group, name as their sender.
ANONYMOUS = User(1087968824, "Group", "GroupAnonymousBot", is_bot=True)
CHANNEL_BOT = User(136817688, "Channel", "Channel_Bot", is_bot=True)


@dataclass
class Member:
    """Somebody's place in a chat.

    Attributes:
        rights: Those of an administrator.
        denied: What somebody who is restricted may not do.
    """

    user: User
    status: Status = "left"
    rights: frozenset[str] = frozenset()
    anonymous: bool = False
    denied: frozenset[str] = frozenset()

    @property
    def inside(self) -> bool:
        return self.status not in {"left", "kicked"}

    @property
    def admin(self) -> bool:
        return self.status in {"creator", "administrator"}

    def may(self, right: str) -> bool:
        return self.status == "creator" or (self.status == "administrator" and right in self.rights)

    def json(self) -> Json:
        member: Json = {"user": self.user.json(), "status": self.status}
        if self.admin:
            member["is_anonymous"] = self.anonymous
        if self.status == "administrator":
            member |= {right: right in self.rights for right in ADMIN_RIGHTS} | {"can_be_edited": False}
        if self.status == "restricted":
            member |= {name: name not in self.denied for name in PERMISSIONS} | {"is_member": True}
        if self.status in {"kicked", "restricted"}:
            member["until_date"] = 0
        return member


@dataclass(eq=False)
class Topic:
    id: int
    name: str
    root: Message
    closed: bool = False
    deleted: bool = False


@dataclass(frozen=True)
class File:
    id: str
    kind: Literal["photo", "document"]
    name: str
    mime: str
    content: bytes
    size: tuple[int, int] = (800, 800)

    @property
    def unique_id(self) -> str:
        return f"u{self.id}"

    @property
    def path(self) -> str:
        return f"{self.kind}s/{self.name}"

    def json(self) -> Json:
        common = {"file_id": self.id, "file_unique_id": self.unique_id, "file_size": len(self.content)}
        if self.kind == "document":
            return {"document": common | {"file_name": self.name, "mime_type": self.mime}}
        return {"photo": [common | {"width": self.size[0], "height": self.size[1]}]}


@dataclass(frozen=True)
class Content:
    """What an edit can change of a message; the text is the caption of what has a file."""

    text: str = ""
    entities: tuple[Json, ...] = ()
    file: File | None = None
    markup: Json | None = None

    def json(self) -> Json:
        name = "caption" if self.file else "text"
        shown: Json = self.file.json() if self.file else {}
        if self.text:
            shown[name] = self.text
        if self.entities:
            shown["caption_entities" if self.file else "entities"] = list(self.entities)
        return shown | _given(reply_markup=self.markup)


@dataclass(eq=False)
class Message:
    """A message.

    Attributes:
        outgoing: Whether the bot sent it, with ``params``: the parameters of that request.
        service: The fields of a service message.
        history: What it was before each edit.
        update_id: The update that told the bot of it; None if the bot cannot see it, or wrote it.
    """

    chat: Chat
    id: int
    date: int
    content: Content = Content()
    sender: User | None = None
    sender_chat: Chat | None = None
    topic: Topic | None = None
    reply_to: Message | None = None
    album: str | None = None
    service: Json = field(default_factory=dict)
    outgoing: bool = False
    params: dict[str, str] = field(default_factory=dict)
    history: list[Content] = field(default_factory=list)
    edited: int | None = None
    deleted: bool = False
    update_id: int | None = None

    @property
    def text(self) -> str:
        return self.content.text

    @property
    def entities(self) -> list[Json]:
        return list(self.content.entities)

    @property
    def markup(self) -> Json | None:
        return self.content.markup

    @property
    def file(self) -> File | None:
        return self.content.file

    @property
    def buttons(self) -> list[Json]:
        rows = (self.content.markup or {}).get("inline_keyboard", [])
        return [button for row in rows for button in row]

    def edit(self, content: Content) -> None:
        self.history.append(self.content)
        self.content, self.edited = content, int(time.time())

    def json(self, *, with_reply: bool = True) -> Json:
        reply = self.reply_to.json(with_reply=False) if self.reply_to and with_reply else None
        shown: Json = {"message_id": self.id, "date": self.date, "chat": self.chat.json()}
        shown |= _given(
            **{"from": self.sender and self.sender.json()},
            sender_chat=self.sender_chat and self.sender_chat.json(),
            reply_to_message=reply,
            edit_date=self.edited,
            media_group_id=self.album,
        )
        if self.topic is not None:
            shown |= {"message_thread_id": self.topic.id, "is_topic_message": True}
        return shown | self.content.json() | self.service


@dataclass(eq=False)
class Chat:
    """A chat.

    Attributes:
        bot: The bot's own place in it; ``bot.status`` and ``bot.rights`` may be set.
        denied: What members may not do here, for example "can_send_messages"; admins may.
        closed: Whether the General topic is closed.
        last_writer: Who wrote last among bots, for privacy mode.
        started, deactivated: Of a private chat: whether the user ever wrote, and deleted himself.
        gone: A basic group that was deleted.
    """

    id: int
    type: Kind
    bot: Member
    title: str | None = None
    username: str | None = None
    user: User | None = None
    forum: bool = False
    members: dict[int, Member] = field(default_factory=dict)
    topics: dict[int, Topic] = field(default_factory=dict)
    messages: dict[int, Message] = field(default_factory=dict)
    pinned: list[int] = field(default_factory=list)
    actions: list[str] = field(default_factory=list)
    denied: set[str] = field(default_factory=set)
    closed: bool = False
    migrated_to: int | None = None
    last_writer: int | None = None
    started: bool = True
    deactivated: bool = False
    gone: bool = False
    ids: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def group(self) -> bool:
        return self.type in {"group", "supergroup"}

    @property
    def blocked(self) -> bool:
        """Whether the user stopped the bot."""
        return self.type == "private" and self.bot.status == "kicked"

    @property
    def sent(self) -> list[Message]:
        """What the bot wrote and nobody deleted."""
        return [m for m in self.messages.values() if m.outgoing and not m.deleted]

    @property
    def last(self) -> Message:
        return self.sent[-1]

    def json(self) -> Json:
        chat: Json = {"id": self.id, "type": self.type} | _given(title=self.title, username=self.username)
        if self.user is not None:
            chat |= {"first_name": self.user.first_name} | _given(username=self.user.username)
        return chat | ({"is_forum": True} if self.forum else {})

    def member(self, user: User) -> Member:
        if user.id == self.bot.user.id:
            return self.bot
        return self.members.setdefault(user.id, Member(user))

    def admins(self) -> list[Member]:
        return [m for m in (self.bot, *self.members.values()) if m.admin and (m is self.bot or not m.user.is_bot)]

    def add(self, content: Content | None = None, **fields: Any) -> Message:
        message = Message(self, next(self.ids), int(time.time()), content or Content(), **fields)
        self.messages[message.id] = message
        return message


@dataclass(eq=False)
class Press:
    """A pressed button.

    Attributes:
        answer: What the bot answered; None until it did.
        expired: Set it, and the answer comes too late.
    """

    id: str
    user: User
    message: Message
    data: str
    answer: dict[str, str] | None = None
    expired: bool = False


@dataclass
class Webhook:
    url: str = ""
    secret: str = ""
    max_connections: int = 40
    last_error: tuple[int, str] | None = None


@dataclass
class World:
    """Everything there is.

    Attributes:
        bot: We.
        privacy: The bot's privacy mode in groups.
        media_to_text: The server lets media be added to texts; those of one's own may be too old for it.
    """

    bot: User
    privacy: bool = True
    media_to_text: bool = True
    users: dict[int, User] = field(default_factory=dict)
    chats: dict[int, Chat] = field(default_factory=dict)
    files: dict[str, File] = field(default_factory=dict)
    presses: dict[str, Press] = field(default_factory=dict)
    commands: dict[tuple[str, str], list[Json]] = field(default_factory=dict)
    webhook: Webhook = field(default_factory=Webhook)
    _numbers: dict[str, Iterator[int]] = field(default_factory=dict)
    _small: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def user(self, first_name: str = "Ada", *, language_code: str | None = "en", **fields: Any) -> User:
        user = User(
            fields.pop("id", None) or self.number("user"), first_name, language_code=language_code, **fields
        )
        self.users[user.id] = user
        return user

    def private(self, user: User | None = None, *, blocked: bool = False, **fields: Any) -> Chat:
        """Make a private chat; by default the user has written to the bot before."""
        user = user or self.user()
        me = self.me("kicked" if blocked else "member")
        return self._keep(Chat(user.id, "private", me, user=user, ids=self._small, **fields))

    def group(self, title: str = "Friends", *, status: Status = "member", **fields: Any) -> Chat:
        """Make a basic group."""
        number = fields.pop("id", None) or self.number("group")
        return self._keep(Chat(number, "group", self.me(status), title, ids=self._small, **fields))

    def supergroup(self, title: str = "Everybody", *, status: Status = "member", **fields: Any) -> Chat:
        """Make a supergroup; with ``forum=True`` it has topics, of which General has the number 1."""
        number = fields.pop("id", None) or self.number("supergroup")
        if fields.get("forum"):
            fields["ids"] = itertools.count(2)
        return self._keep(Chat(number, "supergroup", self.me(status), title, **fields))

    def channel(self, title: str = "News", *, status: Status = "administrator", **fields: Any) -> Chat:
        """Make a channel, where the bot may post unless told otherwise."""
        number = fields.pop("id", None) or self.number("channel")
        return self._keep(Chat(number, "channel", self.me(status), title, **fields))

    def me(self, status: Status, rights: frozenset[str] | None = None) -> Member:
        """Make the bot's place in a chat: an administrator has all rights unless they are named."""
        everything = frozenset(ADMIN_RIGHTS) if status == "administrator" else frozenset[str]()
        return Member(self.bot, status, everything if rights is None else rights)

    def join(self, chat: Chat, user: User, status: Status = "member", *, anonymous: bool = False) -> Member:
        """Put somebody into a chat, without telling the bot."""
        rights = frozenset(ADMIN_RIGHTS) if status == "administrator" else frozenset[str]()
        chat.members[user.id] = Member(user, status, rights, anonymous)
        return chat.members[user.id]

    def topic(self, chat: Chat, name: str, *, by: User | None = None, color: int = 0x6FB9F0) -> Topic:
        """Open a forum topic; its number is that of the service message that opened it."""
        assert chat.forum, "only a forum has topics"
        root = chat.add(
            sender=by or self.bot, service={"forum_topic_created": {"name": name, "icon_color": color}}
        )
        root.topic = chat.topics[root.id] = Topic(root.id, name, root)
        return root.topic

    def file(
        self, kind: Literal["photo", "document"], name: str, mime: str, content: bytes, **fields: Any
    ) -> File:
        number = self.number("file")
        file = File(f"file{number}", kind, f"{number}_{name}", mime, content, **fields)
        self.files[file.id] = file
        return file

    def number(self, kind: str) -> int:
        first = FIRST.get(kind, 1)
        return next(self._numbers.setdefault(kind, itertools.count(first, 1 if first > 0 else -1)))

    def migrated(self, chat: Chat) -> Chat:
        """Make the supergroup that a basic group turns into."""
        new = self.supergroup(chat.title or "")
        new.bot, new.members, new.denied = replace(chat.bot), dict(chat.members), set(chat.denied)
        chat.migrated_to = new.id
        return new

    def menu(self, chat: Chat, user: User) -> list[Json]:
        """Return the commands that a user sees in a chat: the first hit in the documented order."""
        admin, here = chat.member(user).admin, f":{chat.id}"
        scopes = ["chat" + here, "all_private_chats", "default"]
        if chat.group:
            scopes = [f"chat_member{here}:{user.id}"]
            scopes += ["chat_administrators" + here] * admin + ["chat" + here]
            scopes += ["all_chat_administrators"] * admin + ["all_group_chats", "default"]
        for scope in scopes:
            for language in (user.language_code or "", ""):
                if self.commands.get((scope, language)):
                    return self.commands[scope, language]
        return []

    def _keep(self, chat: Chat) -> Chat:
        self.chats[chat.id] = chat
        return chat


def _given(**fields: Any) -> Json:
    return {name: value for name, value in fields.items() if value is not None}
