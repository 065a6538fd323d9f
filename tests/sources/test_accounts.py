"""Fields read with care, and what is remembered of accounts."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from bot.domain import DAY, HOUR
from bot.ports.source import SourceError, Unavailable
from bot.sources.accounts import NEVER_SEEN, Accounts, Standing, State, figure, identity, moment, words
from bot.sources.kit import Forgetful

NOW = 1_795_360_546_000


@pytest.mark.parametrize(
    ("value", "read"),
    [
        *((0, 0), (42, 42), (42.0, 42), ("42", 42), ("007", 7), (2**53, 2**53)),
        *((-1, None), (0.5, None), (2**53 + 2, None), (float("nan"), None), (float("inf"), None), (True, None)),
        *(("", None), ("-1", None), ("4.5", None), ("٣", None), ("9" * 21, None), (None, None), ([1], None)),
    ],
)
def test_figures(value: object, read: int | None) -> None:
    assert figure(value) == read


@pytest.mark.parametrize(
    ("value", "read"),
    [
        *((5, "5"), ("5", "5"), ("01KB-a_b.c:d", "01KB-a_b.c:d"), (10**19, str(10**19))),
        *((0, None), (-5, None), (5.0, None), (True, None), (10**20, None), ("", None), ("a b", None)),
        *(("a" * 65, None), ("\ud800", None), (None, None), ({}, None)),
    ],
)
def test_identities(value: object, read: str | None) -> None:
    assert identity(value) == read


@pytest.mark.parametrize(
    ("value", "read"),
    [
        *(("2026-11-22T14:00:14Z", 1_795_356_014_000), ("2026-11-22T19:00:14+05:00", 1_795_356_014_000)),
        *(("2026-11-22T14:00:14", None), ("2026-11-22", None), ("0001-01-01T00:00:00Z", None), ("soon", None)),
        *(("0001-01-01T00:00:00+14:00", None), (1_795_356_014, None), (None, None), ([], None)),
    ],
)
def test_moments(value: object, read: int | None) -> None:
    assert moment(value) == read


def test_words() -> None:
    assert words(" a\n\x00\ud800b ") == "a b"
    assert len(words("x" * 70_000) or "") == 300
    nothing: tuple[object, ...] = (None, 5, "", " \u200b", [])
    assert not any(map(words, nothing))


async def test_what_is_remembered_is_looked_at_again_in_time() -> None:
    accounts = Accounts(Forgetful(), "twitch")
    await accounts.met({"name": "5"}, NOW)
    assert await accounts.ids(["name", "other"]) == {"name": "5"}
    standings = await accounts.standings(["5", "6"])
    assert standings == {"5": Standing(State.KNOWN, NOW + DAY), "6": NEVER_SEEN}
    assert [standings["5"].is_due(NOW + one) for one in (0, DAY - 1, DAY)] == [False, False, True]
    assert standings["6"].is_due(NOW)
    await accounts.note({"5": State.GONE}, NOW)
    assert (await accounts.standings(["5"]))["5"] == Standing(State.GONE, NOW + 6 * HOUR)


async def test_a_name_stays_with_whom_it_meant_first() -> None:
    accounts = Accounts(Forgetful(), "twitch")
    await accounts.met({"name": "5"}, NOW)
    await accounts.met({"name": "6", "other": "6"}, NOW)
    assert await accounts.ids(["name", "other"]) == {"name": "5", "other": "6"}
    assert (await accounts.standings(["6"]))["6"] == Standing(State.KNOWN, NOW + DAY)


async def test_only_names_that_are_new_are_looked_up_and_errors_are_not_remembered() -> None:
    accounts, asked = Accounts(Forgetful(), "twitch"), list[list[str]]()
    error = Unavailable("not now")

    async def look_up(names: Sequence[str]) -> dict[str, str | SourceError]:
        asked.append(list(names))
        return {name: error if name == "ill" else f"id-{name}" for name in names}

    for _ in range(2):
        found = await accounts.found(["a", "ill", "b"], look_up, NOW)
        assert found == {"a": "id-a", "ill": error, "b": "id-b"}
    assert asked == [["a", "ill", "b"], ["ill"]]
    assert await accounts.found([], look_up, NOW) == {}


async def test_a_clock_that_was_set_back_leaves_nothing_waiting_for_years() -> None:
    accounts = Accounts(Forgetful(), "twitch")
    await accounts.note({"5": State.GONE}, NOW)
    assert (await accounts.standings(["5"]))["5"].is_due(NOW - 300 * DAY)


@pytest.mark.parametrize("kept", ["", "known", "known soon", "lost 5", "gone -5", "gone", "5"])
async def test_what_makes_no_sense_in_memory_is_as_if_it_were_not_there(kept: str) -> None:
    memory = Forgetful()
    await memory.put("twitch standing", {"5": kept})
    await memory.put("twitch account", {"name": "no id"})
    accounts = Accounts(memory, "twitch")
    assert await accounts.standings(["5"]) == {"5": NEVER_SEEN}
    assert await accounts.ids(["name"]) == {}
