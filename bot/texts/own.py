"""Alerts in a chat's own words: its text takes the place of the bot's title and lines, and of nothing else.

The figures with their measures and units, what says where they come from and how far they can be trusted, the
picture and the buttons stay as they are. What a chat wrote is text like any title from outside: never markup,
never a mention. An alert never breaks of it: what cannot be said is said in the bot's own words.
"""

from __future__ import annotations

from dataclasses import replace

import structlog

from bot.domain.outside import balanced, clean
from bot.domain.story import Story
from bot.ports.message import Line, Message, Span
from bot.texts import alerts, own_fields
from bot.texts.refused import Refused
from bot.texts.words import Words

log = structlog.get_logger(__name__)

#: Kinds that are told in a chat's own words. Not among them: a card, which is made of figures and edited all the
#: time, and a correction, which says what was wrong.
KINDS = tuple(own_fields.FIELDS)
#: A first line that is longer is no title.
LONGEST_TITLE = 200
#: What is typed for a line's end where a chat's box takes none.
TYPED_BREAK = "\\n"

#: Stands in a field that has something to say, when a text is tried.
_SOMETHING = "x"
_SOME = 1_000


def neat(typed: str) -> str:
    r"""Return a text as it is kept: line by line, without what nobody sees.

    Line breaks stay as typed; where the chat's box takes none, ``\n`` is one.
    """
    lines = typed.replace(TYPED_BREAK, "\n").replace("\r\n", "\n").split("\n")
    return "\n".join(clean(line, limit=max(1, len(line))) for line in lines).strip()


def check(text: str, kind: str, words: Words) -> None:
    """See that a text can be used for a kind of alert, whether its fields have something to say or not.

    Raises:
        bot.texts.refused.Refused: It cannot be; with the reason and the place.
    """
    from bot.texts import sandbox  # noqa: PLC0415 - loaded where a chat has words of its own

    full: dict[str, own_fields.Value] = {}
    for field in own_fields.FIELDS[kind]:
        full[field.name] = _SOMETHING
        if field.number is not None:
            full[field.name + own_fields.NUMBER] = _SOME
    said = sandbox.say(text, full, words)
    if not clean(said, limit=sandbox.MOST_SAID):
        raise Refused(sandbox.SAYS_NOTHING)
    sandbox.say(text, dict.fromkeys(full), words)


def write(story: Story, words: Words, text: str | None = None) -> Message:
    """Return the message that tells a story, in the chat's own words if it has some.

    Args:
        text: As the chat wrote it; None where it did not.
    """
    message = alerts.write(story, words)
    lines = _said(story, words, text) if text is not None and story.kind in KINDS else ()
    if not lines:
        return message
    kept = alerts.small_print(story, words)
    if len(lines[0]) > LONGEST_TITLE:
        return replace(message, symbol="", title=(), lines=(*_spans(lines), *kept))
    first, *rest = _spans(lines)
    return replace(message, symbol="", title=first, lines=(*rest, *kept))


def _said(story: Story, words: Words, text: str) -> list[str]:
    """Return the lines that a text says of a story; none if it says nothing, or cannot."""
    from bot.texts import sandbox  # noqa: PLC0415 - loaded where a chat has words of its own

    try:
        said = sandbox.say(text, own_fields.values(story, words), words)
    except Refused as error:
        log.warning("a chat's own words could not be said", kind=story.kind)
        log.debug("why they could not", kind=story.kind, why=str(error))
        return []
    lines = [balanced([" ".join(line.split())])[0] for line in said.split("\n")]
    shown = [line if line and clean(line, limit=len(line)) else "" for line in lines]
    kept = [line for place, line in enumerate(shown) if line or (place and shown[place - 1])]
    while kept and not kept[-1]:
        kept.pop()
    if not kept:
        log.info("a chat's own words said nothing", kind=story.kind)
    return kept


def _spans(lines: list[str]) -> list[Line]:
    return [(Span(line),) if line else () for line in lines]
