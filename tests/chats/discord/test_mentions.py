"""Whom a chat may call: completed by name, written as Discord writes roles."""

from __future__ import annotations

from typing import Any

import pytest

from tests.chats.discord.setting import Heard, Place, connected

pytestmark = pytest.mark.usefixtures("quick")


async def suggested(place: Place, typed: str) -> list[tuple[str, str]]:
    async with connected(place.server, Heard()):
        typing = await place.server.autocomplete(
            place.guild.text(), place.boss, "subscribe", {"mention": typed}, "mention"
        )
        return [(one["name"], one["value"]) for one in await typing.choices()]


async def written(place: Place, value: str) -> str:
    heard = Heard()
    async with connected(place.server, heard):
        options: dict[str, Any] = {"name": "Night Radio", "mention": value}
        await (await place.server.interaction(place.guild.text(), place.boss, "subscribe", options)).message()
    return heard.requests[0].text


async def test_roles_are_offered_by_name_but_not_those_of_bots_and_everyone(place: Place) -> None:
    (bosses,) = (role for role in place.guild.roles.values() if role.name == "bosses")
    fans = place.guild.role("Fans")
    assert await suggested(place, "") == [
        ("nobody", "nobody"),
        ("here", "here"),
        ("@Fans", fans.mention),
        ("@bosses", bosses.mention),
    ]


@pytest.mark.parametrize("typed", ["fan", "@Fan", " FANS"])
async def test_what_was_typed_picks_among_them(place: Place, typed: str) -> None:
    fans = place.guild.role("Fans")
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


@pytest.mark.parametrize("typed", ["nobody", "here", "<@&5>", "no such role"])
async def test_what_names_no_role_stays_as_typed(place: Place, typed: str) -> None:
    place.guild.role("here")
    assert await written(place, typed) == f"Night Radio mention {typed}"


async def test_of_roles_that_differ_in_case_only_the_exact_one_is_meant(place: Place) -> None:
    fans = place.guild.role("fans")
    place.guild.role("Fans")
    assert await written(place, "fans") == f"Night Radio mention {fans.mention}"


async def test_in_private_there_are_no_roles(place: Place) -> None:
    async with connected(place.server, Heard()):
        dm = place.server.world.dm(place.ada)
        typing = await place.server.autocomplete(dm, place.ada, "subscribe", {"mention": ""}, "mention")
        assert [one["value"] for one in await typing.choices()] == ["nobody", "here"]


async def test_words_of_which_there_may_be_several_are_the_listeners_to_complete(place: Place) -> None:
    heard = Heard(names=["start milestones", "start records"])
    async with connected(place.server, heard):
        typing = await place.server.autocomplete(
            place.guild.text(), place.boss, "subscribe", {"kinds": "start m"}, "kinds"
        )
        assert [one["value"] for one in await typing.choices()] == ["start milestones"]
    assert heard.asked == [("kinds", "start m")]
