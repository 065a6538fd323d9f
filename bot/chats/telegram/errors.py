"""What Telegram refuses, and the remedy. Its words are those of https://github.com/tdlib/telegram-bot-api ."""

from __future__ import annotations

from datetime import timedelta

import httpx
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
    TelegramError,
    TimedOut,
)

from bot.domain import MINUTE, SECOND
from bot.domain.sentence import N_, Sentence
from bot.ports.chat import (
    ChatGone,
    ChatMoved,
    MessageGone,
    NotPermitted,
    Refused,
    SendError,
    TopicGone,
    TryLater,
    Unsure,
)

#: How long to leave a host alone that could not be reached, and a token that is not taken.
UNREACHABLE = 5 * SECOND
NO_TOKEN = MINUTE
#: What tells that a request never left: no connection was made, or none was free.
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)

NOT_MODIFIED = "message is not modified"
#: An edit of the text of what has a picture.
NO_TEXT = "there is no text in the message to edit"

#: An edit of the picture of what has none; older servers know no way from a text to a picture.
NO_MEDIA = "there is no media in the message to edit"
#: Markup that was not understood.
UNPARSED = "can't parse entities"
#: A message to delete that is gone already.
NOTHING_TO_DELETE = "message to delete not found"
#: Signs that it is a picture or file that is not taken, and not what is said with it.
_NOT_TAKEN = (
    "image_process_failed",
    "photo_",
    "is too big",
    "file must be non-empty",
    "wrong file",
    "document_invalid",
    "file_part",
    "request entity too large",
)

#: Signs that a chat is gone, and what to say of it where it is a group.
_CHAT_GONE = (
    ("bot was blocked", N_("the person blocked me")),
    ("can't initiate conversation", N_("the person has not written to me yet")),
    ("deactivated", N_("the person's account was deleted")),
    ("was deleted", N_("the group was deleted")),
    ("bot was kicked", N_("I was banned from the group")),
    ("bot is not a member", N_("I am not in the group")),
    ("channel_private", N_("I am no longer let in")),
    ("chat not found", N_("there is no such chat, or I was never in it")),
    ("user not found", N_("there is no such person, or they never wrote to me")),
    ("peer_id_invalid", N_("there is no such chat, or I was never in it")),
)
_TOPIC_GONE = (
    ("topic_closed", N_("the topic is closed")),
    ("message thread not found", N_("the topic is no longer there")),
    ("topic_deleted", N_("the topic is no longer there")),
    ("topic_id_invalid", N_("the topic is no longer there")),
)
_MESSAGE_GONE = (
    "message to edit not found",
    "message can't be edited",
    "message_id_invalid",
    "message identifier is not specified",
)
#: The same of a channel.
_OF_CHANNEL = {
    "I was banned from the group": N_("I was banned from the channel"),
    "I am not in the group": N_("I am not in the channel"),
}
_MAY_NOT = {
    "write": N_("I may not write in {where}: {remedy}"),
    "send photos": N_("I may not send photos in {where}: {remedy}"),
    "send files": N_("I may not send files in {where}: {remedy}"),
}
#: Signs of a missing permission, the more particular first: what I may not do, and what an admin must do.
_RIGHTS = (
    ("need administrator rights in the channel", "write", N_("make me an administrator who may post messages")),
    ("rights to send text messages", "write", N_("allow me to send text messages")),
    ("rights to send photos", "send photos", N_("allow me to send photos")),
    ("rights to send documents", "send files", N_("allow me to send files")),
    ("chat_send_photos_forbidden", "send photos", N_("allow me to send photos")),
    ("chat_send_docs_forbidden", "send files", N_("allow me to send files")),
    ("chat_send_plain_forbidden", "write", N_("allow me to send text messages")),
    ("chat_admin_required", "write", N_("make me an administrator")),
    ("need administrator rights", "write", N_("make me an administrator")),
    ("rights to send", "write", N_("allow me to send messages")),
    ("chat_write_forbidden", "write", N_("allow me to send messages")),
    ("chat_restricted", "write", N_("allow me to send messages")),
    ("not enough rights", "write", N_("allow me to send messages")),
)


def port_error(error: TelegramError, *, where: str, everywhere: bool = False) -> SendError:
    """Return what an error means.

    Args:
        where: What people call the chat, for a sentence.
        everywhere: Whether a pause that it asks for is for all chats.
    """
    match error:
        case RetryAfter():
            seconds = in_seconds(error)
            wait = max(SECOND, round(seconds * SECOND))
            return TryLater(
                N_("Telegram asks to wait {seconds} s"), seconds=seconds, retry_after=wait, everywhere=everywhere
            )
        case ChatMigrated():
            return ChatMoved(N_("the group became a supergroup"), key=str(error.new_chat_id))
        case InvalidToken():
            return TryLater(N_("TELEGRAM_TOKEN is not accepted"), retry_after=NO_TOKEN, everywhere=True)
        case Forbidden():
            return _missing_right(error, where) or ChatGone(_why_gone(error) or "Telegram does not let me in")
        case BadRequest():
            return _bad_request(error, where)
        case NetworkError() if isinstance(error.__cause__, _NOT_SENT):
            return TryLater(N_("Telegram cannot be reached"), retry_after=UNREACHABLE, everywhere=True)
        case NetworkError() if isinstance(error.__cause__, RuntimeError):  # the client is closed: we are stopping
            return TryLater(N_("Telegram is not connected"), retry_after=UNREACHABLE, everywhere=True)
        case NetworkError() if error.message.startswith("Request Entity Too Large"):
            return Refused(N_("the message is too large for Telegram"))
        case TimedOut():
            return Unsure(N_("Telegram did not answer in time"))
        case _:
            return Unsure(N_("Telegram's answer was lost: {error}"), error=summary(error))


def of_the_file(error: TelegramError) -> bool:
    """Tell whether an error is about a picture or file alone: without it the rest may be taken."""
    said = error.message.lower()
    if isinstance(error, BadRequest | NetworkError) and any(sign in said for sign in _NOT_TAKEN):
        return True
    return isinstance(error, BadRequest | Forbidden) and any(
        sign in said for sign, deed, _ in _RIGHTS if deed in {"send photos", "send files"}
    )


def says(error: TelegramError, sign: str) -> bool:
    """Tell whether an error is Telegram's refusal in these words."""
    return isinstance(error, BadRequest) and sign in error.message.lower()


def in_seconds(error: RetryAfter) -> float:
    """Return how long to wait."""
    wait = error.retry_after
    return wait.total_seconds() if isinstance(wait, timedelta) else float(wait)


def summary(error: BaseException) -> str:
    """Return an error in a few words that hold no token."""
    match error:
        case InvalidToken():
            return "the token is not accepted"
        case TimedOut():
            return "no answer in time"
        case TelegramError() if isinstance(error.__cause__, httpx.HTTPError):
            return f"{type(error.__cause__).__name__}: {error.__cause__}".rstrip(": ")
        case TelegramError() if error.__cause__ is not None and not isinstance(error.__cause__, TelegramError):
            return type(error.__cause__).__name__
        case TelegramError():
            return error.message.partition(". Parsing the server response")[0][:200]
        case _:
            return type(error).__name__


def bare(error: TelegramError) -> TelegramError:
    """Return an error without its frames: their variables hold the token, and logs may show them."""
    chain: list[BaseException | None] = [error]
    seen: set[int] = set()
    while chain:
        link = chain.pop()
        if link is not None and id(link) not in seen:
            seen.add(id(link))
            link.__traceback__ = None
            chain += [link.__cause__, link.__context__]
    return error


def _bad_request(error: BadRequest, where: str) -> SendError:
    said = error.message.lower()
    for sign, why in _TOPIC_GONE:
        if sign in said:
            return TopicGone(why)
    if any(sign in said for sign in _MESSAGE_GONE):
        return MessageGone(N_("the message to edit is no longer there"))
    gone = _why_gone(error)
    if gone is not None:
        return ChatGone(gone)
    return _missing_right(error, where) or Refused(error.message)


def _why_gone(error: TelegramError) -> str | None:
    said = error.message.lower()
    for sign, why in _CHAT_GONE:
        if sign in said:
            return _OF_CHANNEL.get(why, why) if "channel" in said else why
    return None


def _missing_right(error: TelegramError, where: str) -> NotPermitted | None:
    said = error.message.lower()
    for sign, deed, remedy in _RIGHTS:
        if sign in said:
            return NotPermitted(_MAY_NOT[deed], where=where, remedy=Sentence(remedy))
    return None
