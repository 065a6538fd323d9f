"""Telegram as a chat, by python-telegram-bot. Nothing else imports that library.

``chat`` fills the port; ``poll`` keeps the connection, ``listen`` hears what people type and press, ``pen``
writes, ``render`` and ``buttons`` make what is written, ``menu`` the lists of commands, ``errors`` sorts what
goes wrong.
"""

from __future__ import annotations

import os

# The library reads it when a flood error is made: without it that very making warns, as spans of time become
# timedelta in its next major version.
os.environ.setdefault("PTB_TIMEDELTA", "true")

from bot.chats.telegram.chat import TelegramChat

__all__ = ["TelegramChat"]
