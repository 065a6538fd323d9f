"""What Discord refuses, as the port's errors: each with its own remedy."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from enum import IntEnum

import aiohttp
import discord

from bot.domain import SECOND
from bot.domain.sentence import N_, Sentence
from bot.ports.chat import ChatGone, MessageGone, NotPermitted, Refused, SendError, TopicGone, TryLater, Unsure


class Code(IntEnum):
    """https://docs.discord.com/developers/topics/opcodes-and-status-codes#json ."""

    UNKNOWN_CHANNEL = 10003
    UNKNOWN_GUILD = 10004
    UNKNOWN_MESSAGE = 10008
    UNKNOWN_USER = 10013
    TOO_MANY_FILES = 30015
    TOO_MANY_OLD_EDITS = 30046
    TOO_MANY_CONVERSATIONS = 40003
    TOO_LARGE = 40005
    FORUM = 40058
    MISSING_ACCESS = 50001
    NO_MESSAGES_TO_USER = 50007
    MISSING_PERMISSIONS = 50013
    THREAD_ARCHIVED = 50083
    NO_MUTUAL_GUILDS = 50278
    #: An answer to a message takes “Read Message History”.
    NO_HISTORY = 160002
    THREAD_LOCKED = 160005


#: What tells that it is a picture or file that is not taken, and not what is said with it.
_OF_FILES = {Code.TOO_LARGE, Code.TOO_MANY_FILES, Code.MISSING_PERMISSIONS}

#: How long to wait with a server in front of Discord that says no without saying why.
PAUSE = 60 * SECOND


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """Where a request went, as far as is known.

    Attributes:
        name: What an admin knows the channel by; empty for a conversation with one person.
        missing: The permission that the bot lacks there.
        closed: It is a private thread, which the bot must be added to.
        left: The bot is no longer in the server.
    """

    name: str = ""
    missing: str | None = None
    closed: bool = False
    left: bool = False


def port_error(error: Exception, spot: Spot, *, editing: bool = False) -> SendError:
    """Return a failure of sending as the deliverer understands it.

    Args:
        editing: A message was to be edited, not posted.
    """
    if isinstance(error, SendError):
        return error
    if isinstance(error, discord.HTTPException):
        return _refusal(error, spot, editing=editing)
    if isinstance(error, aiohttp.ClientError | OSError | asyncio.TimeoutError):
        return Unsure(N_("the connection to Discord was lost ({name})"), name=type(error).__name__)
    return Unsure(N_("Discord's answer was not understood ({name})"), name=type(error).__name__)


def perhaps_of_files(error: Exception) -> bool:
    """Tell whether a refusal may be of what comes with a message alone: without it the rest may be taken."""
    return isinstance(error, discord.HTTPException) and (error.code in _OF_FILES or error.status == 413)


def no_files(spot: Spot) -> str:
    """Return what an admin must allow for pictures and files."""
    return Sentence(
        N_(
            "I may not send pictures and files in {place}: allow me “Attach Files” there (channel settings > "
            "Permissions)"
        ),
        place=_place(spot),
    )


def _place(spot: Spot) -> str:
    return spot.name or Sentence(N_("this conversation"))


def _refusal(error: discord.HTTPException, spot: Spot, *, editing: bool) -> SendError:
    said = f"{error.text or 'no reason given'} ({error.status}, code {error.code})"[:300]
    found = _gone(error.code, spot, editing=editing) or _not_allowed(error.code, spot)
    if found is not None:
        return found
    match error.code:
        case Code.TOO_MANY_OLD_EDITS:
            return TryLater(said, retry_after=PAUSE, alone=True)
        case Code.TOO_MANY_CONVERSATIONS:
            return TryLater(said, retry_after=PAUSE)
        case Code.FORUM:
            return Refused(N_("this is a forum: subscribe in one of its posts"))
    if error.status >= 500:
        return Unsure(N_("Discord is in trouble ({status})"), status=error.status)
    if error.status == 429:
        return TryLater(said, retry_after=PAUSE, everywhere=True)
    if error.code == 0 and error.status in {401, 403, 404, 407}:
        # Not Discord's own word: a revoked token, a proxy, a wrong address.
        return TryLater(
            N_("Discord's API refuses the bot ({status})"), status=error.status, retry_after=PAUSE, everywhere=True
        )
    if error.status == 403:
        return NotPermitted(N_("I may not post in {place}: Discord says: {said}"), place=_place(spot), said=said)
    return Refused(said)


def _gone(code: int, spot: Spot, *, editing: bool) -> SendError | None:
    """Return what is no longer there, if that is what a code says."""
    match code:
        case Code.UNKNOWN_CHANNEL if spot.name:
            return TopicGone(N_("the channel or thread was deleted"))
        case Code.UNKNOWN_CHANNEL | Code.UNKNOWN_USER | Code.MISSING_ACCESS if not spot.name:
            return ChatGone(N_("there is no such conversation any more"))
        case Code.UNKNOWN_GUILD:
            return ChatGone(N_("the server was deleted"))
        case Code.MISSING_ACCESS if spot.left:
            return ChatGone(N_("the bot is no longer in the server"))
        case Code.NO_MESSAGES_TO_USER | Code.NO_MUTUAL_GUILDS:
            return ChatGone(N_("this person takes no messages from the bot"))
        case Code.UNKNOWN_MESSAGE if editing:
            return MessageGone(N_("the message was deleted"))
        case Code.THREAD_LOCKED:
            return TopicGone(N_("the thread is locked"))
        case Code.THREAD_ARCHIVED if editing:
            return Refused(N_("the thread is archived: the message stays as it is"))
        case Code.THREAD_ARCHIVED:
            return TopicGone(N_("the thread is archived and locked"))
    return None


def _not_allowed(code: int, spot: Spot) -> NotPermitted | None:
    """Return what an admin must allow, if that is what a code says."""
    if code == Code.MISSING_ACCESS and spot.closed and spot.missing is None:
        return NotPermitted(
            N_(
                "I may not post in the private thread {name}: add me to it (mention me there), or "
                "allow me “Manage Threads” in its channel"
            ),
            name=spot.name,
        )
    if code == Code.MISSING_ACCESS:
        permission = "View Channel"
    elif code == Code.MISSING_PERMISSIONS:
        permission = spot.missing or "Send Messages” and “Embed Links"
    else:
        return None
    return NotPermitted(
        N_("I may not post in {place}: allow me “{permission}” there (channel settings > Permissions)"),
        place=_place(spot),
        permission=permission,
    )
