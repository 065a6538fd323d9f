"""Stage and voice channels: addresses, sessions, restarts; the gateway is in tests/chats/discord/test_rooms.py."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager

import pytest

from bot.domain import HOUR, MINUTE
from bot.domain.reading import Answer, Failure, Reading, Trouble
from bot.ports.memory import Memory
from bot.ports.rooms import Room
from bot.ports.source import Ask, BadAddress, NotAllowed, Unavailable
from bot.sources.kit import Forgetful, Kit
from bot.sources.stage import Stage
from bot.sources.web import Web

NOW = 1_795_360_546_000


class House:
    """Rooms of server 1."""

    def __init__(self, **rooms: Room) -> None:
        self.rooms = {key.removeprefix("c"): one for key, one in rooms.items()}
        self.asked: list[tuple[str, str]] = []

    def room(self, chat: str, channel: str) -> Room | None:
        self.asked.append((chat, channel))
        return self.rooms.get(channel) if chat == "1" else None

    def may_see(self, chat: str, channel: str, *, user: str, roles: Collection[str]) -> bool | None:
        return chat == "1" and channel in self.rooms


def voice(present: int | None) -> Room:
    return Room(url="u", name="Voice", kind="voice", present=present)


def stage(present: int | None, session: str | None = None) -> Room:
    return Room(url="u", name="Stage", kind="stage", present=present, session=session, topic="T")


@asynccontextmanager
async def source(house: House | None, memory: Memory | None = None, **settings: str) -> AsyncIterator[Stage]:
    web = Web()
    rooms = {"discord": house} if house else {}
    try:
        yield Stage(Kit(web=web, settings=settings, memory=memory or Forgetful(), rooms=rooms))
    finally:
        await web.close()


async def look(one: Stage, *channels: str, now: int = NOW, since: int | None = None) -> list[Answer | Failure]:
    told = await one.read([Ask(reference=f"1/{channel}", since=since) for channel in channels], now)
    return [answer for each in told for answer in each.answers]


def figures(answers: Sequence[Answer | Failure]) -> list[list[tuple[str, float | None]]]:
    return [[(r.session, r.concurrent) for r in a.readings] for a in answers if isinstance(a, Answer)]


async def test_each_ask_is_answered_by_itself_and_in_order() -> None:
    house = House(c2=voice(3), c3=stage(4, "9"), c4=stage(5), c5=stage(0, "8"), c6=voice(0), c7=voice(None))
    async with source(house) as one:
        assert await one.read([], NOW) == []
        answers = await look(one, "2", "3", "4", "5", "6", "7", "99", "2", "bad")
    assert figures(answers) == [[(f"voice:{NOW}", 3)], [("9", 4)], [], [("8", 0)], [], [(f"voice:{NOW}", 3)]]
    troubles = [each.trouble for each in answers if isinstance(each, Failure)]
    assert troubles == [Trouble.UNAVAILABLE, Trouble.GONE, Trouble.DENIED]
    assert answers[1] == Answer(at=NOW, readings=(Reading(session="9", title="T", url="u", concurrent=4),))


async def test_a_voice_session_survives_restarts_until_nobody_is_there() -> None:
    house, memory = House(c2=voice(3)), Forgetful()
    for restart in range(3):
        async with source(house, memory) as one:
            at = NOW + restart * MINUTE
            assert figures(await look(one, "2", now=at, since=at - MINUTE)) == [[(f"voice:{NOW}", 3)]]
    async with source(house, memory) as one:
        house.rooms["2"] = voice(None)  # not known: neither over nor begun anew
        assert isinstance((await look(one, "2", now=NOW + 3 * MINUTE))[0], Failure)
        house.rooms["2"] = voice(1)
        assert figures(await look(one, "2", now=NOW + 4 * MINUTE)) == [[(f"voice:{NOW}", 1)]]
        house.rooms["2"] = voice(0)
        assert await look(one, "2", now=NOW + 5 * MINUTE) == [Answer(at=NOW + 5 * MINUTE)]
    async with source(house, memory) as one:
        house.rooms["2"] = voice(2)
        again = NOW + 6 * MINUTE
        assert figures(await look(one, "2", now=again)) == [[(f"voice:{again}", 2)]]


@pytest.mark.parametrize(("silence", "goes_on"), [(HOUR, True), (HOUR + 1, False)])
async def test_after_a_long_silence_a_voice_session_begins_anew(silence: int, goes_on: bool) -> None:
    async with source(House(c2=voice(3))) as one:
        await look(one, "2")
        later = NOW + silence
        expected = NOW if goes_on else later
        assert figures(await look(one, "2", now=later, since=NOW)) == [[(f"voice:{expected}", 3)]]


@pytest.mark.parametrize(
    "text",
    [
        "123", "<#123>", "<#123", "#123", "1/123", " 123 ",
        "https://discord.com/channels/1/123", "http://discord.com/channels/1/123/", "discord.com/channels/1/123",
        "https://www.discord.com/channels/1/123?x=1", "https://canary.discordapp.com/channels/1/123/456",
        "HTTPS://Discord.com/channels/1/123",
    ],
)  # fmt: skip
async def test_a_channel_has_one_spelling(text: str) -> None:
    house = House(c123=stage(None))
    house.rooms["123"] = stage(7, "9")
    async with source(house) as one:
        description = await one.describe(f"1/{text}", NOW)
        again = await one.describe(description.reference, NOW)
    assert (description.reference, description, house.asked) == ("1/123", again, [("1", "123")] * 2)


@pytest.mark.parametrize(
    ("reference", "why"),
    [
        ("1/https://discord.com/channels/2/123", "in another server"),
        ("1/2/123", "in another server"),
        ("@5/123", "in its server only"),
        ("console/123", "in its server only"),
        ("123", "no channel"),
        ("1/#Stage", "no channel"),
        ("1/https://discord.com/channels/@me/5", "no channel"),
        ("1/https://discord.com.example.org/channels/1/5", "no channel"),
        ("1/" + "9" * 21, "no channel"),
        ("1/\x00 no address", "no channel"),
        ("1/124", "no such channel"),
    ],
)
async def test_what_is_no_channel_of_the_server_is_refused(reference: str, why: str) -> None:
    async with source(House(c123=stage(7))) as one:
        with pytest.raises(BadAddress, match=why):
            await one.describe(reference, NOW)


@pytest.mark.parametrize(
    ("url", "reference"),
    [
        ("https://discord.com/channels/1/123", "1/123"),
        ("https://ptb.discord.com/channels/1/123/9?a=b", "1/123"),
        ("https://discord.com/channels/@me/123", None),
        ("https://discord.com/invite/abc", None),
        ("https://discord.gg/abc", None),
        ("123", None),
    ],
)
async def test_links_of_channels_are_recognised(url: str, reference: str | None) -> None:
    async with source(None) as one:
        assert one.recognises(url) == reference


async def test_without_discord_nothing_is_known() -> None:
    async with source(None) as one:
        with pytest.raises(NotAllowed, match="DISCORD_TOKEN"):
            await one.describe("1/123", NOW)
        assert await one.check() is None
    async with source(None, DISCORD_TOKEN="t") as one:
        with pytest.raises(Unavailable, match="Discord is not connected"):
            await one.describe("1/123", NOW)
        (failed,) = await look(one, "123")
        assert isinstance(failed, Failure)
        assert failed.trouble is Trouble.UNAVAILABLE
