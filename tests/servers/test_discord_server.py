"""Our Discord on loopback, spoken to by the real discord.py."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import aiohttp
import pytest
import yarl

from tests.servers.discord import (
    MEMBERS,
    Channel,
    DiscordServer,
    Fault,
    Guild,
    Intent,
    Kind,
    Limits,
    NotOffered,
    Permission,
    Pings,
    Rate,
    User,
    World,
    busy,
    checks,
    cut,
    hang,
    html,
    status,
)
from tests.servers.discord.errors import ApiError

with warnings.catch_warnings():  # its voice part imports audioop, which goes with Python 3.13
    warnings.simplefilter("ignore", DeprecationWarning)
    import discord
    from discord import app_commands

HEADERS = {"Authorization": "Bot bot-token", "User-Agent": "DiscordBot (https://example.org, 1)"}


class Bot(discord.Client):
    """A client that keeps what it was told of, and is quick to say that it is ready."""

    def __init__(self, **options: Any) -> None:
        intents = options.pop("intents", discord.Intents.default())
        super().__init__(intents=intents, guild_ready_timeout=0.05, **options)
        self.tree = app_commands.CommandTree(self)
        self.told: list[str] = []
        self.bell = asyncio.Event()

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """Do not wait 5 seconds."""

    def dispatch(self, event: str, /, *args: Any, **kwargs: Any) -> None:
        super().dispatch(event, *args, **kwargs)
        self.told.append(event)
        self.bell.set()

    async def hears(self, event: str, count: int = 1) -> None:
        async with asyncio.timeout(5):
            while self.told.count(event) < count:
                self.bell.clear()
                await self.bell.wait()


@pytest.fixture
async def server(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[DiscordServer]:
    async with serving(monkeypatch) as running:
        yield running


@asynccontextmanager
async def serving(monkeypatch: pytest.MonkeyPatch, **options: Any) -> AsyncIterator[DiscordServer]:
    async with DiscordServer(**options) as running:
        monkeypatch.setattr(discord.http.Route, "BASE", running.api_url)
        monkeypatch.setattr(discord.gateway.DiscordWebSocket, "DEFAULT_GATEWAY", yarl.URL(running.gateway_url))
        yield running


@asynccontextmanager
async def logged_in(server: DiscordServer, **options: Any) -> AsyncIterator[Bot]:
    """Run a client that only talks REST."""
    async with Bot(**options) as bot:
        await bot.login(server.token)
        yield bot


@asynccontextmanager
async def running(server: DiscordServer, bot: Bot | None = None) -> AsyncIterator[Bot]:
    bot = bot or Bot()
    task = asyncio.create_task(bot.start(server.token))
    try:
        waiting = asyncio.create_task(bot.hears("ready"))
        await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if task.done():
            task.result()
        yield bot
    finally:
        await bot.close()
        task.cancel()
        with suppress(asyncio.CancelledError, Exception):
            await task


@asynccontextmanager
async def asking(server: DiscordServer) -> AsyncIterator[Callable[..., Awaitable[tuple[int, Any, Any]]]]:
    """Ask without a library in between that waits and tries again."""
    async with aiohttp.ClientSession(headers=HEADERS) as http:

        async def ask(method: str, path: str, body: Any = None, **more: Any) -> tuple[int, Any, Any]:
            async with http.request(method, server.api_url + path, json=body, **more) as response:
                known = response.headers.get("Content-Type") == "application/json"
                return response.status, await response.json() if known else await response.text(), response.headers

        yield ask


def tree_of(bot: Bot) -> app_commands.CommandTree[Bot]:
    """Bind the commands that most tests use."""
    tree = bot.tree

    @tree.command(description="Watch a stream")
    @app_commands.describe(name="Which")
    @app_commands.choices(kind=[app_commands.Choice(name="Record", value="record")])
    async def watch(
        interaction: discord.Interaction[Bot],
        name: str,
        every: app_commands.Range[int, 1, 60] = 5,
        kind: str = "record",
        loud: bool = False,
        ratio: float = 1.0,
        who: discord.Member | None = None,
        role: discord.Role | None = None,
        where: discord.TextChannel | None = None,
    ) -> None:
        parts = [name, every, kind, loud, ratio, who, role, where]
        await interaction.response.send_message("|".join(map(str, parts)), ephemeral=loud)

    @watch.autocomplete("name")
    async def names(_: discord.Interaction[Bot], current: str) -> list[app_commands.Choice[str]]:
        count = 26 if current == "many" else 3
        return [app_commands.Choice(name=f"{current}{number}", value=f"v{number}") for number in range(count)]

    @tree.command(description="Work for long")
    async def work(interaction: discord.Interaction[Bot]) -> None:
        await interaction.response.defer(ephemeral=True)
        await interaction.edit_original_response(content="half")
        sent = await interaction.followup.send("whole", wait=True, file=discord.File(io.BytesIO(b"1"), "a.txt"))
        await sent.edit(content="whole, mended")

    @tree.command(description="Settings")
    @app_commands.default_permissions(manage_guild=True)
    async def settings(interaction: discord.Interaction[Bot]) -> None:
        await interaction.response.send_modal(Form())

    return tree


class Form(discord.ui.Modal, title="Settings"):
    pace = discord.ui.TextInput["Form"](label="Pace", custom_id="pace", max_length=10)

    async def on_submit(self, interaction: discord.Interaction[Any]) -> None:
        await interaction.response.send_message(f"pace {self.pace.value}", view=Menu())


class Menu(discord.ui.View):
    @discord.ui.button(label="Mute", custom_id="mute")
    async def mute(self, interaction: discord.Interaction[Any], button: discord.ui.Button[Menu]) -> None:
        button.disabled = True
        await interaction.response.edit_message(content="muted", view=self)


async def used(server: DiscordServer, bot: Bot) -> tuple[Guild, Channel, User]:
    """Make a server with a member, and register the commands."""
    guild = next(iter(server.world.guilds.values()))
    await tree_of(bot).sync()
    return guild, next(iter(guild.channels.values())), guild.member("ada").user


# -------------------------------------------------------------------- login, READY, sync


async def test_login_and_ready_fill_the_cache(server: DiscordServer) -> None:
    guild = server.world.guild("Radio", locale="de", permissions=Permission.MANAGE_THREADS)
    forum, stage = guild.forum(), guild.stage()
    thread, speaker = guild.thread(forum, "topic"), guild.member("ada", guild.role("dj"))
    guild.voices[speaker.user.id] = stage
    guild.voice()
    guild.announcement()
    async with running(server) as bot:
        assert bot.application_id == server.world.bot.id
        (seen,) = bot.guilds
        assert (seen.name, str(seen.preferred_locale), seen.me.guild_permissions.manage_threads) == (
            "Radio",
            "de",
            True,
        )
        assert {channel.type.name for channel in seen.channels} == {"forum", "stage_voice", "voice", "news"}
        assert [found.name for found in seen.threads] == ["topic"]
        assert (found := seen.get_thread(thread.id)) is not None
        assert found.parent_id == forum.id
        (stage_seen,) = seen.stage_channels
        assert [member.id for member in stage_seen.members] == [speaker.user.id]
    assert server.gateway.identifies[0]["intents"] == discord.Intents.default().value
    await server.until(lambda: not server.gateway.connections)
    assert server.gateway.goodbyes == [4000]  # discord.py means 1000, which would end the session
    assert server.rest.unknown == []
    assert server.violations == []


async def test_sync_counts_and_keeps_what_did_not_change(server: DiscordServer) -> None:
    guild = server.world.guild()
    async with logged_in(server) as bot:
        tree = tree_of(bot)
        first = await tree.sync()
        again = await tree.sync()
        assert [command.id for command in first] == [command.id for command in again]
        assert [sync.scope for sync in server.commands.syncs] == [None, None]
        assert server.commands.created[None] == 3
        assert server.commands.names() == ["watch", "work", "settings"]
        fetched = await tree.fetch_commands()
        assert fetched[2].default_member_permissions == discord.Permissions(manage_guild=True)
        tree.copy_global_to(guild=discord.Object(guild.id))
        await tree.sync(guild=discord.Object(guild.id))
        assert server.commands.names(guild.id) == server.commands.names()
        with pytest.raises(discord.Forbidden) as refusal:
            await tree.sync(guild=discord.Object(1))
        assert refusal.value.code == 50001


async def test_commands_are_held_to_the_rules(server: DiscordServer) -> None:
    server.limits.creates = Rate(3, 86_400)
    path = f"/applications/{server.world.bot.id}/commands"
    long = {"name": "long", "description": "d"}
    long["options"] = [  # type: ignore[assignment]
        {"type": 3, "name": f"o{number}", "description": "x" * 100, "choices": [
            {"name": "n" * 100, "value": f"{choice}" * 100} for choice in range(9)
        ]}
        for number in range(25)
    ]  # fmt: skip
    wrong = [
        ({"name": "Upper", "description": "d"}, "name", "APPLICATION_COMMAND_INVALID_NAME"),
        ({"name": "x" * 33, "description": "d"}, "name", "BASE_TYPE_BAD_LENGTH"),
        ({"name": "x"}, "description", "BASE_TYPE_REQUIRED"),
        (long, None, "APPLICATION_COMMAND_TOO_LARGE"),
    ]
    translated = {"description_localizations": {"de": "E"}}
    async with asking(server) as ask:
        for body, key, code in wrong:
            state, told, _ = await ask("PUT", path, [body])
            assert (state, told["code"]) == (400, 50035)
            errors = told["errors"]["0"] if key is None else told["errors"]["0"][key]
            assert errors["_errors"][0]["code"] == code
        many = [{"name": f"c{number}", "description": "d"} for number in range(4)]
        assert (await ask("PUT", path, many))[1]["code"] == 30034
        assert (await ask("POST", path, {"name": "über_पी", "description": "d"}))[0] == 201
        state, made, _ = await ask("POST", path, {"name": "über_पी", "description": "e"} | translated)
        assert (state, made["description_localizations"]) == (200, {"de": "E"})
        assert "description_localizations" not in (await ask("GET", path))[1][0]
        assert (await ask("GET", f"{path}?with_localizations=true"))[1] == [made]
        assert (await ask("PATCH", f"{path}/{made['id']}", {"description": "f"}))[1]["version"] != made["version"]
        assert (await ask("DELETE", f"{path}/{made['id']}"))[0] == 204
        assert (await ask("GET", f"{path}/{made['id']}"))[1]["code"] == 10063


# -------------------------------------------------------------------- interactions


async def test_a_command_with_typed_options(server: DiscordServer) -> None:
    server.world.guild(locale="de").text("news")
    async with running(server) as bot:
        guild, channel, user = await used(server, bot)
        user.locale = "fr"
        role = guild.role("dj")
        options = {"name": "radio", "every": 7, "ratio": 0.5, "who": user, "role": role, "where": channel}
        asked = await server.interaction(channel, user, "watch", options)
        answer = await asked.message()
        assert answer.content == "radio|7|record|False|0.5|ada|dj|news"
        assert channel.messages == [answer]
        payload = asked.payload(server.world)
        assert (payload["locale"], payload["guild_locale"]) == ("fr", "de")
        assert int(payload["member"]["permissions"]) & Permission.SEND_MESSAGES
        hidden = await server.interaction(channel, user, "watch", {"name": "x", "loud": True})
        assert (await hidden.message()).ephemeral
        assert channel.messages == [answer]
        private = await server.interaction(server.world.dm(user), user, "watch", {"name": "here"})
        assert (await private.message()).content.startswith("here|5")


async def test_a_chosen_channel_is_resolved_in_part_with_what_who_asks_may_there(server: DiscordServer) -> None:
    guild = server.world.guild()
    forum, secret = guild.forum(), guild.text("secret")
    thread = guild.thread(forum, "post")
    option = {"type": 7, "name": "where", "description": "d", "channel_types": [0, 11]}
    async with running(server), asking(server) as ask:
        path = f"/applications/{server.world.bot.id}/commands"
        assert (await ask("POST", path, {"name": "go", "description": "d", "options": [option]}))[0] == 201
        ada = guild.member("ada").user
        secret.overwrite(ada, deny=Permission.VIEW_CHANNEL)
        for channel, seen in ((thread, True), (secret, False)):
            asked = await server.interaction(guild.text(), ada, "go", {"where": channel})
            (told,) = asked.data["resolved"]["channels"].values()
            assert (told["id"], told["guild_id"], told["name"]) == (str(channel.id), str(guild.id), channel.name)
            assert bool(int(told["permissions"]) & Permission.VIEW_CHANNEL) is seen
            assert ("thread_metadata" in told) is channel.is_thread
            assert "permission_overwrites" not in told
        with pytest.raises(NotOffered, match="channel of type"):
            await server.interaction(guild.text(), ada, "go", {"where": forum})
        for wrong in ({"type": 3, "channel_types": [0]}, {"type": 7, "channel_types": [99]}):
            body = {"name": "no", "description": "d", "options": [option | wrong]}
            assert (await ask("POST", path, body))[1]["code"] == 50035


async def test_apps_offer_only_what_was_registered(server: DiscordServer) -> None:
    server.world.guild().text()
    async with running(server) as bot:
        guild, channel, user = await used(server, bot)
        for line, options in (
            ("nothing", {}),
            ("watch", {}),
            ("watch", {"name": 5}),
            ("watch", {"name": "x", "every": 61}),
            ("watch", {"name": "x", "kind": "other"}),
            ("watch", {"name": "x", "more": 1}),
            ("settings", {}),
        ):
            with pytest.raises(NotOffered):
                await server.interaction(channel, user, line, options)
        guild.members[user.id].roles.append(guild.role("admin", Permission.ADMINISTRATOR))
        assert await (await server.interaction(channel, user, "settings")).form()


async def test_autocomplete(server: DiscordServer) -> None:
    server.world.guild().text()
    async with running(server) as bot:
        _, channel, user = await used(server, bot)
        typing = await server.autocomplete(channel, user, "watch", {"name": "ra"}, "name")
        assert [choice["name"] for choice in await typing.choices()] == ["ra0", "ra1", "ra2"]
        typing = await server.autocomplete(channel, user, "watch", {"name": "many"}, "name")
        await server.until(lambda: typing.refusals)
        assert (typing.refusals, typing.callback) == ([50035], None)


async def test_defer_then_edit_and_follow_up(server: DiscordServer) -> None:
    server.world.guild().text()
    async with running(server) as bot:
        _, channel, user = await used(server, bot)
        asked = await server.interaction(channel, user, "work")
        await asked.response()
        assert asked.deferred
        original = await asked.message()
        assert (original.content, original.ephemeral, original.loading) == ("half", True, False)
        followup = await asked.followup()
        await server.until(lambda: followup.edits)
        assert (followup.content, followup.attachments[0].data) == ("whole, mended", b"1")
        assert [message.id for message in channel.messages] == [followup.id]


async def test_a_follow_up_right_after_deferral_takes_its_place(server: DiscordServer) -> None:
    guild = server.world.guild()
    channel, user = guild.text(), guild.member("ada").user
    async with running(server) as bot:

        @bot.tree.command(description="d")
        async def slow(interaction: discord.Interaction[Bot]) -> None:
            await interaction.response.defer()
            await interaction.followup.send("done")

        await bot.tree.sync()
        asked = await server.interaction(channel, user, "slow")
        answer = await asked.message()
        assert (answer.content, asked.followups, channel.messages) == ("done", [], [answer])


async def test_late_and_second_answers_are_refused(server: DiscordServer) -> None:
    guild = server.world.guild()
    channel, user = guild.text(), guild.member("ada").user
    caught: list[int] = []
    async with running(server) as bot:

        @bot.tree.command(description="d")
        async def twice(interaction: discord.Interaction[Bot]) -> None:
            again = discord.Interaction(data=interaction_data(server), state=bot._connection)
            for answering in (interaction, again):
                try:
                    await answering.response.send_message("hello")
                except discord.HTTPException as error:
                    caught.append(error.code)

        await bot.tree.sync()
        asked = await server.interaction(channel, user, "twice")
        await server.until(lambda: asked.refusals)
        server.limits.interaction_deadline = 0
        late = await server.interaction(channel, user, "twice")
        await server.until(lambda: len(late.refusals) == 2)
        await bot.hears("app_command_completion", 2)
    assert caught == [40060, 10062, 10062]
    assert late.messages == []


def interaction_data(server: DiscordServer) -> Any:
    *_, last = server.interactions.made.values()
    return last.payload(server.world)


async def test_a_form_then_a_button(server: DiscordServer) -> None:
    server.world.guild().text()
    async with running(server) as bot:
        _, channel, user = await used(server, bot)
        opened = await server.interaction(channel, user, "settings", forced=True)
        assert (await opened.form())["title"] == "Settings"
        with pytest.raises(NotOffered):
            await server.submit(opened, {"pace": "x" * 11})
        sent = await server.submit(opened, {"pace": "slow"})
        message = await sent.message()
        assert message.content == "pace slow"
        pressed = await server.press(message, "Mute", user)
        await pressed.response()
        assert (pressed.original, message.content) == (message, "muted")
        with pytest.raises(NotOffered, match="disabled"):
            await server.press(message, "mute", user)
        pressed.expire()
        async with asking(server) as ask:
            hook = f"/webhooks/{server.world.bot.id}/{pressed.token}"
            assert (await ask("POST", hook, {"content": "late"}))[1]["code"] == 50027
            assert (await ask("POST", f"{hook}x", {"content": "?"}))[1]["code"] == 10015


async def test_a_callback_has_a_body_only_when_asked(server: DiscordServer) -> None:
    guild = server.world.guild()
    channel, user = guild.text(), guild.member("ada").user
    async with asking(server) as ask:
        await ask("PUT", f"/applications/{server.world.bot.id}/commands", [{"name": "x", "description": "d"}])
        for query, expected in (("", 204), ("?with_response=true", 200)):
            asked = await server.interaction(channel, user, "x")
            path = f"/interactions/{asked.id}/{asked.token}/callback{query}"
            state, told, _ = await ask("POST", path, {"type": 4, "data": {"content": "x" * 2001}})
            assert (state, list(told["errors"]["data"])) == (400, ["content"])
            state, told, _ = await ask("POST", path, {"type": 4, "data": {"content": "hello"}})
            assert state == expected
        assert told["resource"]["message"]["content"] == "hello"
        guild.everyone.permissions &= ~Permission.USE_APPLICATION_COMMANDS
        with pytest.raises(NotOffered):
            await server.interaction(channel, user, "x")


# -------------------------------------------------------------------- messages


async def test_an_embed_with_files_and_mentions(server: DiscordServer) -> None:
    guild = server.world.guild()
    channel, role = guild.text(), guild.role("fans", mentionable=True)
    ada = guild.member("ada").user
    async with logged_in(server) as bot:
        target = bot.get_partial_messageable(channel.id)
        embed = discord.Embed(title="Record", description="1,234", color=0xFF0000)
        embed.add_field(name="When", value="<t:1:R>").set_image(url="attachment://chart.png")
        files = [discord.File(io.BytesIO(b"png"), "chart.png"), discord.File(io.BytesIO(b"log"), "log.txt")]
        text = f"@everyone {role.mention} {ada.mention}"
        sent = await target.send(text, embed=embed, files=files)
        (stored,) = channel.messages
        assert sent.embeds[0].image.url == stored.attachments[0].url
        assert [file.filename for file in sent.attachments] == ["log.txt"]
        assert await sent.attachments[0].read() == b"log"
        assert stored.pings == Pings(roles=frozenset({role.id}), users=frozenset({ada.id}))
        silent = await target.send(text, allowed_mentions=discord.AllowedMentions.none())
        assert not channel.messages[-1].pings
        guild.me.roles[0].permissions = Permission.MENTION_EVERYONE
        await target.send(text)
        assert channel.messages[-1].pings.everyone
        await silent.edit(content="quiet", embed=None)
        assert (channel.messages[1].content, len(channel.messages[1].edits)) == ("quiet", 1)
        await silent.delete()
        assert [message.id for message in channel.posted if message.deleted] == [silent.id]
        await target.typing()
        assert channel.typed == 1


@pytest.mark.parametrize(
    ("embed", "path"),
    [
        ({"title": "x" * 257}, "embeds.0.title"),
        ({"description": "x" * 4097}, "embeds.0.description"),
        ({"title": "t", "fields": [{"name": "n", "value": "v"}] * 26}, "embeds.0.fields"),
        ({"fields": [{"name": "n" * 257, "value": "v"}]}, "embeds.0.fields.0.name"),
        ({"fields": [{"name": "n", "value": "v" * 1025}]}, "embeds.0.fields.0.value"),
        ({"fields": [{"name": "n", "value": " "}]}, "embeds.0.fields.0.value"),
        ({"footer": {"text": "x" * 2049}}, "embeds.0.footer.text"),
        ({"author": {"name": "x" * 257}}, "embeds.0.author.name"),
        ({"title": "t", "url": "ftp://x"}, "embeds.0.url"),
        ({}, "embeds.0.description"),
        ({"description": "x" * 3500}, "embeds"),
    ],
)
async def test_limits_of_embeds(server: DiscordServer, embed: dict[str, Any], path: str) -> None:
    channel = server.world.guild().text()
    async with asking(server) as ask:
        state, told, _ = await ask("POST", f"/channels/{channel.id}/messages", {"embeds": [embed] * 2})
    assert (state, told["code"], told["message"]) == (400, 50035, "Invalid Form Body")
    errors = told["errors"]
    for step in path.split("."):
        errors = errors[step]
    assert errors["_errors"][0]["code"]


async def test_limits_of_messages(server: DiscordServer) -> None:
    channel = server.world.guild().text()
    button = {"type": 2, "style": 1, "label": "b", "custom_id": "same"}
    async with asking(server) as ask:
        for body, code in (
            ({"content": "x" * 2001}, 50035),
            ({"content": "x", "nonce": "n" * 26}, 50035),
            ({"content": "x", "components": [{"type": 1, "components": [button, button]}]}, 50035),
            ({"content": "x", "components": [{"type": 1, "components": [{"type": 2, "style": 5}]}]}, 50035),
            ({"content": "x", "components": [button]}, 50035),
            ({"content": "x", "flags": 1 << 15, "components": [{"type": 10, "content": "t"}]}, 50035),
            ({"content": "x", "allowed_mentions": {"parse": ["users"], "users": ["1"]}}, 50035),
            ({"content": " "}, 50006),
            ({}, 50006),
        ):
            state, told, _ = await ask("POST", f"/channels/{channel.id}/messages", body)
            assert (state, told["code"]) == (400, code), body
            server.meter._windows.clear()
        plain = {"flags": 1 << 15, "components": [{"type": 17, "components": [{"type": 10, "content": "t"}]}]}
        assert (await ask("POST", f"/channels/{channel.id}/messages", plain))[0] == 200
        state, told, _ = await ask("POST", f"/channels/{channel.id}/messages", data=b"{", headers=JSON)
        assert (state, told["code"]) == (400, 50109)
    assert len(channel.messages) == 1


JSON = {"Content-Type": "application/json"}


def _deny(channel: Channel, permission: Permission) -> None:
    assert channel.guild is not None
    channel.overwrite(channel.guild.everyone, deny=permission)


def _archived_and_locked(channel: Channel) -> None:
    channel.archived = channel.locked = True


@pytest.mark.parametrize(
    ("make", "spoil", "kind", "code"),
    [
        (Guild.text, lambda channel: _deny(channel, Permission.VIEW_CHANNEL), discord.Forbidden, 50001),
        (Guild.text, lambda channel: setattr(channel.guild, "present", False), discord.Forbidden, 50001),
        (Guild.text, lambda channel: _deny(channel, Permission.SEND_MESSAGES), discord.Forbidden, 50013),
        (Guild.text, lambda channel: _deny(channel, Permission.EMBED_LINKS), discord.Forbidden, 50013),
        (Guild.text, lambda channel: setattr(channel, "deleted", True), discord.NotFound, 10003),
        (Guild.forum, lambda channel: None, discord.HTTPException, 40058),
        ("thread", lambda channel: setattr(channel, "locked", True), discord.Forbidden, 160005),
        ("thread", _archived_and_locked, discord.Forbidden, 50083),
        (
            "thread",
            lambda channel: _deny(channel.ruling, Permission.SEND_MESSAGES_IN_THREADS),
            discord.Forbidden,
            50013,
        ),
        ("dm", lambda channel: setattr(channel.recipient, "takes_messages", False), discord.Forbidden, 50007),
        ("dm", lambda channel: channel.world.guilds.clear(), discord.Forbidden, 50278),
    ],
)
async def test_refusals(
    server: DiscordServer, make: Any, spoil: Callable[[Channel], None], kind: type[Exception], code: int
) -> None:
    guild = server.world.guild()
    user = guild.member("ada").user
    channel: Channel
    if make == "dm":
        channel = server.world.dm(user)
    else:
        channel = guild.thread(guild.text()) if make == "thread" else make(guild)
    spoil(channel)
    async with logged_in(server) as bot:
        with pytest.raises(kind) as refusal:
            await bot.get_partial_messageable(channel.id).send(embed=discord.Embed(title="t"))
    assert isinstance(refusal.value, discord.HTTPException)
    assert refusal.value.code == code
    assert server.invalid_requests == (refusal.value.status == 403)
    assert channel.posted == []


async def test_threads_channels_and_lookups(server: DiscordServer) -> None:
    guild = server.world.guild(everyone=MEMBERS & ~Permission.SEND_MESSAGES)
    thread = guild.thread(guild.forum())
    thread.archived = True
    ada = guild.member("ada")
    async with logged_in(server) as bot:
        target = bot.get_partial_messageable(thread.id)
        sent = await target.send("wakes the thread")
        assert not thread.archived
        thread.archived = True
        with pytest.raises(discord.HTTPException) as refusal:
            await sent.edit(content="no")
        assert (refusal.value.status, refusal.value.code) == (400, 50083)
        assert (await target.fetch_message(sent.id)).content == "wakes the thread"
        assert [message.id async for message in target.history()] == [sent.id]
        with pytest.raises(discord.NotFound) as missing:
            await target.fetch_message(1)
        assert missing.value.code == 10008
        assert (await bot.fetch_channel(thread.id)).id == thread.id
        found = await bot.fetch_guild(guild.id)
        assert found.approximate_member_count == 3
        assert (await found.fetch_member(ada.user.id)).name == "ada"
        with pytest.raises(discord.NotFound) as missing:
            await bot.fetch_guild(1)
        assert missing.value.code == 10004
        private = await bot.create_dm(discord.Object(ada.user.id))
        await private.send("hello")
    assert [message.content for message in server.world.dm(ada.user).messages] == ["hello"]


async def test_crossposts_ten_an_hour(server: DiscordServer) -> None:
    server.limits.scale = 0.0003  # an hour lasts 1.08 s
    server.limits.tolerance = 0
    channel = server.world.guild().announcement()
    async with logged_in(server) as bot:
        target = bot.get_partial_messageable(channel.id)
        sent = [await target.send(str(number)) for number in range(11)]
        for message in sent:
            await message.publish()
        with pytest.raises(discord.HTTPException) as refusal:
            await sent[0].publish()
        assert refusal.value.code == 40033
    assert all(message.crossposted for message in channel.messages)
    assert {violation.scope for violation in server.violations} == {"shared"}
    assert server.invalid_requests == 0


# -------------------------------------------------------------------- limits and faults


async def test_bursts_get_429_with_all_headers(server: DiscordServer) -> None:
    guild = server.world.guild()
    first, second = guild.text(), guild.text()
    async with asking(server) as ask:
        answers = [await ask("POST", f"/channels/{first.id}/messages", {"content": "x"}) for _ in range(6)]
        assert [answer[0] for answer in answers] == [200] * 5 + [429]
        assert [answer[2]["X-RateLimit-Remaining"] for answer in answers] == [*"43210", "0"]
        _, told, headers = answers[-1]
        assert (told["global"], headers["Via"], headers["X-RateLimit-Scope"]) == (False, "1.1 google", "user")
        assert 4 < told["retry_after"] <= float(headers["Retry-After"]) <= 6
        assert headers["X-RateLimit-Bucket"] == answers[0][2]["X-RateLimit-Bucket"]
        assert (await ask("POST", f"/channels/{second.id}/messages", {"content": "x"}))[0] == 200
        server.limits.everything = Rate(20, 5)
        spread = [await ask("GET", f"/channels/{first.id}") for _ in range(20)]
        *_, (state, told, headers) = [answer for answer in spread if answer[0] == 429]
        assert (state, told["global"], headers["X-RateLimit-Global"]) == (429, True, "true")
    assert [violation.scope for violation in server.violations][:2] == ["user", "global"]
    assert server.invalid_requests == len(server.violations)


async def test_the_library_waits_for_its_buckets(server: DiscordServer) -> None:
    server.limits.scale = 0.02  # five messages in 0.1 s
    channel = server.world.guild().text()
    async with logged_in(server) as bot:
        target = bot.get_partial_messageable(channel.id)
        async with asyncio.TaskGroup() as group:
            for number in range(12):
                group.create_task(target.send(str(number)))
    assert len(channel.messages) == 12
    assert server.violations == []
    took = server.calls[-1].at - server.asked("POST /channels/{channel}/messages")[0].at
    assert took >= 0.2


async def test_the_library_obeys_429_but_not_beforehand(server: DiscordServer) -> None:
    server.limits.everything = Rate(10, 0.5)
    guild = server.world.guild()
    channels = [guild.text() for _ in range(30)]
    async with logged_in(server) as bot:
        server.inject(busy(0.05), "POST .*/messages")
        await bot.get_partial_messageable(channels[0].id).send("told to wait")
        assert server.violations == []
        async with asyncio.TaskGroup() as group:
            for channel in channels:
                group.create_task(bot.get_partial_messageable(channel.id).send("at once"))
    assert all(channel.messages for channel in channels)
    assert {violation.scope for violation in server.violations} == {"global"}


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (html(429), discord.HTTPException),
        (status(503), discord.DiscordServerError),
        (html(503), discord.DiscordServerError),
        (status(403, error=50001), discord.Forbidden),
        (cut(), aiohttp.ServerDisconnectedError),
        (hang(), TimeoutError),
    ],
)
async def test_what_reaches_the_caller(server: DiscordServer, fault: Fault, kind: type[Exception]) -> None:
    channel = server.world.guild().text()
    async with logged_in(server) as bot:
        server.inject(fault, f"POST /channels/{channel.id}/messages")
        with pytest.raises(kind):
            async with asyncio.timeout(0.3 if fault.hang else 5):
                await bot.get_partial_messageable(channel.id).send("lost")
        assert channel.messages == []
        assert server.calls[-1].status == (fault.status or 0)
        await bot.get_partial_messageable(channel.id).send("heard")
    assert len(channel.messages) == 1


@pytest.mark.parametrize("code", [500, 502])
async def test_the_library_tries_again_after(
    server: DiscordServer, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel = server.world.guild().text()
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        if seconds:  # aiohttp yields with 0
            waits.append(seconds)

    async with logged_in(server) as bot:
        monkeypatch.setattr(asyncio, "sleep", sleep)
        server.inject(status(code, stored=True), "POST .*/messages", times=2)
        await bot.get_partial_messageable(channel.id).send("once")
    assert (waits, len(channel.messages)) == ([1, 3], 1)


async def test_a_nonce_makes_one_message(server: DiscordServer) -> None:
    channel = server.world.guild().text()
    async with logged_in(server) as bot:
        target = bot.get_partial_messageable(channel.id)
        server.inject(cut(stored=True), "POST .*/messages")
        with pytest.raises(aiohttp.ClientError):
            await target.send("record", nonce="delivery-7")
        (stored,) = channel.messages
        assert (await target.send("record", nonce="delivery-7")).id == stored.id
        assert channel.messages == [stored]
        server.limits.memory = 0
        assert (await target.send("record", nonce="delivery-7")).id != stored.id


async def test_a_wrong_token_and_a_ban(server: DiscordServer) -> None:
    async with Bot() as bot:
        with pytest.raises(discord.LoginFailure):
            await bot.login("wrong")
    assert server.invalid_requests == 1
    server.limits.invalid = Rate(3, 600)
    async with asking(server) as ask:
        answers = [await ask("GET", "/users/@me", headers={"Authorization": "Bot x"}) for _ in range(3)]
        assert [answer[0] for answer in answers] == [401, 401, 429]
        assert answers[0][1] == {"message": "401: Unauthorized", "code": 0}
        assert "Via" not in answers[2][2]
        assert answers[2][2]["Content-Type"].startswith("text/html")
        assert (await ask("GET", "/nowhere"))[1] == {"message": "404: Not Found", "code": 0}
    assert server.rest.unknown == ["GET /api/v10/nowhere"]


# -------------------------------------------------------------------- gateway


async def test_a_cut_connection_is_resumed_with_what_was_missed(server: DiscordServer) -> None:
    guild = server.world.guild()
    channel, ada = guild.text(), guild.member("ada")
    async with running(server) as bot:
        server.gateway.cut()
        await server.move(ada, guild.stage())
        await server.say(channel, ada.user, "missed")
        await bot.hears("message")
        await bot.hears("resumed")
    assert [connection["session_id"] for connection in server.gateway.resumes] == ["session1"]
    assert (server.gateway.opened, len(server.gateway.identifies)) == (2, 1)


async def test_the_address_for_resuming_is_used(server: DiscordServer) -> None:
    async with running(server) as bot:
        await server.gateway.reconnect()
        await bot.hears("resumed")
        assert [connection.resumed for connection in server.gateway.connections] == [True]
        await server.gateway.invalidate(resumable=True)
        await bot.hears("resumed", 2)
        await server.gateway.close(4000)
        await bot.hears("resumed", 3)
        await server.gateway.request_heartbeat()
        await server.until(lambda: len(server.gateway.heartbeats) >= 5)
    assert len(server.gateway.identifies) == 1


async def test_an_invalid_session_starts_anew(server: DiscordServer) -> None:
    server.limits.identifying = Rate(10, 5)
    server.world.guild()
    async with running(server) as bot:
        await server.gateway.invalidate()
        await bot.hears("ready", 2)
        server.gateway.forget()
        server.gateway.cut()
        await bot.hears("ready", 3)
    assert [len(server.gateway.identifies), len(server.gateway.resumes)] == [3, 1]
    assert [session["session_id"] for session in server.gateway.resumes] == ["session2"]


async def test_identifying_too_often_is_refused(server: DiscordServer) -> None:
    server.limits.identifying = Rate(1, 0.6)
    async with running(server) as bot:
        await server.gateway.invalidate()
        await bot.hears("ready", 2)
    assert {violation.what for violation in server.violations} == {"identifies at once"}


async def test_silence_is_noticed(server: DiscordServer) -> None:
    server.gateway.heartbeat = 10
    async with running(server, Bot(heartbeat_timeout=0.3)) as bot:
        server.gateway.acks = False
        await server.until(lambda: server.gateway.resumes)
        server.gateway.acks = True
        await bot.hears("resumed")
    assert server.gateway.closed == []


@pytest.mark.parametrize(
    ("token", "intents", "kind", "code"),
    [
        ("changed", discord.Intents.default(), discord.ConnectionClosed, 4004),
        ("bot-token", discord.Intents.all(), discord.PrivilegedIntentsRequired, 4014),
    ],
)
async def test_fatal_close_codes(
    server: DiscordServer, token: str, intents: discord.Intents, kind: type[Exception], code: int
) -> None:
    async with Bot(intents=intents) as bot:
        await bot.login(server.token)
        server.token = token
        with pytest.raises(kind):
            await bot.connect()
    assert server.gateway.closed == [code]


async def test_a_refused_connection_ends_a_first_start(server: DiscordServer) -> None:
    await server.gateway.refuse()
    async with Bot() as bot:
        await bot.login(server.token)
        logging.getLogger("discord.client").disabled = True
        with pytest.raises(AttributeError):  # what discord.py makes of it: the session to resume is None
            await bot.connect()
        logging.getLogger("discord.client").disabled = False
    await server.gateway.accept()
    async with running(server):
        assert server.gateway.connected


async def test_an_api_that_cannot_be_reached(server: DiscordServer) -> None:
    await server.listen(api=False)
    async with Bot() as bot:
        with pytest.raises(aiohttp.ClientConnectorError):
            await bot.login(server.token)
        await server.listen(api=True)
        await bot.login(server.token)


IDENTIFY = {"token": "bot-token", "intents": 1, "properties": {}}


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        ({"op": 2, "d": IDENTIFY | {"token": "wrong"}}, 4004),
        ({"op": 2, "d": IDENTIFY | {"intents": 1 << 30}}, 4013),
        ({"op": 2, "d": IDENTIFY | {"intents": 1 << 15}}, 4014),
        ({"op": 2, "d": IDENTIFY | {"shard": [2, 2]}}, 4010),
        ({"op": 3, "d": {}}, 4003),
        ({"op": 77, "d": {}}, 4001),
        ({"op": 2, "d": IDENTIFY | {"more": "x" * 4096}}, 4002),
        (None, 4000),
    ],
)
async def test_the_rules_of_the_gateway(server: DiscordServer, payload: Any, code: int) -> None:
    server.gateway.heartbeat = 0.1 if payload is None else 10
    async with (
        aiohttp.ClientSession() as http,
        http.ws_connect(f"{server.gateway_url}?v=10&encoding=json") as socket,
    ):
        assert (await socket.receive_json())["op"] == 10
        if payload is not None:
            await socket.send_json(payload)
        await socket.receive()
        assert socket.close_code == code


async def test_members_and_privileged_intents(server: DiscordServer) -> None:
    server.world.privileged = Intent.MEMBERS
    guild = server.world.guild()
    ada = guild.member("ada")
    intents = discord.Intents.default()
    intents.members = True
    async with running(server, Bot(intents=intents)) as bot:
        (seen,) = bot.guilds
        assert seen.chunked
        assert {member.name for member in seen.members} == {"owner", "milepost", "ada"}
        await server.update_member(ada, nick="Countess", roles=[guild.role("dj")])
        await bot.hears("member_update")
        assert (found := seen.get_member(ada.user.id)) is not None
        assert found.nick == "Countess"
        await server.remove_member(ada)
        await bot.hears("member_remove")


async def test_what_happens_to_servers_is_told(server: DiscordServer) -> None:
    guild = server.world.guild("One")
    channel = guild.text()
    thread, stage, ada = guild.thread(channel), guild.stage(), guild.member("ada")
    async with running(server) as bot:
        other = server.world.guild("Two", present=False)
        other.text()
        await server.join(other)
        await bot.hears("guild_join")
        assert len(bot.guilds) == 2
        await server.leave(other)
        await bot.hears("guild_remove")
        await server.outage(guild)
        await bot.hears("guild_unavailable")
        await server.outage(guild, over=True)
        await bot.hears("guild_available", 2)
        await server.move(ada, stage)
        await server.move(ada, None)
        await bot.hears("voice_state_update", 2)
        channel.overwrite(guild.everyone, deny=Permission.SEND_MESSAGES)
        await server.update_channel(channel, name="renamed")
        await bot.hears("guild_channel_update")
        seen = bot.get_channel(channel.id)
        assert isinstance(seen, discord.TextChannel)
        assert (seen.name, seen.permissions_for(seen.guild.me).send_messages) == ("renamed", False)
        await server.update_channel(thread, locked=True)
        await bot.hears("thread_update")
        crew = guild.role("crew")
        await server.create_role(crew)
        await bot.hears("guild_role_create")
        assert seen.guild.get_role(crew.id) is not None
        await server.update_role(guild.me.roles[0], permissions=Permission.ADMINISTRATOR)
        await bot.hears("guild_role_update")
        assert seen.permissions_for(seen.guild.me).send_messages
        await server.update_member(guild.me, roles=[])
        await bot.hears("member_update")
        await server.create_channel(guild.channel(Kind.TEXT, "new"))
        await bot.hears("guild_channel_create")
        await server.delete_channel(channel)
        await bot.hears("guild_channel_delete")
        assert bot.get_channel(thread.id) is None


async def test_servers_with_an_outage_are_known_but_not_told_of(server: DiscordServer) -> None:
    well, ill = server.world.guild("Well"), server.world.guild("Ill")
    well.system_channel = well.text("hall")
    ill.available = False
    async with running(server) as bot:
        assert {guild.id: guild.unavailable for guild in bot.guilds} == {well.id: False, ill.id: True}
        hall = next(guild.system_channel for guild in bot.guilds if guild.id == well.id)
        assert hall is not None
        assert hall.name == "hall"
        await server.outage(ill, over=True)
        await bot.hears("guild_available", 2)


async def test_a_private_thread_is_for_those_in_it_and_those_who_manage_threads(server: DiscordServer) -> None:
    guild = server.world.guild()
    channel, ada = guild.text(), guild.member("ada")
    thread, other = guild.private_thread(channel, ada.user), guild.private_thread(channel, server.world.bot)
    assert ada.permissions(thread) & Permission.VIEW_CHANNEL
    assert not guild.member("bea").permissions(thread)
    async with running(server) as bot, asking(server) as ask:
        (seen,) = bot.guilds[0].threads
        assert seen.id == other.id
        path = f"/channels/{thread.id}/messages"
        assert (await ask("POST", path, {"content": "x"}))[1]["code"] == 50001
        channel.overwrite(server.world.bot, allow=Permission.MANAGE_THREADS)
        assert (await ask("POST", path, {"content": "x"}))[0] == 200


async def test_messages_of_others_come_without_content(server: DiscordServer) -> None:
    guild = server.world.guild()
    channel, ada = guild.text(), guild.member("ada").user
    texts: list[str] = []
    async with running(server) as bot:

        @bot.event
        async def on_message(message: discord.Message) -> None:
            texts.append(message.content)

        await server.say(channel, ada, "secret")
        await server.say(channel, ada, f"{server.world.bot.mention} help")
        await server.say(server.world.dm(ada), ada, "private")
        await bot.hears("message", 3)
        message = await server.say(channel, ada, "gone")
        await server.delete_message(message)
        await bot.hears("raw_message_delete")
    assert texts == ["", f"<@{server.world.bot.id}> help", "private", ""]


async def test_shards_hear_of_their_own_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    guilds = [world.guild(str(number)) for number in range(3)]
    async with serving(monkeypatch, world=world, limits=Limits(max_concurrency=2)) as server:
        server.gateway.shards = 2
        bot = discord.AutoShardedClient(intents=discord.Intents.default(), guild_ready_timeout=0.05)
        monkeypatch.setattr(bot, "before_identify_hook", Bot.before_identify_hook.__get__(bot))
        task = asyncio.create_task(bot.start(server.token))
        await server.until(lambda: len(server.gateway.sessions) == 2)
        await asyncio.wait_for(bot.wait_until_ready(), 5)
        assert len(bot.guilds) == len(guilds)
        await bot.close()
        await task
    assert [identify["shard"] for identify in server.gateway.identifies] == [[0, 2], [1, 2]]


# ------------------------------------------------------------ edits and files


async def test_edits_of_messages_older_than_an_hour_are_counted_by_themselves(server: DiscordServer) -> None:
    server.limits.routes = {}
    channel = server.world.guild().text()
    async with asking(server) as ask:
        made = (await ask("POST", f"/channels/{channel.id}/messages", {"content": "old"}))[1]
        new = (await ask("POST", f"/channels/{channel.id}/messages", {"content": "new"}))[1]
        old = channel.messages[0]
        old.id = int(made["id"]) - (3_601_000 << 22)
        answers = [
            await ask("PATCH", f"/channels/{channel.id}/messages/{old.id}", {"content": str(n)}) for n in range(4)
        ]
        assert [state for state, *_ in answers] == [200, 200, 200, 429]
        _, told, headers = answers[-1]
        assert (told["code"], told["global"], headers["X-RateLimit-Scope"]) == (30046, False, "shared")
        assert 0 < told["retry_after"] <= 20
        assert told["message"].startswith("Maximum number of edits to messages older than 1 hour reached")
        assert (await ask("PATCH", f"/channels/{channel.id}/messages/{new['id']}", {"content": "x"}))[0] == 200
    assert old.content == "2"


async def test_files_take_a_permission_also_in_edits_and_are_as_large_as_the_boosts_allow(
    server: DiscordServer,
) -> None:
    guild = server.world.guild()
    channel = guild.text()
    async with logged_in(server) as bot:
        target = bot.get_partial_messageable(channel.id)
        sent = await target.send("500")
        large = bytes(11 << 20)
        with pytest.raises(discord.HTTPException) as refused:
            await sent.edit(attachments=[discord.File(io.BytesIO(large), "x.bin")])
        assert (refused.value.status, refused.value.code) == (413, 40005)
        guild.premium_tier = 2
        await sent.edit(attachments=[discord.File(io.BytesIO(large), "x.bin")])
        assert [len(one.data) for one in channel.messages[0].attachments] == [11 << 20]
        await sent.edit(attachments=[])
        assert channel.messages[0].attachments == []
        guild.everyone.permissions = MEMBERS & ~Permission.ATTACH_FILES
        with pytest.raises(discord.Forbidden):
            await sent.edit(attachments=[discord.File(io.BytesIO(b"x"), "x.bin")])
        await sent.edit(content="501")


async def test_a_multipart_request_that_is_none_of_discord_s_is_refused(server: DiscordServer) -> None:
    channel = server.world.guild().text()
    async with aiohttp.ClientSession(headers=HEADERS) as http:
        for name in ("file", "files[x]", "files"):
            form = aiohttp.FormData(quote_fields=False)
            form.add_field("payload_json", "{}")
            form.add_field(name, b"x", filename="x.png", content_type="image/png")
            async with http.post(f"{server.api_url}/channels/{channel.id}/messages", data=form) as response:
                assert (response.status, (await response.json())["code"]) == (400, 50035)
        form = aiohttp.FormData(quote_fields=False)
        told = {"content": "x", "attachments": [{"id": 1, "filename": "x.png"}]}  # there is only 0
        form.add_field("payload_json", json.dumps(told))
        form.add_field("files[0]", b"x", filename="x.png", content_type="image/png")
        async with http.post(f"{server.api_url}/channels/{channel.id}/messages", data=form) as response:
            assert (await response.json())["code"] == 50035
    assert not channel.messages


def row(*components: dict[str, Any]) -> dict[str, Any]:
    return {"content": "x", "components": [{"type": 1, "components": list(components)}]}


def choice(*values: str, **more: Any) -> dict[str, Any]:
    options = [{"label": value, "value": value} | more for value in values]
    return {"type": 3, "custom_id": "a", "options": options}


@pytest.mark.parametrize(
    "wrong",
    [
        row(choice("a", "a")),
        row(choice("a", "b", default=True)),
        row(choice("a"), {"type": 2, "style": 1, "label": "b", "custom_id": "b"}),
        row(choice(*map(str, range(26)))),
        row(choice("x" * 101)),
        row(choice()),
    ],
)
def test_lists_that_discord_would_not_take(wrong: dict[str, Any]) -> None:
    with pytest.raises(ApiError) as caught:
        checks.message(wrong)
    assert caught.value.code == 50035
    checks.message(row(choice("a", "b")))
