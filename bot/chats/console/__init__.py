"""The terminal as a chat: the third platform, on the same port as the two real ones."""

from __future__ import annotations

from bot.chats.console.chat import ConsoleChat
from bot.chats.console.figures import Figures
from bot.chats.console.out import Unread

__all__ = ["ConsoleChat", "Figures", "Unread"]
