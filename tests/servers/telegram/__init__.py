"""Telegram on loopback: a server of our own that speaks the real HTTP of the Bot API.

The real python-telegram-bot talks to it::

    async with TelegramServer() as server:
        group = server.world.supergroup(forum=True)
        bot = Bot(server.token, base_url=server.base_url, base_file_url=server.base_file_url)

``server.world`` is set up and looked at; ``server.say``, ``press``, ``set_bot`` and so on are what people do;
``server.inject(cut(stored=True), "sendMessage", group)`` is what goes wrong; ``server.violations`` are messages
too many.
"""

from tests.servers.telegram.entities import parse_html, utf16
from tests.servers.telegram.faults import Fault, cut, flood, hang, html, refuse, slow
from tests.servers.telegram.limits import Limits, Violation
from tests.servers.telegram.server import Call, TelegramServer
from tests.servers.telegram.world import Chat, File, Member, Message, Press, Topic, User, World

__all__ = [
    "Call",
    "Chat",
    "Fault",
    "File",
    "Limits",
    "Member",
    "Message",
    "Press",
    "TelegramServer",
    "Topic",
    "User",
    "Violation",
    "World",
    "cut",
    "flood",
    "hang",
    "html",
    "parse_html",
    "refuse",
    "slow",
    "utf16",
]
