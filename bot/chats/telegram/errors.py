"""What Telegram refuses, and the remedy. Its words are those of https://github.com/tdlib/telegram-bot-api ."""

from __future__ import annotations

from collections.abc import Callable
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

_CHAT_GONE = (
    "chat not found",
    "user not found",
    "peer_id_invalid",
    "deactivated",
    "channel_private",
    "was deleted",
    "bot was kicked",
    "bot is not a member",
)
_TOPIC_GONE = ("message thread not found", "topic_closed", "topic_deleted", "topic_id_invalid")
_MESSAGE_GONE = (
    "message to edit not found",
    "message can't be edited",
    "message_id_invalid",
    "message identifier is not specified",
)
#: Signs of a missing permission, the more particular first, and what an admin must allow.
_RIGHTS = (
    ("need administrator rights in the channel", "make me an administrator of the channel who may post messages"),
    ("rights to send text messages", "allow me to send text messages"),
    ("rights to send photos", "allow me to send photos"),
    ("rights to send documents", "allow me to send files"),
    ("chat_send_photos_forbidden", "allow me to send photos"),
    ("chat_send_docs_forbidden", "allow me to send files"),
    ("chat_send_plain_forbidden", "allow me to send text messages"),
    ("chat_admin_required", "make me an administrator"),
    ("need administrator rights", "make me an administrator"),
    ("rights to manage pinned messages", "allow me to pin messages"),
    ("rights to create a topic", "allow me to manage topics"),
    ("rights to send", "allow me to send messages"),
    ("chat_write_forbidden", "allow me to send messages"),
    ("chat_restricted", "allow me to send messages"),
    ("not enough rights", "allow me to send messages"),
)


def port_error(error: TelegramError, *, everywhere: Callable[[float], bool] = lambda seconds: False) -> SendError:
    """Return what an error means; ``everywhere`` is asked whether a pause of so many seconds is for all chats."""
    match error:
        case RetryAfter():
            seconds = in_seconds(error)
            wait = max(SECOND, round(seconds * SECOND))
            return TryLater(
                f"Telegram asks to wait {seconds:g} s", retry_after=wait, everywhere=everywhere(seconds)
            )
        case ChatMigrated():
            return ChatMoved("the group became a supergroup", key=str(error.new_chat_id))
        case InvalidToken():
            return TryLater("TELEGRAM_TOKEN is not accepted", retry_after=NO_TOKEN, everywhere=True)
        case Forbidden():
            return _missing_right(error) or ChatGone(error.message)
        case BadRequest():
            return _bad_request(error)
        case NetworkError() if isinstance(error.__cause__, _NOT_SENT):
            return TryLater("Telegram cannot be reached", retry_after=UNREACHABLE, everywhere=True)
        case NetworkError() if isinstance(error.__cause__, RuntimeError):  # the client is closed: we are stopping
            return TryLater("Telegram is not connected", retry_after=UNREACHABLE, everywhere=True)
        case NetworkError() if error.message.startswith("Request Entity Too Large"):
            return Refused("the message is too large for Telegram")
        case TimedOut():
            return Unsure("Telegram did not answer in time")
        case _:
            return Unsure(f"Telegram's answer was lost: {summary(error)}")


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


def _bad_request(error: BadRequest) -> SendError:
    said = error.message.lower()
    if any(sign in said for sign in _TOPIC_GONE):
        return TopicGone(error.message)
    if any(sign in said for sign in _MESSAGE_GONE):
        return MessageGone(error.message)
    if any(sign in said for sign in _CHAT_GONE):
        return ChatGone(error.message)
    return _missing_right(error) or Refused(error.message)


def _missing_right(error: TelegramError) -> NotPermitted | None:
    said = error.message.lower()
    for sign, remedy in _RIGHTS:
        if sign in said:
            return NotPermitted(remedy)
    return None
