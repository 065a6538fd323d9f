"""Asks the listener so that a question is never left without an answer."""

from __future__ import annotations

import structlog

from bot.ports.chat import Listener
from bot.ports.command import Request
from bot.ports.message import Message
from bot.texts import reader

log = structlog.get_logger(__name__)


async def answered(listener: Listener, request: Request) -> Message:
    """Return the listener's answer, or say that there is none."""
    try:
        return await listener.answer(request)
    except Exception:
        log.exception("a question failed", platform=request.platform, command=request.command)
        words = reader.of_request(request, None)
        title = words.say("That went wrong on my side. It is in the log; nothing was changed.")
        return Message(symbol="⚠️", title=title)
