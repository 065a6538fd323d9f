"""The methods of the Bot API. What Telegram checks first is checked first: the arguments, the chat, the content.

The words of the errors are those of https://github.com/tdlib/telegram-bot-api and of what it answers in practice.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from tests.servers.telegram.content import Composer
from tests.servers.telegram.entities import Json
from tests.servers.telegram.query import Query, bad, forbidden
from tests.servers.telegram.world import PERMISSIONS, Chat, Content, Member, Message, Topic, User

MAX_ANSWER = 200
MAX_DOWNLOAD = 20 << 20
TWO_DAYS = 48 * 3600
NOT_MODIFIED = (
    "message is not modified: specified new message content and reply markup are exactly the same "
    "as a current content and reply markup of the message"
)
ACTIONS = [
    "typing",
    "upload_photo",
    "record_video",
    "upload_video",
    "record_voice",
    "upload_voice",
    "record_audio",
    "upload_audio",
    "upload_document",
    "choose_sticker",
    "find_location",
    "record_video_note",
    "upload_video_note",
]
#: What a permission lets one send, as the refusal calls it.
WHATS = {
    "can_send_messages": "text messages",
    "can_send_photos": "photos",
    "can_send_documents": "documents",
}

PERMISSION = {"photo": "can_send_photos", "document": "can_send_documents"}

Method = Callable[["Api", Query], Any]


@dataclass(frozen=True)
class Place:
    """Where a message goes."""

    chat: Chat
    topic: Topic | None
    reply_to: Message | None


@dataclass
class Api(Composer):
    """The methods over a world.

    Attributes:
        count: Counts messages, and refuses what is too much.
        updates: Updates that methods caused, to be told to the bot.
    """

    count: Callable[[Chat, str, int], None]
    updates: list[Json] = field(default_factory=list)

    # --- chats

    def chat(self, query: Query, name: str = "chat_id") -> Chat:
        given = query.text(name)
        if not given:
            raise bad(f"{name} is empty")
        if given.startswith("@"):
            named = (
                c for c in self.world.chats.values() if c.username and c.username.lower() == given[1:].lower()
            )
            found = next(named, None)
        else:
            found = self.world.chats.get(int(given)) if given.removeprefix("-").isdecimal() else None
        if found is None:
            raise bad("chat not found")
        return found

    def reachable(self, chat: Chat) -> Chat:
        """Check what every call on a chat needs."""
        if chat.migrated_to is not None:
            raise bad("group chat was upgraded to a supergroup chat", migrate_to_chat_id=chat.migrated_to)
        if chat.gone:
            raise forbidden("the group chat was deleted")
        if chat.type == "private":
            return chat
        if chat.bot.status == "kicked":
            raise forbidden(f"bot was kicked from the {chat.type} chat")
        if chat.bot.status == "left":
            raise forbidden(f"bot is not a member of the {chat.type} chat")
        return chat

    def writable(self, chat: Chat, permission: str) -> None:
        self.reachable(chat)
        if chat.type == "private":
            if chat.deactivated:
                raise forbidden("user is deactivated")
            if chat.blocked:
                raise forbidden("bot was blocked by the user")
            if not chat.started:
                raise forbidden("bot can't initiate conversation with a user")
        elif chat.type == "channel":
            if not chat.bot.may("can_post_messages"):
                raise bad("need administrator rights in the channel chat")
        elif permission in chat.denied | chat.bot.denied and not chat.bot.admin:
            raise bad(f"not enough rights to send {WHATS[permission]} to the chat")

    def place(self, query: Query, permission: str, *, messages: int = 1) -> Place:
        """Find out where a message goes, and whether it may. A refused one has counted."""
        chat = self.chat(query)
        self.count(chat, query.method, messages)
        self.writable(chat, permission)
        replied = query.json("reply_parameters", "reply parameters") or {}
        wanted = int(replied.get("message_id") or query.number("reply_to_message_id"))
        target = chat.messages.get(wanted)
        if target is not None and target.deleted:
            target = None
        thread = query.number("message_thread_id")
        if not thread and target is not None and target.topic is not None:
            thread = target.topic.id
        topic = self.topic(chat, thread)
        forgiving = replied.get("allow_sending_without_reply") or query.flag("allow_sending_without_reply")
        if wanted and target is None and not forgiving:
            raise bad("message to be replied not found")
        return Place(chat, topic, target)

    def topic(self, chat: Chat, thread: int) -> Topic | None:
        """Find the forum topic. General is named by saying nothing: its number 1 is not found (observed)."""
        if not thread:
            if chat.forum and chat.closed and not chat.bot.may("can_manage_topics"):
                raise bad("TOPIC_CLOSED")
            return None
        topic = chat.topics.get(thread)
        if topic is None or topic.deleted:
            raise bad("message thread not found")
        if topic.closed and not chat.bot.may("can_manage_topics"):
            raise bad("TOPIC_CLOSED")
        return topic

    # --- sending

    def store(self, query: Query, place: Place, content: Content, *, album: str | None = None) -> Message:
        chat, bot = place.chat, self.world.bot
        chat.last_writer = bot.id
        return chat.add(
            content,
            sender=None if chat.type == "channel" else bot,
            sender_chat=chat if chat.type == "channel" else None,
            topic=place.topic,
            reply_to=place.reply_to,
            album=album,
            outgoing=True,
            params=dict(query.params),
        )

    def send_message(self, query: Query) -> Json:
        content = self.body(query)
        place = self.place(query, "can_send_messages")
        return self.store(query, place, self.checked(content)).json()

    def send_photo(self, query: Query) -> Json:
        return self._send_file(query, "photo", "can_send_photos")

    def send_document(self, query: Query) -> Json:
        return self._send_file(query, "document", "can_send_documents")

    def _send_file(self, query: Query, kind: Literal["photo", "document"], permission: str) -> Json:
        content = self.captioned(query, self.file(query, query.text(kind), kind, kind))
        place = self.place(query, permission)
        return self.store(query, place, self.checked(content)).json()

    def send_media_group(self, query: Query) -> list[Json]:
        media = query.json("media", "media") or []
        if not isinstance(media, list) or not media:
            raise bad("media is empty" if not media else "expected an Array of InputMedia")
        contents = [self.medium(query, item) for item in media]
        if len(contents) > 10:
            raise bad("too many messages to send as an album")
        if len({content.file and content.file.kind for content in contents}) > 1:
            raise bad("document can't be mixed with other media types")
        permission = "can_send_photos" if media[0]["type"] == "photo" else "can_send_documents"
        place = self.place(query, permission, messages=len(contents))
        checked = [self.checked(content) for content in contents]
        album = str(self.world.number("album")) if len(checked) > 1 else None
        return [self.store(query, place, content, album=album).json() for content in checked]

    def send_chat_action(self, query: Query) -> bool:
        if query.text("action") not in ACTIONS:
            raise bad("wrong parameter action in request")
        chat = self.chat(query)
        self.writable(chat, "can_send_messages")
        # A topic that is gone is not noticed: https://github.com/tdlib/telegram-bot-api/issues/732
        chat.actions.append(query.text("action"))
        return True

    # --- changing

    def message(self, query: Query, what: str) -> Message:
        if not query.number("message_id"):
            raise bad("message identifier is not specified")
        chat = self.reachable(self.chat(query))
        message = chat.messages.get(query.number("message_id"))
        if message is None or message.deleted:
            raise bad(f"message to {what} not found")
        return message

    def editable(self, query: Query) -> Message:
        """Find what is to be edited. Edits count like messages (observed)."""
        if query.number("message_id"):
            self.count(self.chat(query), query.method, 1)
        message = self.message(query, "edit")
        if not message.outgoing and not (
            message.chat.type == "channel" and message.chat.bot.may("can_edit_messages")
        ):
            raise bad("message can't be edited")
        if message.chat.type == "channel" and not message.chat.bot.may("can_post_messages"):
            raise bad("message can't be edited")
        return message

    def edited(self, message: Message, content: Content) -> Json:
        if content == message.content:
            raise bad(NOT_MODIFIED)
        message.edit(self.checked(content))
        return message.json()

    def edit_message_text(self, query: Query) -> Json:
        content = self.body(query)
        message = self.editable(query)
        if message.file is not None:
            raise bad("there is no text in the message to edit")
        return self.edited(message, content)

    def edit_message_caption(self, query: Query) -> Json:
        content = self.captioned(query, None)
        message = self.editable(query)
        if message.file is None:
            raise bad("there is no caption in the message to edit")
        return self.edited(message, Content(content.text, content.entities, message.file, content.markup))

    def edit_message_media(self, query: Query) -> Json:
        content = self.medium(query, query.json("media", "media"))
        markup = self.markup(query)
        message = self.editable(query)
        if message.file is None and not self.world.media_to_text:
            raise bad("there is no media in the message to edit")
        assert content.file is not None
        self.writable(message.chat, PERMISSION[content.file.kind])
        return self.edited(message, Content(content.text, content.entities, content.file, markup))

    def edit_message_reply_markup(self, query: Query) -> Json:
        markup = self.markup(query)
        message = self.editable(query)
        now = message.content
        return self.edited(message, Content(now.text, now.entities, now.file, markup))

    def delete_message(self, query: Query) -> bool:
        message = self.message(query, "delete")
        chat = message.chat
        mine = message.outgoing or chat.type == "private" or chat.bot.may("can_delete_messages")
        if not mine or time.time() - message.date > TWO_DAYS:
            raise bad("message can't be deleted")
        message.deleted = True
        return True

    def pin_chat_message(self, query: Query) -> bool:
        message = self.message(query, "pin")
        chat = message.chat
        right = "can_edit_messages" if chat.type == "channel" else "can_pin_messages"
        if chat.type != "private" and not chat.bot.may(right):
            raise bad("not enough rights to manage pinned messages in the chat")
        if message.id not in chat.pinned:
            chat.pinned.append(message.id)
            notice = chat.add(
                sender=None if chat.type == "channel" else self.world.bot,
                sender_chat=chat if chat.type == "channel" else None,
                topic=message.topic,
                service={"pinned_message": message.json(with_reply=False)},
            )
            self.updates.append({"channel_post" if chat.type == "channel" else "message": notice.json()})
        return True

    def answer_callback_query(self, query: Query) -> bool:
        press = self.world.presses.get(query.text("callback_query_id"))
        if press is None or press.expired:
            raise bad("query is too old and response timeout expired or query ID is invalid")
        if len(query.text("text")) > MAX_ANSWER:
            raise bad("MESSAGE_TOO_LONG")
        press.answer = dict(query.params)
        return True

    # --- looking

    def get_me(self, _: Query) -> Json:
        return self.world.bot.json() | {
            "can_join_groups": True,
            "can_read_all_group_messages": not self.world.privacy,
            "supports_inline_queries": False,
            "can_connect_to_business": False,
            "has_main_web_app": False,
        }

    def get_chat(self, query: Query) -> Json:
        chat = self.chat(query)
        public = chat.username is not None and chat.bot.status == "left"  # which anybody can look up
        if chat.migrated_to is None and not public:
            self.reachable(chat)
        full = chat.json() | {
            "accent_color_id": 0,
            "max_reaction_count": 11,
            "accepted_gift_types": dict.fromkeys(
                (
                    "unlimited_gifts",
                    "limited_gifts",
                    "unique_gifts",
                    "premium_subscription",
                    "gifts_from_channels",
                ),
                False,
            ),
        }
        if chat.group:
            full["permissions"] = {name: name not in chat.denied for name in PERMISSIONS}
        if chat.pinned:
            full["pinned_message"] = chat.messages[chat.pinned[-1]].json(with_reply=False)
        return full

    def get_chat_member(self, query: Query) -> Json:
        if not query.number("user_id"):
            raise bad("invalid user_id specified")
        chat = self.reachable(self.chat(query))
        wanted = query.number("user_id")
        if wanted == self.world.bot.id:
            return chat.bot.json()
        user = self.world.users.get(wanted)
        if user is None:
            raise bad("PARTICIPANT_ID_INVALID")
        if chat.type == "channel" and not chat.bot.admin:
            raise bad("member list is inaccessible")
        if chat.type == "private":
            return Member(user, "member").json()
        return chat.members.get(wanted, Member(user)).json()

    def get_chat_administrators(self, query: Query) -> list[Json]:
        chat = self.reachable(self.chat(query))
        if chat.type == "private":
            raise bad("there are no administrators in the private chat")
        if chat.type == "channel" and not chat.bot.admin:
            raise bad("member list is inaccessible")
        return [member.json() for member in chat.admins()]

    def get_file(self, query: Query) -> Json:
        if not query.text("file_id"):
            raise bad("file_id not specified")
        file = self.world.files.get(query.text("file_id"))
        if file is None:
            raise bad("wrong file_id or the file is temporarily unavailable")
        if len(file.content) > MAX_DOWNLOAD:
            raise bad("file is too big")
        shown = {"file_id": file.id, "file_unique_id": file.unique_id}
        return shown | {"file_size": len(file.content), "file_path": file.path}

    # --- chats themselves

    def create_forum_topic(self, query: Query) -> Json:
        name = query.text("name").strip()
        if not name:
            raise bad("forum topic name must be non-empty")
        chat = self.reachable(self.chat(query))
        if not chat.forum:
            raise bad("the chat is not a forum")
        if not chat.bot.may("can_manage_topics"):
            raise bad("not enough rights to create a topic")
        color = query.number("icon_color", 0x6FB9F0)
        topic = self.world.topic(chat, name[:128], color=color)
        return {"message_thread_id": topic.id, "name": topic.name, "icon_color": color}

    def leave_chat(self, query: Query) -> bool:
        chat = self.reachable(self.chat(query))
        if chat.type == "private":
            raise bad("chat member status can't be changed in private chats")
        self.updates.append(self.moved(chat, Member(self.world.bot, "left"), self.world.bot))
        return True

    def moved(self, chat: Chat, new: Member, by: User) -> Json:
        """Give the bot another place in a chat, and return the update on it."""
        old, chat.bot = chat.bot, new
        change = {"chat": chat.json(), "from": by.json(), "date": int(time.time())}
        return {"my_chat_member": change | {"old_chat_member": old.json(), "new_chat_member": new.json()}}

    # --- menus

    def set_my_commands(self, query: Query) -> bool:
        scope = self.scope(query)
        commands = query.json("commands", "commands")
        if not isinstance(commands, list):
            raise bad("expected an Array of BotCommand")
        self.world.commands[scope] = [_command(item) for item in commands]
        if len(commands) > 100:
            del self.world.commands[scope]
            raise bad("BOT_COMMANDS_TOO_MUCH")
        return True

    def get_my_commands(self, query: Query) -> list[Json]:
        return self.world.commands.get(self.scope(query), [])

    def delete_my_commands(self, query: Query) -> bool:
        self.world.commands.pop(self.scope(query), None)
        return True

    def scope(self, query: Query) -> tuple[str, str]:
        """Read for whom a menu is: for example ``chat_member:-2001:1001``, and the language."""
        given = query.json("scope", "BotCommandScope") or {"type": "default"}
        kind = given.get("type") if isinstance(given, dict) else None
        language = query.text("language_code")
        if language and not (len(language) == 2 and language.isascii() and language.islower()):
            raise bad("invalid language code specified")
        if kind in {"default", "all_private_chats", "all_group_chats", "all_chat_administrators"}:
            return str(kind), language
        if kind not in {"chat", "chat_administrators", "chat_member"}:
            raise bad("can't parse BotCommandScope: unsupported type specified")
        chat = self.reachable(self.chat(Query("", {"chat_id": str(given.get("chat_id", ""))})))
        if chat.type == "channel":
            raise bad("can't change commands in channel chats")
        if chat.type == "private" and kind != "chat":
            raise bad("can't use specified scope in private chats")
        member = f":{given.get('user_id')}" if kind == "chat_member" else ""
        return f"{kind}:{chat.id}{member}", language


def _command(given: Any) -> Json:
    if not isinstance(given, dict):
        raise bad("can't parse BotCommand: expected an Object")
    name = str(given.get("command", "")).strip().removeprefix("/")
    description = str(given.get("description", "")).strip()
    for what, value, limit in (("command", name, 32), ("command description", description, 256)):
        if not value:
            raise bad(f"{what} must be non-empty")
        if len(value) > limit:
            raise bad(f"{what} length must not exceed {limit}")
    if not all(sign == "_" or (sign.isascii() and (sign.islower() or sign.isdecimal())) for sign in name):
        raise bad("BOT_COMMAND_INVALID")
    return {"command": name, "description": description}


METHODS: dict[str, Method] = {
    name.replace("_", ""): method
    for name, method in vars(Api).items()
    if callable(method)
    and name.startswith(("send_", "edit_", "get_", "set_", "delete_", "answer_", "pin_", "create_", "leave_"))
}
