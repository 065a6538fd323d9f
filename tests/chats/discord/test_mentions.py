"""Whom a chat may call: completed by name, written as Discord writes roles."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bot.domain import DAY, HOUR
from bot.samples import SPACE
from tests.chats.discord.setting import Heard, Place, connected
from tests.servers.discord import Channel, Permission, Role
from tests.talk import talk

pytestmark = pytest.mark.usefixtures("quick")


NOON = 1_700_000_000_000 // DAY * DAY + 12 * HOUR
MUTE = " (I may not call it)"


async def suggested(
    place: Place, typed: str, *, here: Channel | None = None, chosen: Channel | None = None
) -> list[tuple[str, str]]:
    options: dict[str, Any] = {"mention": typed} | ({"channel": chosen} if chosen else {})
    async with connected(place.server, Heard()):
        typing = await place.server.autocomplete(
            here or place.guild.text(), place.boss, "subscribe", options, "mention"
        )
        return [(one["name"], one["value"]) for one in await typing.choices()]


async def text_of(place: Place, command: str, **options: str) -> str:
    heard = Heard()
    async with connected(place.server, heard):
        await (await place.server.interaction(place.guild.text(), place.boss, command, options)).message()
    return heard.requests[0].text


async def written(place: Place, value: str) -> str:
    return await text_of(place, "subscribe", name="Night Radio", mention=value)


def callable_by_all(place: Place) -> None:
    for role in place.guild.roles.values():
        role.mentionable = True


def foreign(place: Place, which: str) -> int:
    """Return the id of a role that nobody can call here."""
    if which == "everyone":
        return place.guild.id
    if which == "of a bot":
        return place.guild.role("Night Bot", managed=True).id
    return place.server.world.guild("Other").role("Fans").id if which == "of another server" else 123


async def test_roles_are_offered_by_name_but_not_those_of_bots_and_everyone(place: Place) -> None:
    (bosses,) = (role for role in place.guild.roles.values() if role.name == "bosses")
    fans = place.guild.role("Fans")
    callable_by_all(place)
    assert await suggested(place, "") == [
        ("nobody", "nobody"),
        ("here", "here"),
        ("@Fans", fans.mention),
        ("@bosses", bosses.mention),
    ]


@pytest.mark.parametrize("typed", ["fan", "@Fan", " FANS"])
async def test_what_was_typed_picks_among_them(place: Place, typed: str) -> None:
    fans = place.guild.role("Fans", mentionable=True)
    assert await suggested(place, typed) == [("@Fans", fans.mention)]


async def test_a_role_that_was_made_meanwhile_is_offered(place: Place) -> None:
    async with connected(place.server, Heard()):
        crew = place.guild.role("crew")
        await place.server.create_role(crew)
        typing = await place.server.autocomplete(
            place.guild.text(), place.boss, "subscribe", {"mention": "cr"}, "mention"
        )
        assert [one["value"] for one in await typing.choices()] == [crew.mention]


async def test_more_roles_and_longer_names_than_discord_takes(place: Place) -> None:
    for number in range(40):
        place.guild.role(f"{number}" * 50 + "x" * (100 - len(f"{number}" * 50)))
    offered = await suggested(place, "")
    assert len(offered) == 25
    assert max(len(name) for name, _ in offered) == 100


@pytest.mark.parametrize("typed", ["Night Fans", "@Night Fans", "night fans", " @night fans "])
async def test_a_role_that_was_typed_by_name_is_written_as_discord_does(place: Place, typed: str) -> None:
    fans = place.guild.role("Night Fans")
    assert await written(place, typed) == f"Night Radio mention {fans.mention}"


@pytest.mark.parametrize("typed", ["nobody", "here", "@everyone", "no such role"])
async def test_what_names_no_role_stays_as_typed(place: Place, typed: str) -> None:
    place.guild.role("here")
    assert await written(place, typed) == f"Night Radio mention {typed}"


async def test_of_roles_that_differ_in_case_only_the_exact_one_is_meant(place: Place) -> None:
    fans = place.guild.role("fans")
    place.guild.role("Fans")
    assert await written(place, "fans") == f"Night Radio mention {fans.mention}"


@pytest.mark.parametrize("which", ["everyone", "of a bot", "of another server", "of none"])
async def test_a_role_that_nobody_can_call_is_not_left_as_one(place: Place, which: str) -> None:
    role = foreign(place, which)
    assert await written(place, f"<@&{role}>") == f"Night Radio mention @{role}"


async def test_such_a_role_is_none_in_any_option_and_one_that_can_be_called_stays(place: Place) -> None:
    fans = place.guild.role("Fans")
    shown = await text_of(place, "subscribe", name=f"x mention <@&{place.guild.id}>", mention=fans.mention)
    assert shown == f"x mention @{place.guild.id} mention {fans.mention}"
    assert await written(place, f"<@&{'9' * 5_000}>") == f"Night Radio mention @{'9' * 5_000}"


async def test_roles_that_the_bot_may_not_call_come_last_and_say_so(place: Place) -> None:
    fans = place.guild.role("Fans")
    crew = place.guild.role("crew", mentionable=True)
    (bosses,) = (role for role in place.guild.roles.values() if role.name == "bosses")
    assert await suggested(place, "") == [
        ("nobody", "nobody"),
        ("here", "here"),
        ("@crew", crew.mention),
        (f"@Fans{MUTE}", fans.mention),
        (f"@bosses{MUTE}", bosses.mention),
    ]
    assert await suggested(place, "may not call") == []


async def test_the_longest_name_still_says_so(place: Place) -> None:
    role = place.guild.role("x" * 100)
    ((shown, value),) = await suggested(place, "xx")
    assert (len(shown), shown.endswith(f"x{MUTE}"), value) == (100, True, role.mention)


@pytest.mark.parametrize("threaded", [False, True])
async def test_what_the_bot_may_call_is_asked_of_the_channel_that_was_chosen(place: Place, threaded: bool) -> None:
    place.guild.role("Fans")
    here, other = place.guild.text("here"), place.guild.text("other")
    other.overwrite(place.server.world.bot, allow=Permission.MENTION_EVERYONE)
    chosen = place.guild.thread(other) if threaded else other
    shown = [
        (await suggested(place, "fan", here=here))[0][0],
        (await suggested(place, "fan", here=here, chosen=chosen))[0][0],
        (await suggested(place, "fan", here=other))[0][0],
        (await suggested(place, "fan", here=other, chosen=here))[0][0],
    ]
    assert shown == [f"@Fans{MUTE}", "@Fans", "@Fans", f"@Fans{MUTE}"]


async def test_an_admin_bot_may_call_everyone(place: Place) -> None:
    place.guild.role("Fans")
    for role in place.guild.roles.values():
        if role.managed:
            role.permissions |= Permission.ADMINISTRATOR
    assert [shown for shown, _ in await suggested(place, "fan")] == ["@Fans"]


@pytest.mark.parametrize("typed", ["here", "@here", " HERE"])
async def test_in_private_there_is_nobody_to_call(place: Place, typed: str) -> None:
    heard = Heard()
    async with connected(place.server, heard):
        dm = place.server.world.dm(place.ada)
        typing = await place.server.autocomplete(dm, place.ada, "subscribe", {"mention": ""}, "mention")
        assert await typing.choices() == []
        options: dict[str, Any] = {"name": "Night Radio", "mention": typed}
        await (await place.server.interaction(dm, place.ada, "subscribe", options)).message()
        options["mention"] = f"<@&{place.guild.role('Fans').id}>"
        await (await place.server.interaction(dm, place.ada, "subscribe", options)).message()
    assert heard.requests[0].text == "Night Radio mention here(private)"
    assert "mention @" in heard.requests[1].text


# Roles in the settings


async def admins(place: Place, value: str) -> str:
    return (await text_of(place, "settings", setting="admins", value=value)).removeprefix("admins ")


def night(place: Place) -> list[Role]:
    return [place.guild.role(name) for name in ("DJ", "DJs", "Night Crew", "night crew", "C++")]


async def test_roles_that_are_named_in_the_settings_are_written_as_discord_does(place: Place) -> None:
    one, more, crew, small, sign = (role.mention for role in night(place))
    assert await admins(place, "@DJs") == more
    assert await admins(place, "@dj") == one
    assert await admins(place, "@DJs, @Night Crew and @DJ") == f"{more}, {crew} and {one}"
    assert await admins(place, "@night crew @C++") == f"{small} {sign}"
    assert await admins(place, f"{more} @DJ") == f"{more} {one}"


@pytest.mark.parametrize("value", ["none", "nobody", "@DJx", "me@DJ", "DJ", "@everyone", "@Night Bot"])
async def test_what_names_no_role_there_stays_as_typed(place: Place, value: str) -> None:
    night(place)
    place.guild.role("none")
    place.guild.role("Night Bot", managed=True)
    assert await admins(place, value) == value


async def test_roles_of_everyone_and_of_bots_cannot_be_admins(place: Place) -> None:
    role = place.guild.role("Night Bot", managed=True)
    assert await admins(place, f"<@&{place.guild.id}> {role.mention}") == f"@{place.guild.id} @{role.id}"


async def test_other_settings_name_no_roles(place: Place) -> None:
    night(place)
    assert await text_of(place, "settings", setting="timezone", value="@DJs") == "timezone @DJs"


# To the end, with what the product answers


async def test_what_is_refused_and_what_holds(place: Place, tmp_path: Path) -> None:
    fans = place.guild.role("Night Fans", mentionable=True)
    channel, dm = place.guild.text(), place.server.world.dm(place.boss)
    async with talk(tmp_path, now=NOON) as bot:
        listener = bot.parts.dispatcher
        async with connected(place.server, listener, operators={str(place.boss.id)}):

            async def say(where: Channel, command: str, **options: str) -> str:
                used = await place.server.interaction(where, place.boss, command, options)
                (embed,) = (await used.message()).embeds
                return f"{embed.get('title', '')}\n{embed.get('description', '')}"

            for where in (channel, dm):
                shown = await say(where, "watch", address=f"replay:{SPACE}", name="Live as Ever")
                assert "Now watching Live as Ever" in shown
            for whom in (f"<@&{place.guild.id}>", "<@&123>", "@everyone"):
                shown = await say(channel, "subscribe", name="Live as Ever", mention=whom)
                assert "is nobody that I can call" in shown
            shown = await say(channel, "subscribe", name="Live as Ever", mention="@night fans")
            assert f"Each but outages calls {fans.mention}" in shown
            assert "Each calls" not in await say(dm, "subscribe", name="Live as Ever", kinds="start")
            assert "is nobody that I can call" in await say(dm, "subscribe", name="Live as Ever", mention="here")
            shown = await say(channel, "settings", setting="admins", value="@Night Fans")
            assert f"may set me up, too: {fans.mention}" in shown
            assert "Name one or more roles" in await say(channel, "settings", setting="admins", value="@everyone")


async def test_words_of_which_there_may_be_several_are_the_listeners_to_complete(place: Place) -> None:
    heard = Heard(names=["start milestones", "start records"])
    async with connected(place.server, heard):
        typing = await place.server.autocomplete(
            place.guild.text(), place.boss, "subscribe", {"kinds": "start m"}, "kinds"
        )
        assert [one["value"] for one in await typing.choices()] == ["start milestones"]
    assert heard.asked == [("kinds", "start m")]
