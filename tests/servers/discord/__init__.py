"""Discord on loopback: a server of our own that speaks the real REST and gateway, with the limits enforced.

The real discord.py talks to it::

    async with DiscordServer() as server:
        discord.http.Route.BASE = server.api_url
        discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(server.gateway_url)
        guild = server.world.guild()
        user = guild.member("ada").user
        used = await server.interaction(guild.text(), user, "watch add", {"name": "radio"})
        answer = await used.message()

``server.world`` is set up and looked at; ``server.interaction``, ``press``, ``join``, ``move`` and so on are what
people do, and the bot is told; ``server.gateway`` loses connections; ``server.inject(cut(stored=True), "POST
.*/messages")`` is what goes wrong; ``server.violations`` are requests too many.

``tests/servers`` must stay a package: otherwise pytest puts it on the path, where this folder hides the library.
"""

from tests.servers.discord.commands import NotOffered, Sync
from tests.servers.discord.faults import Fault, busy, cut, hang, html, slow, status
from tests.servers.discord.gateway import Gateway, Intent
from tests.servers.discord.interactions import Interaction
from tests.servers.discord.limits import Limits, Rate, generous
from tests.servers.discord.rest import Call, Violation
from tests.servers.discord.server import DiscordServer
from tests.servers.discord.world import (
    MEMBERS,
    Attachment,
    Channel,
    Guild,
    Kind,
    Member,
    Message,
    Permission,
    Pings,
    Role,
    User,
    World,
)

__all__ = [
    "MEMBERS",
    "Attachment",
    "Call",
    "Channel",
    "DiscordServer",
    "Fault",
    "Gateway",
    "Guild",
    "Intent",
    "Interaction",
    "Kind",
    "Limits",
    "Member",
    "Message",
    "NotOffered",
    "Permission",
    "Pings",
    "Rate",
    "Role",
    "Sync",
    "User",
    "Violation",
    "World",
    "busy",
    "cut",
    "generous",
    "hang",
    "html",
    "slow",
    "status",
]
