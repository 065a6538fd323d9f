"""What an admin is told in private when alerts cannot come."""

from __future__ import annotations

from bot.domain.outside import clean
from bot.ports.message import Line, Message, Span, Style
from bot.texts.trouble import begun, sentence
from bot.texts.words import Words, bold

LONGEST = 80


def write(watch: str, *, chat: str, place: str | None, why: str, over: bool, words: Words) -> Message:
    """Tell that a watch's alerts cannot come to a place of a chat, and why.

    Args:
        place: What the platform calls the topic or channel; None for the chat itself.
        over: They are not tried any more.
    """
    name, where = bold(clean(watch, limit=LONGEST)), bold(clean(chat, limit=LONGEST))
    at = Span(clean(place, limit=LONGEST), Style.REFERENCE) if place else None
    if over and at is not None:
        title = words.say("Alerts of {watch} no longer go to {place} in {chat}.", watch=name, place=at, chat=where)
    elif at is not None:
        title = words.say("Alerts of {watch} cannot come to {place} in {chat}.", watch=name, place=at, chat=where)
    else:
        title = words.say("Alerts of {watch} cannot come to {chat}.", watch=name, chat=where)
    if over:
        then = words.say("{watch} lets them come again, there or elsewhere.", watch="/watch")
    else:
        then = words.say("I go on trying for a while; {watches} there says more.", watches="/watches")
    return Message(
        symbol="⚠️",
        title=title,
        lines=(_reason(why, words), then),
    )


def without(watch: str, *, chat: str, place: str | None, why: str, words: Words) -> Message:
    """Tell that a watch's alerts come to a place of a chat without pictures and files, and why."""
    name, where = bold(clean(watch, limit=LONGEST)), bold(clean(chat, limit=LONGEST))
    if place:
        at = Span(clean(place, limit=LONGEST), Style.REFERENCE)
        title = words.say(
            "Alerts of {watch} come to {place} in {chat} without pictures and files.",
            watch=name,
            place=at,
            chat=where,
        )
    else:
        title = words.say("Alerts of {watch} come to {chat} without pictures and files.", watch=name, chat=where)
    return Message(symbol="⚠️", title=title, lines=(_reason(why, words),))


def account(watch: str, *, chat: str, why: str, words: Words) -> Message:
    """Tell that what is watched is not there under its name any more."""
    return Message(
        symbol="⚠️",
        title=words.say(
            "{watch}, watched in {chat}, is no longer there.",
            watch=bold(clean(watch, limit=LONGEST)),
            chat=bold(clean(chat, limit=LONGEST)),
        ),
        lines=(
            _reason(why, words),
            words.say("Its history stays. Watch its new name, or {unwatch} it.", unwatch="/unwatch"),
        ),
    )


def source(platform: str, *, why: str, words: Words) -> Message:
    """Tell an operator that a source refuses the bot as a whole."""
    return Message(
        symbol="⚠️",
        title=words.say("{platform} refuses this bot: none of its watches can be read.", platform=bold(platform)),
        lines=(
            _reason(why, words),
            words.say("I try again every quarter of an hour; {status} shows how it stands.", status="/status"),
        ),
    )


def _reason(why: str, words: Words) -> Line:
    return words.say("{why}", why=sentence(begun(words.told(why))))
