"""Any number in a JSON document: ``json:https://host/path#<JMESPath>``.

With `` live-when <JMESPath>`` behind it, the second expression says whether there is a session: what
JMESPath takes for false (``null``, ``false``, an empty text, list or object) is off the air, all else, 0 too,
is on it. JMESPath: https://jmespath.org/specification.html
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jmespath
from jmespath import functions
from jmespath.exceptions import JMESPathError
from jmespath.visitor import Options, TreeInterpreter

from bot.domain.sentence import N_, Sentence
from bot.ports.purse import Purse
from bot.ports.source import Ask, BadAddress, Description, Garbage, SourceError, Told
from bot.sources.number import UNIT, Figure, Number, answer, clipped, figure_of, parse
from bot.sources.web import Web, once_each

#: Bounds of one evaluation, so that an expression cannot build what fills the memory or takes for ever:
#: steps, the length of any list and text on the way, and all members of ``[a, b]`` and ``{a: b}``, which multiply.
MOST_STEPS = 200_000
LONGEST_LIST = 50_000
LONGEST_TEXT = 1_000_000
MOST_SELECTED = 8
#: So many characters of a text count as one step: each step may look through one.
_A_STEP = 64


class Json:
    """The source ``json:``."""

    platform = "json"
    public = False
    batch = 50
    for_operators = False
    example = "json:https://example.org/status.json#audience.total"
    purse: Purse | None = None

    def __init__(self, web: Web) -> None:
        self._web = web

    def recognises(self, url: str) -> str | None:
        """Recognise nothing: which number of a page is meant, only an expression tells."""
        return None

    async def describe(self, reference: str, now: int) -> Description:
        """Fetch the document and see what the expressions give.

        Raises:
            SourceError: Among others where an expression is wrong, or gives no figure while live.
        """
        number = parse(reference, self.example)
        for expression in (number.expression, number.live_when):
            if expression is not None:
                _compiled(expression)
        document = await self._document(str(number.url))
        live = _is_live(number, document)
        figure = _figure(number.expression, document)
        if live and figure.value is None:
            raise BadAddress(
                N_("The expression gives {reason}, and a number is needed."), reason=figure.reason or ""
            )
        return Description(
            reference=number.reference,
            name=f"{number.url.host} {number.url.name}".strip(),
            unit=UNIT,
            daily=number.daily,
            live_now=None if number.daily else live,
            note=N_("The figure is taken as people there at once; a total that only grows gives no true peak."),
        )

    async def read(self, asks: Sequence[Ask], now: int) -> list[Told]:
        """Fetch each document once, whatever number of watches look into it."""
        numbers: list[Number | SourceError] = []
        for ask in asks:
            try:
                numbers.append(parse(ask.reference, self.example))
            except SourceError as error:
                numbers.append(error)
        documents = await once_each(
            (str(number.url) for number in numbers if isinstance(number, Number)), self._document
        )
        return [_tell(ask, number, documents, now) for ask, number in zip(asks, numbers, strict=True)]

    async def check(self) -> str | None:
        """Find nothing wrong: there is nothing to set up."""
        return None

    async def close(self) -> None:
        """Hold nothing open: the client is shared."""

    async def _document(self, url: str) -> Any:
        return (await self._web.get(url, headers={"Accept": "application/json"})).json()


def _tell(ask: Ask, number: Number | SourceError, documents: dict[str, Any | SourceError], now: int) -> Told:
    """Look into a document that was fetched for a watch."""
    try:
        if isinstance(number, SourceError):
            raise number
        document = documents[str(number.url)]
        if isinstance(document, SourceError):
            raise document
        live = _is_live(number, document)
        figure = _figure(number.expression, document)
    except SourceError as error:
        return Told(answers=(error.failure(now),))
    return Told(answers=(answer(number, ask, now, live=live, figure=figure),))


def _figure(expression: str, document: Any) -> Figure:
    """Evaluate the figure; an expression that fails on this document leaves it unknown."""
    try:
        return figure_of(_evaluated(expression, document))
    except Garbage as error:
        return Figure(None, Sentence(N_("an error ({error})"), error=str(error)))


def _is_live(number: Number, document: Any) -> bool:
    """Evaluate ``live-when``.

    Raises:
        Garbage: It fails on this document: that is neither on the air nor off it.
    """
    if number.live_when is None:
        return True
    value = _evaluated(number.live_when, document)
    return not (value is None or value is False or (isinstance(value, str | list | dict) and not value))


class _Functions(functions.Functions):
    """The library's functions; those that write texts write none that is too long."""

    def call_function(self, function_name: Any, resolved_args: Any) -> Any:
        """Call a function by its name."""
        if function_name in {"to_string", "join"} and _writes_too_much(resolved_args):
            raise JMESPathError("it takes too long on this document")
        return super().call_function(function_name, resolved_args)


_OPTIONS = Options(custom_functions=_Functions())


class _Bounded(TreeInterpreter):
    """Evaluates an expression, and gives up where it grows beyond bounds."""

    def __init__(self) -> None:
        super().__init__(_OPTIONS)
        self._steps = 0

    def visit(self, node: Any, *args: Any, **kwargs: Any) -> Any:
        self._steps += 1
        value = super().visit(node, *args, **kwargs)
        if isinstance(value, str):
            self._steps += len(value) // _A_STEP
        if self._steps > MOST_STEPS or (isinstance(value, list) and len(value) > LONGEST_LIST):
            raise JMESPathError("it takes too long on this document")
        return value


def _writes_too_much(values: list[Any]) -> bool:
    """Tell whether values, written one after the other and each as often as it is held, are too long a text."""
    length, left = 0, list(values)
    while left and length <= LONGEST_TEXT:
        value = left.pop()
        length += 1
        if isinstance(value, str):
            length += len(value)
        elif isinstance(value, list):
            left += value
        elif isinstance(value, dict):
            left += [*value, *value.values()]
    return length > LONGEST_TEXT


def _evaluated(expression: str, document: Any) -> Any:
    tree = _compiled(expression)
    try:
        return _Bounded().visit(tree, document)
    except Exception as error:  # strange expressions on strange data fail in many ways inside the library
        raise Garbage(clipped(str(error), 120)) from error


def _compiled(expression: str) -> Any:
    """Parse an expression.

    Raises:
        BadAddress: It is wrong; the message says where.
    """
    try:
        tree = jmespath.compile(expression).parsed
        selected = _selected(tree)
    except (ValueError, RecursionError) as error:  # JMESPathError is a ValueError
        place = getattr(error, "lex_position", None)
        if place is None:
            raise BadAddress(N_("The JMESPath expression has a mistake.")) from error
        raise BadAddress(
            N_("The JMESPath expression has a mistake at character {number}, near {text}."),
            number=place + 1,
            text=_near(expression, place),
        ) from error
    if selected > MOST_SELECTED:
        raise BadAddress(
            N_("The JMESPath expression selects more than {most} things at once."), most=MOST_SELECTED
        )
    return tree


def _near(expression: str, place: int) -> str:
    """Show the text at a mistake."""
    return f'"{clipped(expression[place:], 20)}"' if place < len(expression) else "its end"


def _selected(node: Any) -> int:
    """Count the members of all multi-selects in an expression."""
    many = node["type"] in {"multi_select_list", "multi_select_dict"}
    children = node["children"]
    return (len(children) if many else 0) + sum(
        _selected(child)
        for child in children
        if isinstance(child, dict)  # the rest are bounds of slices
    )
