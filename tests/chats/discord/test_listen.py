from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.chats.discord import commands
from bot.domain import DAY, HOUR, MINUTE
from bot.ports.command import Param
from bot.ports.message import Button, Message, Span, Style, says
from bot.samples import SPACE
from bot.texts.catalog import DOMAIN
from handlers import COMMANDS
from tests.chats.discord.setting import (
    ASK,
    LIVE,
    SET,
    START,
    SUBSCRIBE,
    WATCH,
    Heard,
    Place,
    Said,
    connected,
    ephemeral,
    post,
    soon,
)
from tests.servers.discord import (
    NotOffered,
    Permission,
    User,
    busy,
    checks,
    cut,
    slow,
    status,
)
from tests.servers.discord.errors import Form
from tests.talk import Talk, talk

pytestmark = pytest.mark.usefixtures("quick")

MANAGE_GUILD = 1 << 5
NOON = 1_700_000_000_000 // DAY * DAY + 12 * HOUR


# The menu


def test_the_commands_as_declared() -> None:
    stats, milestones = commands.menu([ASK, SET])
    assert stats["options"] == [
        {"type": 3, "name": "name", "description": "which", "required": False, "autocomplete": True}
    ]
    assert stats["default_member_permissions"] is None
    assert milestones["default_member_permissions"] == str(MANAGE_GUILD)
    assert milestones["contexts"] == [0, 1]
    (subscribe,) = commands.menu([SUBSCRIBE])
    assert [(one["name"], one["type"], one.get("autocomplete")) for one in subscribe["options"]] == [
        ("name", 3, True),
        ("kinds", 3, True),
        ("mention", 3, True),
        ("channel", 7, None),
    ]
    assert subscribe["options"][3]["channel_types"] == [0, 5, 10, 11, 12, 2, 13]
    assert [(one["name"], one["required"]) for one in milestones["options"]] == [
        ("thresholds", True),
        ("name", False),
        ("kind", False),
    ]
    assert milestones["options"][2]["choices"] == [{"name": "a", "value": "a"}, {"name": "b", "value": "b"}]


def test_all_commands_of_the_bot_are_such_that_discord_takes_them() -> None:
    form = Form()
    for number, command in enumerate(commands.menu(COMMANDS)):
        checks.command(form, (number,), command)
    assert not form.errors


def test_long_words_are_cut_and_many_choices_are_completed() -> None:
    many = tuple(f"c{number}" for number in range(30))
    (made,) = commands.menu([Said("x", about="y" * 200, params=(Param("p", "", choices=many),))])
    assert len(made["description"]) == 100
    assert made["options"][0]["autocomplete"]
    assert "choices" not in made["options"][0]


def test_what_was_filled_in_reads_as_if_typed() -> None:
    given = [{"name": "thresholds", "value": " 100 1k "}, {"name": "name", "value": "Night Radio"}]
    assert commands.typed(SET, given) == "Night Radio 100 1k"
    assert commands.typed(None, given) == "100 1k Night Radio"


def test_what_its_place_does_not_tell_is_led_by_its_word_and_the_channel_is_left_out() -> None:
    given = [
        {"name": "mention", "value": "nobody"},
        {"name": "channel", "value": "77"},
        {"name": "name", "value": "Night Radio"},
    ]
    assert commands.typed(SUBSCRIBE, given) == "Night Radio mention nobody"
    assert commands.place(SUBSCRIBE, given) == "77"
    assert commands.place(SUBSCRIBE, given[:1]) is None
    assert commands.place(None, given) is None


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Live as Ever", '"Live as Ever"'),
        ("live AS ever", '"live AS ever"'),
        ("as it is", '"as it is"'),
        ("such as", '"such as"'),
        ("as", '"as"'),
        ('"Live as Ever"', '"Live as Ever"'),
        ("“Live as Ever”", '"Live as Ever"'),
        ('The "Live as Ever" show', "\"The 'Live as Ever' show\""),
        ('"Live" as "Ever"', "\"'Live' as 'Ever'\""),
        ("Last Gas assembly", "Last Gas assembly"),
        ('12" Vinyl', '12" Vinyl'),
    ],
)
def test_a_name_with_the_word_that_leads_it_is_quoted(name: str, shown: str) -> None:
    given = [{"name": "name", "value": name}, {"name": "address", "value": "json:https://h/p#n"}]
    assert commands.typed(WATCH, given) == f"json:https://h/p#n as {shown}"


def test_descriptions_come_in_the_languages_that_both_know(tmp_path: Path) -> None:
    from babel.messages import Catalog
    from babel.messages.mofile import write_mo

    for language, text in (("es", "Sobre eso"), ("pt_BR", "Sobre isso"), ("ur", "اس بارے میں")):
        catalog = Catalog(language)
        catalog.add("About it", text)
        path = tmp_path / language / "LC_MESSAGES" / f"{DOMAIN}.mo"
        path.parent.mkdir(parents=True)
        with path.open("wb") as file:
            write_mo(file, catalog)
    (made,) = commands.menu([START], tmp_path)
    assert made["description_localizations"] == {
        "es-ES": "Sobre eso",
        "es-419": "Sobre eso",
        "pt-BR": "Sobre isso",
    }
    form = Form()
    checks.command(form, (), made)
    assert not form.errors


async def test_the_menu_is_set_only_when_it_changed(place: Place) -> None:
    for _ in range(2):
        async with connected(place.server):
            await asyncio.sleep(0.1)
    assert len(place.server.commands.syncs) == 1
    changed = Heard(commands=(START, replace(ASK, about="Another")))
    async with connected(place.server, changed):
        await soon(lambda: len(place.server.commands.syncs) == 2)
    assert place.server.commands.names() == ["start", "stats"]


async def test_a_translation_that_changed_is_a_change() -> None:
    one = commands.menu([START])
    other = [one[0] | {"description_localizations": {"de": "Darüber"}}]
    assert commands.fingerprint(one) != commands.fingerprint(other)
    assert commands.fingerprint(one) == commands.fingerprint([one[0] | {"id": "1", "nsfw": False}])


def test_other_types_of_channels_are_a_change_and_another_order_of_them_is_none() -> None:
    (made,) = commands.menu([LIVE])
    kinds = made["options"][0]["channel_types"]
    turned, fewer = (
        made | {"options": [made["options"][0] | {"channel_types": types}]} for types in (kinds[::-1], kinds[1:])
    )
    assert commands.fingerprint([made]) == commands.fingerprint([turned])
    assert commands.fingerprint([made]) != commands.fingerprint([fewer])


async def test_a_menu_that_could_not_be_set_is_tried_again_at_the_next_connection(place: Place) -> None:
    place.server.inject(status(400, error=30034), "PUT .*/commands")
    heard = Heard()
    from bot.chats.discord import DiscordChat

    discord = DiscordChat(place.server.token, api_url=place.server.api_url)
    await discord.start(heard)
    await place.server.until(lambda: place.server.asked("PUT /applications/{application}/commands"))
    assert not place.server.commands.syncs
    place.server.gateway.cut()
    await place.server.until(lambda: place.server.commands.syncs)
    await discord.close()


async def test_a_menu_that_has_to_wait_is_set_afterwards_by_the_same_connection(place: Place) -> None:
    place.server.inject(busy(0.2), "PUT .*/commands", times=2)
    async with connected(place.server):
        assert len(place.server.asked("PUT /applications/{application}/commands")) == 3
        assert place.server.gateway.opened == 1


# Answers


async def test_a_command_is_deferred_at_once_and_then_answered(place: Place) -> None:
    heard = Heard(gate=asyncio.Event())
    channel = place.guild.text("radio")
    async with connected(place.server, heard):
        used = await place.server.interaction(channel, place.ada, "stats", {"name": "Night Radio"})
        await used.response()
        assert used.deferred
        assert used.original is not None
        assert used.original.loading
        assert heard.gate is not None
        heard.gate.set()
        answer = await used.message()
    assert answer.embeds[0]["title"] == "Well."
    assert answer.edits[0]["allowed_mentions"] == {"parse": []}
    (request,) = heard.requests
    assert (request.platform, request.chat) == ("discord", str(place.guild.id))
    assert (request.topic, request.topic_title) == (str(channel.id), f"<#{channel.id}>")
    assert (request.chat_title, request.elsewhere) == ("Server", False)
    assert (request.command, request.text) == ("stats", "Night Radio")
    assert (request.user, request.locale, request.is_admin, request.is_operator) == (
        str(place.ada.id),
        "en-US",
        False,
        False,
    )
    assert not ephemeral(used)


async def test_a_thread_is_a_topic_of_its_own(place: Place) -> None:
    heard = Heard()
    thread = place.guild.thread(place.guild.text(), "launch")
    async with connected(place.server, heard):
        await (await place.server.interaction(thread, place.ada, "start")).message()
    (request,) = heard.requests
    assert (request.chat, request.topic, request.topic_title) == (
        str(place.guild.id),
        str(thread.id),
        f"<#{thread.id}>",
    )


async def test_the_roles_of_who_asks_are_told(place: Place) -> None:
    heard = Heard()
    crew, dj = place.guild.role("crew"), place.guild.role("dj")
    bea = place.guild.member("bea", crew, dj).user
    async with connected(place.server, heard):
        await (await place.server.interaction(place.guild.text(), bea, "start")).message()
        await (await place.server.interaction(place.guild.text(), place.ada, "start")).message()
        await (await place.server.interaction(place.server.world.dm(bea), bea, "start")).message()
    assert [set(request.roles) for request in heard.requests] == [{str(crew.id), str(dj.id)}, set(), set()]


async def test_a_server_where_the_bot_is_no_member_is_answered_but_not_let_in(place: Place) -> None:
    heard = Heard()
    other = place.server.world.guild("Commands only", present=False)
    async with connected(place.server, heard):
        await (await place.server.interaction(other.text(), other.owner, "start")).message()
    (request,) = heard.requests
    assert (request.chat, request.chat_title, request.is_admin) == (str(other.id), None, True)
    assert not heard.told


@pytest.mark.parametrize(
    ("missing", "name"),
    [
        (Permission.VIEW_CHANNEL, "View Channel"),
        (Permission.SEND_MESSAGES, "Send Messages"),
        (Permission.EMBED_LINKS, "Embed Links"),
        (Permission(0), None),
    ],
)
async def test_what_the_bot_lacks_to_post_where_somebody_asks_is_told(
    place: Place, missing: Permission, name: str | None
) -> None:
    heard = Heard()
    channel = place.guild.text()
    channel.overwrite(place.server.world.bot, deny=missing)
    async with connected(place.server, heard):
        used = await place.server.interaction(channel, place.ada, "start")
        answer = await used.message()
    assert answer.embeds[0]["title"] == "Well."
    assert not ephemeral(used)
    assert [one.lacks for one in heard.requests] == [name]
    topics = [topic for how, _, topic, _ in heard.told if how == "in"]
    assert (str(channel.id) in topics) == (name is None)


async def test_what_the_bot_lacks_in_a_thread_is_the_threads(place: Place) -> None:
    heard = Heard()
    channel = place.guild.text()
    channel.overwrite(place.server.world.bot, deny=Permission.SEND_MESSAGES_IN_THREADS)
    async with connected(place.server, heard):
        for where in (channel, place.guild.thread(channel)):
            await (await place.server.interaction(where, place.ada, "start")).message()
    assert [one.lacks for one in heard.requests] == [None, "Send Messages in Threads"]


async def test_nothing_is_lacking_where_another_channel_was_chosen_or_in_private(place: Place) -> None:
    heard = Heard()
    here, other = place.guild.text("here"), place.guild.text("other")
    here.overwrite(place.server.world.bot, deny=Permission.SEND_MESSAGES)
    dm = place.server.world.dm(place.ada)
    async with connected(place.server, heard):
        await (await place.server.interaction(here, place.ada, "live", {"channel": other})).message()
        await (await place.server.interaction(dm, place.ada, "live")).message()
    assert [(one.topic, one.lacks) for one in heard.requests] == [(str(other.id), None), (None, None)]


async def test_a_button_in_a_channel_that_takes_no_posts_any_more_tells_it_too(place: Place) -> None:
    heard = Heard()
    channel = place.guild.text()
    button = replace(says("x"), buttons=(Button("Stats", command="/stats Night Radio"),))
    async with connected(place.server, heard) as discord:
        await discord.send(post(channel, message=button))
        channel.overwrite(place.server.world.bot, deny=Permission.SEND_MESSAGES)
        await (await place.server.press(channel.messages[0], "Stats", place.ada)).message()
    assert [one.lacks for one in heard.requests] == ["Send Messages"]


async def test_the_askers_language_is_told(place: Place) -> None:
    heard = Heard()
    ada = place.server.world.user("bia", locale="pt-BR")
    place.guild.member(ada)
    async with connected(place.server, heard):
        await (await place.server.interaction(place.guild.text(), ada, "start")).message()
    assert heard.requests[0].locale == "pt-BR"


async def test_who_may_is_asked_again_when_it_runs(place: Place) -> None:
    heard = Heard()
    channel = place.guild.text()
    async with connected(place.server, heard):
        with pytest.raises(NotOffered):
            await place.server.interaction(channel, place.ada, "milestones", {"thresholds": "1"})
        for user in (place.ada, place.boss, place.guild.owner):
            used = await place.server.interaction(channel, user, "milestones", {"thresholds": "1"}, forced=True)
            await used.message()
            assert ephemeral(used)
    assert [request.is_admin for request in heard.requests] == [False, True, True]


async def test_in_private_everybody_is_their_own_admin(place: Place) -> None:
    heard = Heard()
    channel = place.server.world.dm(place.ada)
    async with connected(place.server, heard):
        used = await place.server.interaction(channel, place.ada, "milestones", {"thresholds": "1"})
        await used.message()
    (request,) = heard.requests
    assert (request.is_admin, request.chat_title, request.chat) == (True, "@ada", f"@{channel.id}")
    assert (request.topic, request.topic_title, request.elsewhere, request.roles) == (None, None, False, ())
    assert not ephemeral(used)


async def test_operators_are_known_by_their_id(place: Place) -> None:
    heard = Heard()
    async with connected(place.server, heard, operators={str(place.boss.id)}):
        used = await place.server.interaction(place.guild.text(), place.boss, "status")
        await used.message()
        assert ephemeral(used)
    assert heard.requests[0].is_operator


async def test_names_are_completed_as_one_types(place: Place) -> None:
    heard = Heard(names=["Night Radio", "Nine", "x" * 200, "Nine", *(f"N{n}" for n in range(40))])
    async with connected(place.server, heard):
        typing = await place.server.autocomplete(place.guild.text(), place.ada, "stats", {"name": "Ni"}, "name")
        assert [one["name"] for one in await typing.choices()] == ["Night Radio", "Nine"]
        typing = await place.server.autocomplete(place.guild.text(), place.ada, "stats", {"name": ""}, "name")
        assert len(await typing.choices()) == 25
        typing = await place.server.autocomplete(
            place.guild.text(), place.boss, "milestones", {"name": "N"}, "name"
        )
        await typing.choices()
        heard.wrong = RuntimeError("no")
        typing = await place.server.autocomplete(place.guild.text(), place.ada, "stats", {"name": "Ni"}, "name")
        assert await typing.choices() == []
    assert heard.asked[2] == ("Name", "N")


async def test_a_failing_listener_still_answers(place: Place) -> None:
    async with connected(place.server, Heard(wrong=RuntimeError("secret"))):
        answer = await (await place.server.interaction(place.guild.text(), place.ada, "start")).message()
    assert "went wrong" in answer.embeds[0]["title"]
    assert "secret" not in str(answer.embeds)


async def test_a_question_that_cannot_be_answered_in_time_is_not_asked(place: Place) -> None:
    heard = Heard()
    async with connected(place.server, heard):
        place.server.inject(cut(), "callback")
        await place.server.interaction(place.guild.text(), place.ada, "start")
        place.server.inject(status(404, error=10062), "callback")
        await place.server.interaction(place.guild.text(), place.ada, "start")
        await asyncio.sleep(0.2)
        assert not heard.requests
        used = await place.server.interaction(place.guild.text(), place.ada, "start")
        await used.message()


async def test_an_answer_that_is_lost_ends_nothing(place: Place) -> None:
    async with connected(place.server, Heard()):
        place.server.inject(status(403, error=50027), "@original")
        await place.server.interaction(place.guild.text(), place.ada, "start")
        place.server.inject(slow(0.1), "@original")
        await (await place.server.interaction(place.guild.text(), place.ada, "start")).message()


async def test_no_token_is_logged(place: Place, caplog: pytest.LogCaptureFixture, capsys: Any) -> None:
    caplog.set_level(logging.DEBUG)
    async with connected(place.server, Heard()):
        place.server.inject(status(404, error=10015), "@original")
        used = await place.server.interaction(place.guild.text(), place.ada, "start")
        await soon(lambda: place.server.asked("PATCH /webhooks/{application}/{token}/messages/{which}"))
        await asyncio.sleep(0.1)
    shown = caplog.text + str(capsys.readouterr())
    assert "an answer on Discord was lost" in shown
    assert place.server.token not in shown
    assert used.token not in shown


async def test_a_hostile_answer_is_plain_text_and_pings_nobody(place: Place) -> None:
    hostile = "@everyone **x** [a](https://evil.example)"
    async with connected(place.server, Heard(message=Message(lines=((Span(hostile),),)))):
        answer = await (await place.server.interaction(place.guild.text(), place.ada, "start")).message()
    assert answer.embeds[0]["description"] == "\\@everyone \\*\\*x\\*\\* \\[a\\](https:\\//evil.example)"
    assert not answer.pings


async def test_a_button_gives_its_command_with_the_rights_of_who_pressed(place: Place) -> None:
    heard = Heard()
    channel = place.guild.text()
    buttons = (Button("Stats", command="/stats Night Radio"), Button("Set", command="/milestones 5"))
    async with connected(place.server, heard) as discord:
        await discord.send(post(channel, message=replace(says("x"), buttons=buttons)))
        used = await place.server.press(channel.messages[0], "Stats", place.ada)
        await used.message()
        assert ephemeral(used)
        for user in (place.ada, place.boss):
            used = await place.server.press(channel.messages[0], "Set", user)
            await used.message()
            assert ephemeral(used)
    told = [(one.command, one.text, one.is_admin, one.user) for one in heard.requests]
    assert told == [
        ("stats", "Night Radio", False, str(place.ada.id)),
        ("milestones", "5", False, str(place.ada.id)),
        ("milestones", "5", True, str(place.boss.id)),
    ]


async def test_answers_have_buttons_that_work(place: Place) -> None:
    heard = Heard(message=replace(says("x"), buttons=(Button("More", command="/stats y"),)))
    async with connected(place.server, heard):
        answer = await (await place.server.interaction(place.guild.text(), place.ada, "start")).message()
        await (await place.server.press(answer, "More", place.ada)).message()
    assert [(one.command, one.text) for one in heard.requests] == [("start", ""), ("stats", "y")]


# From end to end, with the product's own listener on a database


@pytest.fixture(name="bot")
async def _bot(tmp_path: Path) -> AsyncIterator[Talk]:
    async with talk(tmp_path, now=NOON) as bot:
        yield bot


async def say(place: Place, channel: Any, user: User, command: str, /, **options: str) -> str:
    used = await place.server.interaction(channel, user, command, options)
    return str((await used.message()).embeds)


async def test_every_command_is_walked_from_the_menu(place: Place, bot: Talk) -> None:
    channel, server = place.guild.text(), place.server
    async with connected(server, bot.parts.dispatcher, operators={str(place.boss.id)}) as discord:
        assert server.commands.names() == [command.name for command in COMMANDS]
        shown = await say(place, channel, place.boss, "watch", address=f"replay:{SPACE} as Night Radio")
        assert "Now watching" in shown
        while bot.clock.now < NOON + 20 * MINUTE:
            bot.clock.now += MINUTE // 2
            await bot.parts.poll.tick(bot.clock.now)
        options: dict[str, dict[str, str]] = {
            "watch": {"address": "nonsense"},
            "milestones": {"name": "Night Radio", "thresholds": "60k 120k"},
            "subscribe": {"name": "Night Radio", "kinds": "milestones"},
            "mute": {"name": "Night Radio", "time": "10m"},
            "settings": {"setting": "timezone", "value": "Karachi"},
            "record": {"action": "add", "details": '44,000 peak "K-POP" on x 2022-03-15'},
            "help": {"command": "watch"},
            "compare": {"a": "Night Radio", "b": "nothing"},
            "tie": {"a": "Night Radio", "b": "nothing"},
            "untie": {"name": "Night Radio"},
        }
        for command in COMMANDS:
            if command.name == "unwatch":
                continue
            shown = await say(place, channel, place.boss, command.name, **options.get(command.name, {}))
            assert "went wrong" not in shown
            assert "no command" not in shown
        assert "Entered as" not in await say(place, channel, place.ada, "records")
        typing = await server.autocomplete(channel, place.ada, "stats", {"name": "ni"}, "name")
        assert [one["value"] for one in await typing.choices()] == ["Night Radio"]
        used = await server.interaction(channel, place.ada, "watch", {"address": "x"}, forced=True)
        assert "for admins" in str((await used.message()).embeds)
        assert ephemeral(used)
        assert "no longer watched" in await say(place, channel, place.boss, "unwatch", name="Night Radio")
        message = Message(title=(Span("x", Style.BOLD),))
        await discord.send(post(channel, message=message))
    assert not server.violations
    assert not server.rest.unknown
