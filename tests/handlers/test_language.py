"""In which language a chat is spoken to, how it counts, and what sources say in that language."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot.domain import MINUTE
from bot.domain.sentence import N_, Sentence, kept, recalled
from bot.ports.message import Message, plain_text
from bot.ports.source import BadAddress, Denied, Description, SourceError, Told
from storage import chats
from tests.fakes.chat import FakeChat
from tests.fakes.source import FakeSource
from tests.talk import Talk, talk

NOW = 1_700_000_000_000
#: Sentences that every language has.
SAID, SAID_ALONE = "{name} is live", "Nothing is watched here yet."
#: Chats of several people, and one of one person with the bot.
GROUP: dict[str, Any] = {"platform": "group", "chat": "g", "user": "1"}
PRIVATE: dict[str, Any] = {"platform": "group", "chat": "@p", "user": "1"}


class Refusing(FakeSource):
    """A source that knows nothing of some references."""

    async def describe(self, reference: str, now: int) -> Description:
        if reference == "none":
            raise BadAddress(SAID, name="nobody")
        return await super().describe(reference, now)


@pytest.fixture
def source() -> FakeSource:
    return Refusing()


@pytest.fixture
async def bot(tmp_path: Path, source: FakeSource) -> AsyncIterator[Talk]:
    group = FakeChat("group", by_topic=True)
    async with talk(tmp_path, now=NOW, sources={"fake": source}, chats=[group]) as bot:
        yield bot


def text(message: Message) -> str:
    return "\n".join(map(plain_text, (message.title, *message.lines)))


async def spoken(bot: Talk, **where: Any) -> str:
    """Return the language of an answer."""
    return (await bot.ask("/live", is_admin=False, **where)).language or ""


async def test_a_group_keeps_the_language_of_who_set_it_up(bot: Talk) -> None:
    assert await spoken(bot, **GROUP, locale="ko") == "ko"  # nothing is known yet: that of who asks
    await bot.ask("/watch fake:a", **GROUP, locale="es")
    assert await spoken(bot, **GROUP, locale="ko") == "es"
    await bot.ask("/watch fake:b", **GROUP, locale="ur")  # another admin changes nothing
    assert await spoken(bot, **GROUP, locale="en-US") == "es"


async def test_a_group_is_spoken_to_as_its_platform_suggests(bot: Talk) -> None:
    assert await spoken(bot, **GROUP, locale="es", suggested="ko") == "ko"
    await bot.ask("/watch fake:a", **GROUP, locale="es", suggested="ko")
    assert await spoken(bot, **GROUP, locale="es") == "ko"


async def test_who_passes_by_leaves_no_language(bot: Talk) -> None:
    await bot.ask("/watch fake:a", **GROUP)  # of an admin whose language is unknown
    await bot.ask("/live", is_admin=False, **GROUP, locale="ko")
    async with bot.parts.dispatcher.services.database.read() as connection:
        found = await chats.find(connection, platform="group", key="g")
    assert found is not None
    assert (found.language, found.locale) == (None, None)


async def test_in_private_each_is_spoken_to_in_their_own(bot: Talk) -> None:
    await bot.ask("/watch fake:a", **PRIVATE, locale="es")
    assert await spoken(bot, **PRIVATE, locale="ko") == "ko"
    assert await spoken(bot, **PRIVATE) == "es"
    await bot.ask("/settings language ur", **PRIVATE, locale="ko")
    assert await spoken(bot, **PRIVATE, locale="ko") == "ur"


@pytest.mark.parametrize(
    ("typed", "language"),
    [
        ("spanish", "es"),
        ("es", "es"),
        ("Español", "es"),
        ("espanol", "es"),
        ("es-MX", "es-MX"),
        ("korean", "ko"),
        ("한국어", "ko"),
        ("coreano", "ko"),
        ("اردو", "ur"),
        ("Urdu", "ur"),
        ("english", "en"),
        ("en-GB", "en-GB"),
    ],
)
async def test_a_language_is_chosen_by_any_name_and_answered_in_at_once(
    bot: Talk, typed: str, language: str
) -> None:
    told = await bot.ask(f"/settings language {typed}", **GROUP)
    assert (told.symbol, told.language) == ("✅", language)
    assert await spoken(bot, **GROUP, locale="fr") == language


async def test_a_language_goes_back_and_one_that_is_unknown_is_refused(bot: Talk) -> None:
    await bot.ask("/settings language ur", **GROUP, locale="es")
    told = await bot.ask("/settings language default", **GROUP, locale="ko")
    assert told.language == "es"  # which was suggested as the chat was set up
    assert "Español" in text(told)
    refused = text(await bot.ask("/settings language klingon", **PRIVATE))
    assert "Español" in refused
    assert "اردو" in refused
    page = await bot.ask("/settings language", **PRIVATE)
    labels = [one.label for select in page.selects for one in select.options]
    assert labels[:4] == ["English", "Español", "한국어", "اردو"]


async def test_an_answer_in_urdu_begins_from_the_right(bot: Talk) -> None:
    await bot.ask("/watch fake:a as Night Radio", **GROUP)
    told = await bot.ask("/settings language ur", **GROUP)
    first = next(sign for sign in plain_text(told.title) if sign.isalpha() or sign == "\u200f")
    assert first == "\u200f" or first >= "\u0600"
    assert "\u2068" in text(await bot.ask("/watches", **GROUP))


async def test_large_figures_are_counted_as_the_chat_wants(bot: Talk) -> None:
    assert "446,000 and 12.34 million" in text(await bot.ask("/settings counting", **GROUP))
    assert "4,46,000 and 1.23 crore" in text(await bot.ask("/settings counting lakh", **GROUP))
    assert "4,46,000" in text(await bot.ask("/settings", **GROUP))
    assert "446,000 and" in text(await bot.ask("/settings counting default", **GROUP))
    assert "4,46,000 and 1.23 crore" in text(await bot.ask("/settings counting Lac", **GROUP))
    assert "lakh, million or default" in text(await bot.ask("/settings counting dozens", **GROUP))


async def test_what_a_source_says_is_told_in_the_language_of_the_chat(bot: Talk, source: FakeSource) -> None:
    english = await bot.ask("/watch fake:none", **GROUP)
    assert text(english).startswith("nobody is live")
    spanish = await bot.ask("/watch fake:none", **PRIVATE, locale="es")
    assert "nobody" in text(spanish)
    assert text(spanish) != text(english)
    await bot.ask("/watch fake:a", **GROUP, locale="es")
    why: SourceError = Denied(SAID_ALONE)
    source.says("a", Told(answers=(why.failure(NOW + MINUTE),)))
    bot.clock.now += MINUTE
    await bot.parts.poll.tick(bot.clock.now)
    told = text(await bot.ask("/watches", **GROUP))
    assert str(why) not in told
    await bot.ask("/settings language en", **GROUP)
    assert str(why) in text(await bot.ask("/watches", **GROUP))


def test_what_is_stored_of_a_sentence_is_one_again() -> None:
    inner = Sentence(N_("write the link of {what}"), what="a <channel> {x}")
    sentence = Sentence(N_("{n} stations; {how}"), n=1200, how=inner)
    assert sentence == "1,200 stations; write the link of a <channel> {x}"
    again = recalled(kept(sentence))
    assert isinstance(again, Sentence)
    assert (again, again.msgid, dict(again.fields)) == (sentence, sentence.msgid, dict(sentence.fields))
    for old in ("the topic is closed", '{"say": 5}', '{"say":', '["x"]', ""):
        assert str(recalled(old)) == old
        assert kept(old) == old
