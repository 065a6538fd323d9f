"""A number that Prometheus keeps: ``prometheus:https://host#<PromQL>``, asked by its HTTP API.

https://prometheus.io/docs/prometheus/latest/querying/api/#instant-queries

With `` live-when <PromQL>`` behind it, the second query says whether there is a session: any row of it that
is not 0 is on the air, no row or only zeros is off it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan
from typing import Any

from bot.domain.sentence import N_, Sentence
from bot.ports.purse import Purse
from bot.ports.source import Ask, BadAddress, Description, Garbage, SourceError, Told
from bot.sources.number import UNIT, Figure, Number, answer, clipped, figure_of, parse
from bot.sources.web import Web, once_each

#: 400 and 422 say in JSON what is wrong with a query.
ANSWERS = frozenset({200, 400, 422})
QUERY_PATH = "/api/v1/query"
NOTE = N_(
    "The figure is what Prometheus scraped last: it moves in steps of its scrape interval, and a query over "
    "a range of time goes on giving it when nothing is scraped any more."
)
#: What people copy from a browser, where the address of the server is meant.
PAGES = re.compile(r"(/graph|/query|/api/v1/query)?/*$")


@dataclass(frozen=True, slots=True)
class Row:
    """One series of an answer."""

    name: str | None
    value: float


class Prometheus:
    """The source ``prometheus:``."""

    platform = "prometheus"
    public = False
    batch = 50
    for_operators = False
    example = "prometheus:https://prometheus.example.org#sum(live_viewers)"
    purse: Purse | None = None

    def __init__(self, web: Web) -> None:
        self._web = web

    def recognises(self, url: str) -> str | None:
        """Recognise nothing: an address does not show that Prometheus is behind it."""
        return None

    async def describe(self, reference: str, now: int) -> Description:
        """Run the queries and see what they give.

        Raises:
            SourceError: Among others where a query is wrong, or gives no figure while live.
        """
        number = self._parse(reference)
        base = str(number.url)
        try:
            live = _is_live(await self._query((base, number.live_when))) if number.live_when else True
            rows = await self._query((base, number.expression))
            figure = _figure(rows)
        except Garbage as error:
            raise BadAddress(str(error)) from error
        if live and figure.value is None:
            raise BadAddress(N_("The query gives {reason}, and a number is needed."), reason=figure.reason or "")
        label = clipped(rows[0].name if rows and rows[0].name else number.expression, 60)
        return Description(
            reference=number.reference,
            name=f"{label} ({number.url.host})",
            unit=UNIT,
            daily=number.daily,
            live_now=None if number.daily else live,
            note=NOTE,
        )

    async def read(self, asks: Sequence[Ask], now: int) -> list[Told]:
        """Run each different query once."""
        numbers: list[Number | SourceError] = []
        for ask in asks:
            try:
                numbers.append(self._parse(ask.reference))
            except SourceError as error:
                numbers.append(error)
        queries = [
            (str(number.url), query)
            for number in numbers
            if isinstance(number, Number)
            for query in (number.expression, number.live_when)
            if query is not None
        ]
        results = await once_each(queries, self._query)
        return [_tell(ask, number, results, now) for ask, number in zip(asks, numbers, strict=True)]

    async def check(self) -> str | None:
        """Find nothing wrong: there is nothing to set up."""
        return None

    async def close(self) -> None:
        """Hold nothing open: the client is shared."""

    def _parse(self, reference: str) -> Number:
        address, sharp, query = reference.partition("#")
        return parse(PAGES.sub("", address.partition("?")[0].strip()) + sharp + query, self.example)

    async def _query(self, key: tuple[str, str]) -> list[Row]:
        """Run one query now.

        Raises:
            Garbage: It is refused, in Prometheus's own words, or gives what is no number.
        """
        base, query = key
        page = await self._web.get(base.rstrip("/") + QUERY_PATH, params={"query": query})
        try:
            return _rows(page.json(ANSWERS))
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise Garbage(N_("{host} does not answer like Prometheus."), host=page.host) from error


def _rows(body: Any) -> list[Row]:
    """Read an answer; LookupError, TypeError, ValueError or AttributeError where it is not Prometheus's."""
    if body["status"] == "error":
        raise Garbage(N_("Prometheus refuses the query: {error}"), error=clipped(str(body["error"]), 200))
    kind, result = body["data"]["resultType"], body["data"]["result"]
    match kind:
        case "scalar":
            return [Row(None, float(result[1]))]
        case "vector":
            return [Row(row["metric"].get("__name__"), _value(row)) for row in result]
        case "matrix":
            raise Garbage(N_("The query gives a range of figures in time; use one, such as max_over_time(...)."))
        case _:
            raise Garbage(N_("The query gives a {kind}, not a number."), kind=clipped(str(kind)))


def _value(row: Any) -> float:
    if "histogram" in row:
        raise Garbage(N_("The query gives a histogram; use a figure of it, such as histogram_count(...)."))
    return float(row["value"][1])


def _figure(rows: list[Row]) -> Figure:
    """Take the one row as the figure.

    Raises:
        Garbage: There are several.
    """
    if not rows:
        return Figure(None, Sentence(N_("nothing: no series matches it now")))
    if len(rows) > 1:
        raise Garbage(
            N_("The query gives {n} rows, and one is needed: aggregate them, as in sum(...)."), n=len(rows)
        )
    return figure_of(rows[0].value)


def _is_live(rows: list[Row]) -> bool:
    """Take the rows of ``live-when`` as yes or no.

    Raises:
        Garbage: One is not a number: that is neither on the air nor off it.
    """
    if any(isnan(row.value) for row in rows):
        raise Garbage(N_("The query behind live-when gives NaN."))
    return any(row.value != 0 for row in rows)


def _got(result: list[Row] | SourceError) -> list[Row]:
    if isinstance(result, SourceError):
        raise result
    return result


def _tell(
    ask: Ask, number: Number | SourceError, results: dict[tuple[str, str], list[Row] | SourceError], now: int
) -> Told:
    """Put together what the queries of a watch gave."""
    try:
        if isinstance(number, SourceError):
            raise number
        base = str(number.url)
        live = _is_live(_got(results[base, number.live_when])) if number.live_when else True
        figure = _figure(_got(results[base, number.expression])) if live else Figure(None)
    except SourceError as error:
        return Told(answers=(error.failure(now),))
    return Told(answers=(answer(number, ask, now, live=live, figure=figure),))
