"""Discord, by discord.py: the only place that imports it.

``chat`` fills the port and keeps the connection, ``listen`` hears people, ``commands`` makes the menus, ``render``
writes messages, ``traffic`` asks and watches the limits, ``errors`` turns refusals into the port's.
"""

from __future__ import annotations

from bot.chats.discord.chat import DiscordChat

__all__ = ["DiscordChat"]
