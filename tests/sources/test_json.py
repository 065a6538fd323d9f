"""Numbers in JSON documents: what counts as a figure, and what an admin is told where nothing does."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from bot.domain.reading import Answer, Failure, Metric, Reading, Trouble
from bot.ports.source import Ask, BadAddress
from bot.sources.json import Json
from bot.sources.web import Web
from tests.servers.pages import Behaviour, Pages, moves_to, says, serving

NOW = 1_795_360_546_000


@dataclass
class Place:
    pages: Pages
    source: Json

    def at(self, expression: str) -> str:
        return f"{self.pages.url}/v1/status.json?a=1#{expression}"

    async def read(self, *expressions: str, known: tuple[str, ...] = ()) -> list[Answer | Failure]:
        asks = [Ask(reference=self.at(one), known=known) for one in expressions]
        return [answer for told in await self.source.read(asks, NOW) for answer in told.answers]

    async def reading(self, expression: str, known: tuple[str, ...] = ()) -> Reading:
        (answer,) = await self.read(expression, known=known)
        assert isinstance(answer, Answer), answer
        (reading,) = answer.readings
        return reading

    async def refusal(self, expression: str) -> str:
        with pytest.raises(BadAddress) as caught:
            await self.source.describe(self.at(expression), NOW)
        return str(caught.value)


@asynccontextmanager
async def document(value: Any) -> AsyncIterator[Place]:
    behaviour: Behaviour = value if callable(value) else says(json.dumps(value))
    async with serving(behaviour) as pages:
        client = Web(allowed=[pages.authority])
        try:
            yield Place(pages, Json(client))
        finally:
            await client.close()


@pytest.mark.parametrize(
    ("value", "figure"),
    [
        (0, 0), (42, 42), (42.0, 42), (42.5, 42.5), ("42", 42), (" 42 ", 42), ("42.5", 42.5), ("0", 0),
        ("1e3", 1000), ("+7", 7), (2**53, 2**53),
    ],
)  # fmt: skip
async def test_figures(value: Any, figure: float) -> None:
    async with document({"n": value}) as place:
        reading = await place.reading("n")
        assert (reading.concurrent, reading.reason, reading.session) == (figure, None, "day")
        assert type(reading.concurrent) is type(figure)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "nothing"),
        (True, "true"),
        (False, "false"),
        ("", 'the text ""'),
        ("many", 'the text "many"'),
        ("1,234", 'the text "1,234"'),
        ("1_000", 'the text "1_000"'),
        ("٤٢", 'the text "٤٢"'),
        ("nan", 'the text "nan"'),
        ("x\ny" * 100, 'the text "x yx yx'),
        ([1, 2, 3], "a list of 3 items"),
        ([1], "a list of 1 item"),
        ({"a": 1, "b": 2}, "an object with 2 fields"),
        (-1, "a number below zero"),
        ("-1", 'the text "-1"'),
        (float("nan"), "not finite"),
        (float("inf"), "not finite"),
        (2**53 + 1, "beyond counting"),
        ("1e999", 'the text "1e999"'),
    ],
)
async def test_what_is_no_figure_is_unknown_and_refused_with_what_it_is(value: Any, said: str) -> None:
    async with document({"n": value}) as place:
        reading = await place.reading("n")
        assert reading.concurrent is None
        assert said in (reading.reason or "")
        message = await place.refusal("n")
        assert said in message
        assert "\n" not in message
        assert len(message) < 120


async def test_expressions() -> None:
    value = {
        "rooms": [{"n": 3, "live": True}, {"n": 4, "live": False}, {"n": 5, "live": True}],
        "a b": {"ü": 7},
    }
    async with document(value) as place:
        for expression, figure in {
            "sum(rooms[?live].n)": 8,
            "length(rooms)": 3,
            "max(rooms[*].n)": 5,
            '"a b"."ü"': 7,
            "rooms[-1].n": 5,
            "sum([rooms[0].n, rooms[1].n])": 7,
            "rooms | [0] | n": 3,
        }.items():
            found = await place.source.describe(place.at(expression), NOW)
            assert found.reference == place.at(expression)
            assert (await place.reading(expression)).concurrent == figure


async def test_a_description() -> None:
    async with document({"n": 42}) as place:
        found = await place.source.describe(f" {place.at('  n ')}  ", NOW)
        assert found.reference == place.at("n")
        assert (found.name, found.unit, found.metric) == ("127.0.0.1 status.json", "count", Metric.CONCURRENT)
        assert (found.daily, found.live_now) == (True, None)
        for same in ("/#n", "#n"):
            found = await place.source.describe(place.pages.url + same, NOW)
            assert (found.reference, found.name) == (f"{place.pages.url}#n", "127.0.0.1")


@pytest.mark.parametrize(
    ("expression", "where"),
    [
        ("a[", "at character 3, near its end"),
        ("a..b", 'at character 3, near ".b"'),
        ("a ||", "near its end"),
        ("a b c", 'at character 3, near "b c"'),
        ("'a", 'at character 1, near "\'a"'),
        ("§", "at character 1"),
        ("a == ", "near its end"),
        ("n live-when a[", "at character 3"),
        ("(" * 450, "mistake"),
    ],
)
async def test_a_mistake_in_an_expression_is_shown(expression: str, where: str) -> None:
    async with document({"n": 1}) as place:
        message = await place.refusal(expression)
        assert "JMESPath" in message
        assert where in message
        assert place.pages.requests == []
        (answer,) = await place.read(expression)
        assert isinstance(answer, Failure)


@pytest.mark.parametrize("expression", ["nosuch(n)", "length(n)", "sum(n)", "abs('a')", "length(@, @)", "[::0]"])
async def test_an_expression_that_fails_on_the_document_leaves_it_unknown(expression: str) -> None:
    async with document({"n": 1}) as place:
        reading = await place.reading(expression)
        assert reading.concurrent is None
        assert reading.reason
        assert "\n" not in reading.reason
        await place.refusal(expression)


@pytest.mark.parametrize(
    "tail", ["", "#", "# ", "#n live-when a live-when b", f"#{'a' * 501}", f"#n live-when {'a' * 501}"]
)
async def test_addresses_that_do_not_say_which_number(tail: str) -> None:
    async with document({"n": 1}) as place:
        with pytest.raises(BadAddress):
            await place.source.describe(f"{place.pages.url}/x{tail}", NOW)
        assert place.pages.requests == []


# --- live-when --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("live", [True, 1, 0, -1, "yes", "0", [0], {"a": 0}])
async def test_live_by_what_jmespath_takes_for_true(live: Any) -> None:
    async with document({"n": 5, "live": live}) as place:
        reading = await place.reading("n live-when live")
        assert (reading.concurrent, reading.session) == (5, f"live-{NOW}")
        found = await place.source.describe(place.at("n   live-when   live"), NOW)
        assert found.reference == place.at("n live-when live")
        assert (found.daily, found.live_now) == (False, True)


@pytest.mark.parametrize("value", [{"live": False}, {}, {"live": None}, {"live": ""}, {"live": []}, {"live": {}}])
async def test_off_the_air_by_what_jmespath_takes_for_false(value: dict[str, Any]) -> None:
    async with document(value) as place:
        assert await place.read("n live-when live") == [Answer(at=NOW)]
        assert (await place.source.describe(place.at("n live-when live"), NOW)).live_now is False


async def test_a_comparison_as_live_when() -> None:
    async with document({"n": 5, "state": "on"}) as place:
        assert (await place.reading("n live-when state == 'on' && n > `0`")).concurrent == 5


async def test_the_session_is_the_one_that_is_known() -> None:
    async with document({"n": 5}) as place:
        assert (await place.reading("n live-when n", known=("live-1",))).session == "live-1"
        assert (await place.reading("n", known=("day",))).session == "day"


async def test_live_without_a_figure_is_unknown() -> None:
    async with document({"live": True}) as place:
        reading = await place.reading("n live-when live")
        assert (reading.concurrent, reading.reason) == (None, "The expression gives nothing.")
        assert "nothing" in await place.refusal("n live-when live")


async def test_a_live_when_that_fails_is_neither_live_nor_off() -> None:
    async with document({"n": 5}) as place:
        (answer,) = await place.read("n live-when length(n) > `0`")
        assert isinstance(answer, Failure)
        assert answer.trouble is Trouble.GARBAGE


# --- together ---------------------------------------------------------------------------------------------


async def test_one_document_is_fetched_once_however_many_look_into_it() -> None:
    async with document({"a": 1, "b": 2}) as place:
        answers = await place.read("a", "b", "a", "b live-when a", "]")
        assert len(place.pages.requests) == 1
        assert [a.readings[0].concurrent if isinstance(a, Answer) else None for a in answers] == [
            1,
            2,
            1,
            2,
            None,
        ]
        await place.read("a")
        assert len(place.pages.requests) == 2


async def test_a_redirect_is_followed() -> None:
    async with document({"n": 3}) as there, document(moves_to("http://127.0.0.1")) as here:
        here.pages.answer = moves_to(f"{there.pages.url}/moved")
        client = Web(allowed=[here.pages.authority, there.pages.authority])
        (told,) = await Json(client).read([Ask(reference=here.at("n"))], NOW)
        await client.close()
        (answer,) = told.answers
        assert isinstance(answer, Answer)
        assert answer.readings[0].concurrent == 3


GROWING = [
    "|".join(["[@,@][]"] * 30),
    "|".join(["[@,@]"] * 30) + " | to_string(@)",
    "|".join(["[a,a,a,a][]"] * 3),
    "[" + ",".join(["a"] * 200) + "] | join('', @)",
    "|".join(["map(&`[0,0,0,0,0,0,0,0]`, @)[]"] * 14),
    "[a,b] | " + "|".join(["map(&`[0,0,0,0,0,0,0,0]`, @)[]"] * 14),
    "a" + "[]" * 240,
    "long[*]" + "[?@ == `1`]" * 40,
    "sort(long) | " + "|".join(["map(&to_string(@), @)"] * 10),
]


@pytest.mark.parametrize("expression", GROWING, ids=range(len(GROWING)))
async def test_an_expression_cannot_eat_the_machine(expression: str) -> None:
    async with document({"a": list(range(1000)), "b": 2, "long": list(range(49_000))}) as place:
        started = time.monotonic()
        (answer,) = await place.read(expression)
        if isinstance(answer, Answer):
            assert answer.readings[0].concurrent is None
        assert time.monotonic() - started < 10
