"""What Discord refuses, as the port's errors: each with its own remedy."""

from __future__ import annotations

import asyncio
from enum import IntEnum

import aiohttp
import discord

from bot.domain import SECOND
from bot.ports.chat import ChatGone, MessageGone, NotPermitted, Refused, SendError, TopicGone, TryLater, Unsure


class Code(IntEnum):
    """https://docs.discord.com/developers/topics/opcodes-and-status-codes#json ."""

    UNKNOWN_CHANNEL = 10003
    UNKNOWN_GUILD = 10004
    UNKNOWN_MESSAGE = 10008
    TOO_MANY_OLD_EDITS = 30046
    FORUM = 40058
    MISSING_ACCESS = 50001
    NO_MESSAGES_TO_USER = 50007
    MISSING_PERMISSIONS = 50013
    THREAD_ARCHIVED = 50083
    NO_MUTUAL_GUILDS = 50278
    THREAD_LOCKED = 160005


#: How long to wait with a server in front of Discord that says no without saying why.
PAUSE = 60 * SECOND


def port_error(error: Exception, *, missing: str | None = None, editing: bool = False) -> SendError:
    """Return a failure of sending as the deliverer understands it.

    Args:
        missing: The permission that the bot lacks there, as far as is known.
        editing: A message was to be edited, not posted.
    """
    if isinstance(error, SendError):
        return error
    if isinstance(error, discord.HTTPException):
        return _refusal(error, missing=missing, editing=editing)
    if isinstance(error, aiohttp.ClientError | OSError | asyncio.TimeoutError):
        return Unsure(f"the connection to Discord was lost ({type(error).__name__})")
    return Unsure(f"Discord's answer was not understood ({type(error).__name__})")


def _refusal(error: discord.HTTPException, *, missing: str | None, editing: bool) -> SendError:
    said = f"{error.text or 'no reason given'} ({error.status}, code {error.code})"[:300]
    match error.code:
        case Code.UNKNOWN_CHANNEL | Code.UNKNOWN_GUILD:
            return ChatGone("the channel or thread was deleted")
        case Code.NO_MESSAGES_TO_USER | Code.NO_MUTUAL_GUILDS:
            return ChatGone("this person takes no messages from the bot")
        case Code.UNKNOWN_MESSAGE if editing:
            return MessageGone("the message was deleted")
        case Code.THREAD_LOCKED:
            return TopicGone("the thread is locked")
        case Code.THREAD_ARCHIVED:
            return Refused("the thread is archived: the message stays as it is") if editing else _archived()
        case Code.MISSING_ACCESS:
            return NotPermitted("the bot may not see this channel: it needs “View Channel”")
        case Code.MISSING_PERMISSIONS:
            return NotPermitted(f"the bot needs “{missing or 'Send Messages” and “Embed Links'}” in this channel")
        case Code.TOO_MANY_OLD_EDITS:
            return TryLater(said, retry_after=PAUSE)
        case Code.FORUM:
            return Refused("this is a forum: subscribe in one of its posts")
    if error.status >= 500:
        return Unsure(f"Discord is in trouble ({error.status})")
    if error.status == 429:
        return TryLater(said, retry_after=PAUSE, everywhere=True)
    if error.code == 0 and error.status in {401, 403, 404, 407}:
        # Not Discord's own word: a revoked token, a proxy, a wrong address.
        return TryLater(f"Discord's API refuses the bot ({error.status})", retry_after=PAUSE, everywhere=True)
    return NotPermitted(said) if error.status == 403 else Refused(said)


def _archived() -> SendError:
    return TopicGone("the thread is archived and locked")
