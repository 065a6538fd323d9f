"""Telegram as a chat, by python-telegram-bot. Nothing else imports that library.

``chat`` fills the port and ``poll`` keeps the connection, beside a ``rival`` if need be. What comes in:
``listen`` hears updates and ``lanes`` keeps them in order; ``typed``, ``presses`` and ``asked`` make requests
of what people type and press, with the ``rights`` of who did, in the ``places`` that they name; ``presence``
knows where the bot may write, ``names`` what that is called. What goes out: ``answers`` and posts, written by
the ``pen`` and changed by ``edits`` as ``render`` and ``buttons`` make them, with ``pieces`` (pictures and
files) in them or ``beside`` them; ``flow`` counts what comes after; ``tries`` make requests, ``errors`` sorts
what goes wrong, ``floods`` whose limit it was. ``menu`` shows the commands, ``ids`` knows how Telegram names
places.
"""

from __future__ import annotations

import os

# The library reads it when a flood error is made: without it that very making warns, as spans of time become
# timedelta in its next major version.
os.environ.setdefault("PTB_TIMEDELTA", "true")

from bot.chats.telegram.chat import TelegramChat

__all__ = ["TelegramChat"]
