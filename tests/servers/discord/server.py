"""The server: its ports, what a test sees of it, and what people do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self, TypeVar

from aiohttp import web

from tests.servers.discord.bell import Bell
from tests.servers.discord.commands import Commands
from tests.servers.discord.errors import Json
from tests.servers.discord.faults import Fault
from tests.servers.discord.gateway import Gateway, Intent
from tests.servers.discord.interactions import Interaction, Interactions
from tests.servers.discord.limits import Limits, Meter
from tests.servers.discord.messages import Messages
from tests.servers.discord.rest import PREFIX, Call, Rest, Violation
from tests.servers.discord.world import Channel, Guild, Kind, Member, Message, Role, User, World

HOST = "127.0.0.1"
TURNS = 30
T = TypeVar("T")


class DiscordServer:
    """A running server.

    Attributes:
        token: The bot's token.
        clock: Gives seconds; limits are counted by it. The running loop's own by default.
    """

    def __init__(
        self,
        world: World | None = None,
        *,
        limits: Limits | None = None,
        clock: Callable[[], float] | None = None,
        token: str = "bot-token",
    ) -> None:
        self.world = world or World()
        self.limits = limits or Limits()
        self.token = token
        self.clock = clock or asyncio.get_running_loop().time
        self.bell = Bell()
        self.meter = Meter(self.limits, self.clock)
        self.messages = Messages(self.world, self.meter)
        self.commands = Commands(self.world, self.meter)
        self.interactions = Interactions(self.world, self.messages, self.commands, self.bell)
        self.rest = Rest(self)
        self.gateway = Gateway(self)
        self._runners = [
            web.AppRunner(application, handle_signals=False, access_log=None, shutdown_timeout=0.1)
            for application in (self.rest.application(), self.gateway.application())
        ]
        self._sites: dict[int, web.TCPSite] = {}
        self._ports = [0, 0]

    async def __aenter__(self) -> Self:
        for number, runner in enumerate(self._runners):
            await runner.setup()
            await self._open(number)
        self.messages.root = f"http://{HOST}:{self._ports[0]}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.rest.end()
        self.gateway.cut()
        for runner in self._runners:
            await runner.cleanup()

    async def _open(self, number: int) -> None:
        site = web.TCPSite(self._runners[number], HOST, self._ports[number], reuse_address=True)
        await site.start()
        self._sites[number] = site
        self._ports[number] = int(site.port)

    async def listen(self, *, api: bool | None = None, gateway: bool | None = None) -> None:
        """Refuse or accept new TCP connections."""
        for number, wanted in enumerate((api, gateway)):
            if wanted is False and number in self._sites:
                await self._sites.pop(number).stop()
            elif wanted and number not in self._sites:
                await self._open(number)

    # ------------------------------------------------------------ what to look at

    @property
    def api_url(self) -> str:
        return f"http://{HOST}:{self._ports[0]}{PREFIX}"

    @property
    def gateway_url(self) -> str:
        return f"ws://{HOST}:{self._ports[1]}/"

    @property
    def calls(self) -> list[Call]:
        """Every REST request."""
        return self.rest.calls

    def asked(self, route: str) -> list[Call]:
        """Pick the requests of a route, as in ``POST /channels/{channel}/messages``."""
        return [call for call in self.rest.calls if call.route == route]

    @property
    def violations(self) -> list[Violation]:
        """What ran into a limit; a good client has none."""
        return self.rest.violations

    @property
    def invalid_requests(self) -> int:
        """Answers 401, 403 and 429 (but not for shared limits): at 10,000 in 10 minutes Discord bans."""
        return self.rest.invalid_requests

    async def until(self, condition: Callable[[], T], seconds: float = 5) -> T:
        """Wait until a condition holds, looking whenever something happens here."""
        return await self.bell.until(condition, seconds)

    def inject(self, fault: Fault, what: str = "", *, times: int | None = 1) -> None:
        """Let the next requests go wrong in which a regular expression is found: ``POST /channels/1/messages``."""
        self.rest.inject(fault, what, times=times)

    def heal(self) -> None:
        """Let nothing more go wrong."""
        self.rest.rules.clear()

    # ------------------------------------------------------------ what users do

    async def interaction(
        self,
        channel: Channel,
        user: User,
        command: str,
        options: Mapping[str, Any] | None = None,
        *,
        forced: bool = False,
    ) -> Interaction:
        """Use a command, ``"watch add"``; ``forced`` does what only a server's admins could have allowed."""
        made = self.interactions.command(channel, user, command, options or {}, forced=forced)
        return await self._tell(made)

    async def autocomplete(
        self, channel: Channel, user: User, command: str, options: Mapping[str, Any], focused: str
    ) -> Interaction:
        """Type in an option of a command."""
        made = self.interactions.command(channel, user, command, {focused: ""} | dict(options), focused=focused)
        return await self._tell(made)

    async def press(self, message: Message, what: str, user: User, values: list[str] | None = None) -> Interaction:
        """Press a button by its label or custom_id, or choose in a menu."""
        return await self._tell(self.interactions.press(message, what, user, values))

    async def submit(self, opened: Interaction, values: Mapping[str, Any]) -> Interaction:
        """Send the form that answered an interaction."""
        return await self._tell(self.interactions.submit(opened, values))

    async def _tell(self, made: Interaction) -> Interaction:
        # Users are slower than bots: a client in this loop first gets the answers that are on their way to it.
        for _ in range(TURNS):
            await asyncio.sleep(0)
        guild_id = None if made.guild is None else made.guild.id
        await self.gateway.dispatch("INTERACTION_CREATE", made.payload(self.world), guild_id=guild_id)
        return made

    async def say(self, channel: Channel, user: User, content: str) -> Message:
        """Write a message as somebody."""
        message = self.messages.create(channel, {"content": content}, [], author=user)
        await self.tell_message("MESSAGE_CREATE", message)
        return message

    async def delete_message(self, message: Message) -> None:
        message.deleted = True
        if message.ephemeral:
            return
        guild = message.channel.guild
        data = {"id": str(message.id), "channel_id": str(message.channel.id)}
        data |= {} if guild is None else {"guild_id": str(guild.id)}
        await self._message_event("MESSAGE_DELETE", data, guild)

    async def tell_message(self, event: str, message: Message) -> None:
        """Tell of a message; without the intent its content is empty, unless it is the bot's or for the bot."""
        if message.ephemeral:
            return
        guild, bot = message.channel.guild, self.world.bot
        hidden = guild is not None and message.author is not bot and bot.id not in message.pings.users
        blank = {"content": "", "embeds": [], "attachments": [], "components": []}
        await self._message_event(event, message.event(), guild, blank if hidden else None)

    async def _message_event(self, event: str, data: Json, guild: Guild | None, blank: Json | None = None) -> None:
        if guild is None:
            await self.gateway.dispatch(event, data, intent=Intent.DIRECT_MESSAGES)
        elif guild.present:
            await self.gateway.dispatch(event, data, guild_id=guild.id, intent=Intent.MESSAGES, without=blank)

    # ------------------------------------------------------------ what happens to servers

    async def _guild_event(self, event: str, guild: Guild, data: Json, intent: int = Intent.GUILDS) -> None:
        if guild.present:
            await self.gateway.dispatch(
                event, {"guild_id": str(guild.id)} | data, guild_id=guild.id, intent=intent
            )

    async def join(self, guild: Guild) -> None:
        """Add the bot to a server."""
        guild.present = True
        await self.gateway.dispatch("GUILD_CREATE", guild.event(), guild_id=guild.id, intent=Intent.GUILDS)

    async def leave(self, guild: Guild) -> None:
        """Throw the bot out of a server."""
        guild.present = False
        await self.gateway.dispatch("GUILD_DELETE", {"id": str(guild.id)}, guild_id=guild.id, intent=Intent.GUILDS)

    async def outage(self, guild: Guild, *, over: bool = False) -> None:
        """Let a server be unavailable, or available again."""
        guild.available = over
        if over:
            event, data = "GUILD_CREATE", guild.event() | {"unavailable": False}
        else:
            event, data = "GUILD_DELETE", {"id": str(guild.id), "unavailable": True}
        await self.gateway.dispatch(event, data, guild_id=guild.id, intent=Intent.GUILDS)

    async def _channel_event(self, channel: Channel, what: str) -> None:
        assert channel.guild is not None
        thread = "THREAD" if channel.is_thread else "CHANNEL"
        await self._guild_event(f"{thread}_{what}", channel.guild, channel.payload())

    async def create_channel(self, channel: Channel) -> None:
        """Tell of a channel or thread that was made in the world just now."""
        await self._channel_event(channel, "CREATE")

    async def delete_channel(self, channel: Channel) -> None:
        assert channel.guild is not None
        for part in [*channel.guild.channels.values()]:
            if part is channel or part.parent is channel:
                part.deleted = True
                del channel.guild.channels[part.id]
        for who in [who for who, where in channel.guild.voices.items() if where is channel]:
            await self.move(channel.guild.members[who], None)
        if channel.id in channel.guild.stages:
            await self.end_stage(channel)
        await self._channel_event(channel, "DELETE")

    async def update_channel(self, channel: Channel, **changes: Any) -> None:
        """Change a channel's name, or archive or lock a thread; without changes tell of new overwrites."""
        for name, value in changes.items():
            setattr(channel, name, value)
        await self._channel_event(channel, "UPDATE")

    async def create_role(self, role: Role) -> None:
        """Tell of a role that was made in the world just now."""
        await self._guild_event("GUILD_ROLE_CREATE", role.guild, {"role": role.payload()})

    async def update_role(self, role: Role, **changes: Any) -> None:
        for name, value in changes.items():
            setattr(role, name, value)
        await self._guild_event("GUILD_ROLE_UPDATE", role.guild, {"role": role.payload()})

    async def delete_role(self, role: Role) -> None:
        del role.guild.roles[role.id]
        for member in role.guild.members.values():
            member.roles = [other for other in member.roles if other is not role]
        await self._guild_event("GUILD_ROLE_DELETE", role.guild, {"role_id": str(role.id)})

    async def add_member(self, member: Member) -> None:
        """Tell of a member that was made in the world just now."""
        await self._guild_event("GUILD_MEMBER_ADD", member.guild, member.payload(), Intent.MEMBERS)

    async def update_member(self, member: Member, **changes: Any) -> None:
        """Change a member's roles or nick; the bot always hears of its own."""
        for name, value in changes.items():
            setattr(member, name, value)
        intent = 0 if member.user is self.world.bot else Intent.MEMBERS
        await self._guild_event("GUILD_MEMBER_UPDATE", member.guild, member.payload(), intent)

    async def remove_member(self, member: Member) -> None:
        if member.user.id in member.guild.voices:
            await self.move(member, None)
        del member.guild.members[member.user.id]
        data = {"user": member.user.payload()}
        await self._guild_event("GUILD_MEMBER_REMOVE", member.guild, data, Intent.MEMBERS)

    async def move(self, member: Member, channel: Channel | None) -> None:
        """Let a member go into a voice or stage channel, or out of it."""
        guild = member.guild
        if channel is None:
            guild.voices.pop(member.user.id, None)
        else:
            guild.voices[member.user.id] = channel
        data = guild.voice_state(member, channel) | {"member": member.payload()}
        await self._guild_event("VOICE_STATE_UPDATE", guild, data, Intent.VOICE_STATES)

    async def start_stage(self, channel: Channel, topic: str = "Talk") -> str:
        """Open a stage to listeners, and return the id of what begins there."""
        guild = channel.guild
        assert guild is not None
        assert channel.type is Kind.STAGE
        assert channel.id not in guild.stages, "a stage has one instance"
        guild.stages[channel.id] = instance = {
            "id": str(self.world.snowflake()),
            "guild_id": str(guild.id),
            "channel_id": str(channel.id),
            "topic": topic,
            "privacy_level": 2,
            "discoverable_disabled": True,
            "guild_scheduled_event_id": None,
        }
        await self._guild_event("STAGE_INSTANCE_CREATE", guild, instance)
        return str(instance["id"])

    async def end_stage(self, channel: Channel) -> None:
        assert channel.guild is not None
        await self._guild_event("STAGE_INSTANCE_DELETE", channel.guild, channel.guild.stages.pop(channel.id))
