"""Discord, by discord.py: the only place that imports it.

A server is a chat, its channels and threads are topics; a conversation in private is a chat of its own.

``chat`` fills the port. It sends through ``rest``, which needs no connection, and listens through ``gateway``,
which keeps ``shard``s: each a ``client`` that is made again when it ends. ``identifies`` counts sessions,
``pauses`` the tries, ``bulletin`` and ``fatal`` say what happens, ``doubts`` what cannot be. In: ``listen``
hears people, ``places`` reads the channels and ``mentions`` the roles that they choose, ``presence`` notes
where the bot is let in and put out, ``ask`` puts questions to the listener. Out: ``commands`` makes the menus,
``render`` messages, ``attach`` adds pictures and files, ``pen`` writes, ``edits`` counts those of old messages,
``traffic`` asks Discord and keeps to its limits, ``errors`` turns refusals into the port's, ``lookup`` asks
what nobody told.
"""

from __future__ import annotations

from bot.chats.discord.chat import DiscordChat

__all__ = ["DiscordChat"]
