"""What sources list in a sentence is joined in each reader's own language."""

from __future__ import annotations

import gettext
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo

from bot.domain.sentence import kept, recalled
from bot.ports.source import NotAllowed
from bot.sources.kit import MOST_LISTED, Kit, either, every, series, several
from bot.sources.web import Web
from bot.texts.words import Words

GERMAN = {
    "{some}, {other}": "{some}, {other}",
    "{some} or {other}": "{some} oder {other}",
    "{some} and {other}": "{some} und {other}",
    "{host} has {n} mounts; watch one of them: {listed}": "{host}: {n}, und zwar {listed}",
}


@pytest.fixture(name="german")
def _german(tmp_path: Path) -> Words:
    """A language with words of its own for "and" and "or"."""
    catalog = Catalog(locale="de")
    for msgid, said in GERMAN.items():
        catalog.add(msgid, said)
    folder = tmp_path / "de" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    with (folder / "milepost.mo").open("wb") as file:
        write_mo(file, catalog)
    assert gettext.find("milepost", tmp_path, ["de"])
    return Words(language="de", catalogs=tmp_path)


@pytest.mark.parametrize(
    ("items", "joined"),
    [([], ["", "", ""]), (["a"], ["a", "a", "a"]), (["a", "b"], ["a, b", "a and b", "a or b"])],
)
def test_one_and_two_are_joined_as_english_does(items: list[str], joined: list[str]) -> None:
    assert [str(join(items)) for join in (series, every, either)] == joined


def test_a_list_is_said_in_the_readers_language_also_after_it_was_kept(german: Words) -> None:
    listed = either(["a", "b", "c"])
    assert listed == "a, b or c"
    assert german.told(recalled(kept(listed))) == "a, b oder c"
    assert german.told(every(["a", "b"])) == "a und b"


def test_what_could_be_meant_is_listed_as_far_as_it_is_of_use(german: Words) -> None:
    few, many = "{host} has {n} mounts; watch one of them: {listed}", "{host}, {n}: {listed} and {more} more"
    two = several(few, many, ["/a", "/b"], host="radio.example.org")
    assert str(two) == "radio.example.org has 2 mounts; watch one of them: /a or /b"
    assert german.told(two.told) == "radio.example.org: 2, und zwar /a oder /b"
    lots = several(few, many, [f"/{n}" for n in range(MOST_LISTED + 3)], host="radio.example.org")
    assert str(lots) == "radio.example.org, 13: /0, /1, /2, /3, /4, /5, /6, /7, /8, /9 and 3 more"


async def test_settings_that_are_missing_are_named_together() -> None:
    web = Web()
    try:
        with pytest.raises(NotAllowed, match="sets TWITCH_ID and TWITCH_SECRET"):
            Kit(web=web).needs("Twitch", "TWITCH_ID", "TWITCH_SECRET")
    finally:
        await web.close()
