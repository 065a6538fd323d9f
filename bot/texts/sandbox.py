"""Texts that chats write themselves, run where they can do no harm.

A text is a Liquid template that sees its fields and nothing else: no loops, no files, no other templates, no
clock, no attributes. What it may cost is bounded: by its length, by its few filters, whose results are bounded
too, and by the length of what it says.

The library comes with ranges, loops and filters that grow; each of them alone makes a short text run for seconds
(``{% if (1..99999999) contains "a" %}``), so they are left out rather than limited.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache, wraps
from typing import Any

from liquid import BoundTemplate, Environment, Mode
from liquid.ast import Node
from liquid.builtin import content, illegal, output
from liquid.builtin.expressions.primitive import RangeLiteral
from liquid.builtin.filters import math as of_numbers
from liquid.builtin.filters import misc as of_all
from liquid.builtin.filters import string as of_texts
from liquid.builtin.tags import (
    assign_tag,
    case_tag,
    comment_tag,
    if_tag,
    inline_comment_tag,
    unless_tag,
)
from liquid.context import RenderContext
from liquid.exceptions import LiquidError, LiquidSyntaxError, ResourceLimitError
from liquid.expression import Expression

from bot.texts.refused import Refused
from bot.texts.words import N_, Words

#: Characters of a text as it is written.
LONGEST = 1_000
#: Characters of what it says, which every chat takes beside figures and buttons.
MOST_SAID = 1_500
#: Openings of ``{{`` and ``{%``. Reading takes time by their number times the length.
MOST_MARKS = 80
#: Characters of any text on its way through filters, and digits of any number.
MOST_BETWEEN = 2_000
MOST_DIGITS = 18

_MARKS = re.compile(r"\{\{|\{%")
_MARK_ENDS = re.compile(r"\}\}|%\}")
#: Runs of blanks and nested brackets, over which the library's own reading takes long.
_GAP = re.compile(r"\s{20}|(?:\[[^\]]{0,60}){6}")
_BLOCK = re.compile(r"\{%-?\s*(end)?(if|unless|case|comment|raw)\b")
#: Tags that stand within others.
_WITHIN = re.compile(r"end\w*|else|elsif|when")

_TAGS = {
    "assign": assign_tag.AssignTag,
    "case": case_tag.CaseTag,
    "comment": comment_tag.CommentTag,
    "if": if_tag.IfTag,
    "unless": unless_tag.UnlessTag,
    "#": inline_comment_tag.InlineCommentTag,
}
#: What every template is made of, besides tags.
_PARTS = (content.Literal, output.Output, illegal.Illegal)
_FILTERS: dict[str, Callable[..., Any]] = {
    "abs": of_numbers.abs_,
    "append": of_texts.append,
    "at_least": of_numbers.at_least,
    "at_most": of_numbers.at_most,
    "capitalize": of_texts.capitalize,
    "ceil": of_numbers.ceil,
    "default": of_all.default,
    "divided_by": of_numbers.divided_by,
    "downcase": of_texts.downcase,
    "floor": of_numbers.floor,
    "minus": of_numbers.minus,
    "modulo": of_numbers.modulo,
    "plus": of_numbers.plus,
    "prepend": of_texts.prepend,
    "remove": of_texts.remove,
    "replace": of_texts.replace,
    "round": of_numbers.round_,
    "slice": of_texts.slice_,
    "strip": of_texts.strip,
    "times": of_numbers.times,
    "truncate": of_texts.truncate,
    "truncatewords": of_texts.truncatewords,
    "upcase": of_texts.upcase,
}
#: Writes a bare number as the reader's language does.
_NUMBER = "number"

TAGS = tuple(sorted({*_TAGS, "raw"} - {"#"}))
FILTERS = tuple(sorted({*_FILTERS, _NUMBER}))


class _TooMuch(LiquidError):
    """A filter made more than anybody will read."""


class _Walls(Environment):
    """The library with nothing in it but what is listed here."""

    block_nesting_limit = 8
    context_depth_limit = 8
    loop_iteration_limit = 1
    local_namespace_limit = 4 * MOST_BETWEEN
    output_stream_limit = 4 * MOST_SAID  # of bytes

    def setup_tags_and_filters(self, *, extra: bool = False) -> None:
        parts: tuple[type[Any], ...] = (*_PARTS, *_TAGS.values())
        for part in parts:
            self.add_tag(part)
        for name, work in _FILTERS.items():
            self.add_filter(name, _bounded(work))


def _bounded(work: Callable[..., Any]) -> Callable[..., Any]:
    """Let a filter take and make nothing large."""

    @wraps(work)
    def bounded(*values: Any, **options: Any) -> Any:
        for value in (*values, *options.values()):
            _must_be_small(value)
        made = work(*values, **options)
        _must_be_small(made)
        return made

    return bounded


def _must_be_small(value: object) -> None:
    large = (isinstance(value, str) and len(value) > MOST_BETWEEN) or (
        isinstance(value, int | float) and not -(10**MOST_DIGITS) < value < 10**MOST_DIGITS
    )
    if large:
        raise _TooMuch("too much", token=None)


def say(text: str, values: Mapping[str, str | int | float | None], words: Words) -> str:
    """Return what a text says of these fields.

    Args:
        values: All fields that there are; those that are None have nothing to say now.

    Raises:
        Refused: It cannot be read, asks for what is no field, or says too much.
    """
    template = _read(text, frozenset(values), words)
    try:
        said = template.render(**values)
    except Exception as error:
        raise _named(error, text) from error
    if len(said) > MOST_SAID:
        raise Refused(_TOO_LONG)
    return said


@lru_cache(maxsize=256)
def _read(text: str, fields: frozenset[str], words: Words) -> BoundTemplate:
    """Return a text as a template that uses nothing but these fields."""
    gap = _GAP.search(text)
    if len(text) > LONGEST or len(_MARKS.findall(text)) > MOST_MARKS or gap is not None:
        raise Refused(_TOO_MUCH, source=text, at=gap.start() if gap is not None else None)
    for opening, closing in (("{%", "%}"), ("{{", "}}")):
        last = text.rfind(opening)
        if last >= 0 and closing not in text[last:]:  # the library finds that out the slow way
            raise Refused(_NEVER_CLOSED, source=text, at=last)
    walls = _Walls(tolerance=Mode.STRICT, strict_filters=True)
    walls.add_filter(_NUMBER, _bounded(_as_written_by(words)))
    try:
        template = walls.from_string(text)
    except Exception as error:
        raise _named(error, text, walls) from error
    try:
        used = template.analyze(include_partials=False)
        ranges = [one for one in _expressions(template) if isinstance(one, RangeLiteral)]
    except Exception as error:
        raise _named(error, text) from error
    if ranges:
        raise Refused(_NO_RANGES, source=text, at=ranges[0].token.start_index)
    unknown = [
        (one.span.index, str(one))
        for name, uses in (*used.globals.items(), *used.variables.items())
        for one in uses
        if len(one.segments) > 1 or (name not in fields and name in used.globals)
    ]
    if unknown:
        at, word = min(unknown)
        raise Refused(_NO_FIELD, word=word, known=tuple(sorted(fields)), source=text, at=at)
    strange = [(span.index, name) for name, spans in used.filters.items() for span in spans if name not in FILTERS]
    if strange:
        at, word = min(strange)
        raise Refused(_NO_FILTER, word=word, known=FILTERS, source=text, at=at)
    return template


def _as_written_by(words: Words) -> Callable[[object], object]:
    def number(value: object) -> object:
        return words.number(value) if isinstance(value, int | float) else value

    return number


def _expressions(template: BoundTemplate) -> Iterator[Expression]:
    """Yield all expressions of a template, those within others too."""
    context = RenderContext(template)
    nodes: list[Node] = list(template.nodes)
    while nodes:
        node = nodes.pop()
        nodes += node.children(context, include_partials=False)
        yield from _with_parts(node.expressions())


def _with_parts(expressions: Iterable[Expression]) -> Iterator[Expression]:
    waiting = list(expressions)
    while waiting:
        one = waiting.pop()
        yield one
        waiting += one.children()


# What is wrong, in sentences

SAYS_NOTHING = N_("It says nothing.")
_TOO_LONG = N_("It says more than fits in one message.")
_TOO_MUCH = N_("It is too long, or asks for too much work.")
_NO_RANGES = N_("There are no ranges here.")
_NO_FIELD = N_("There is no field {word}.")
_NO_FILTER = N_("There is no filter {word}.")
_NO_TAG = N_("There is no tag {word}.")
_NO_OPENING = N_("{word} stands outside of what it belongs to.")
_NEVER_CLOSED = N_("What begins here is never closed.")
_NOT_HERE = N_("{word} is not expected here.")
_UNREADABLE = N_("This cannot be read.")
_UNDOABLE = N_("This cannot be worked out.")


def _named(error: Exception, text: str, walls: Environment | None = None) -> Refused:
    """Return the library's complaint as one of ours, with its place."""
    if not isinstance(error, LiquidError):  # such as a recursion that is too deep
        return Refused(_TOO_MUCH)
    at = error.token.start_index if error.token is not None else None
    word = error.token.value if error.token is not None else ""
    if walls is not None and (at is None or at < 0):
        at, word = _first_fault(text, error, walls), ""
    if isinstance(error, ResourceLimitError | _TooMuch):
        return Refused(_TOO_MUCH, source=text, at=at)
    if not isinstance(error, LiquidSyntaxError):
        return Refused(_UNDOABLE, source=text, at=at)
    said = str(error.message)
    if said.startswith("unexpected tag"):
        if _WITHIN.fullmatch(word):
            return Refused(_NO_OPENING, word=word, source=text, at=at)
        return Refused(_NO_TAG, word=word, known=TAGS, source=text, at=at)
    opened = _still_open(text)
    if "never closed" in said or said.startswith(("missing tag name", "expected tag", "expected '}}'")):
        at = at if opened is None or said.startswith("expected '}}'") else opened
        return Refused(_NEVER_CLOSED, source=text, at=at)
    if at is None or at < 0 or not word:
        return Refused(_UNREADABLE, source=text, at=at)
    return Refused(_NOT_HERE, word=word, source=text, at=at)


def _first_fault(text: str, error: LiquidError, walls: Environment) -> int | None:
    """Return where the first part begins that brings this complaint, where the library does not say."""
    starts = [found.start() for found in _MARKS.finditer(text)]
    for end in _MARK_ENDS.finditer(text):
        try:
            walls.from_string(text[: end.end()])
        except LiquidError as other:
            if str(other.message) == str(error.message):
                return max((start for start in starts if start < end.start()), default=None)
    return None


def _still_open(text: str) -> int | None:
    """Return where the innermost block begins that nothing closes."""
    opened: list[int] = []
    for found in _BLOCK.finditer(text):
        if found[1] is None:
            opened.append(found.start())
        elif opened:
            opened.pop()
    return opened[-1] if opened else None
