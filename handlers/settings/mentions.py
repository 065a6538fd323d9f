"""Whom alerts call, in all of the chat."""

from __future__ import annotations

from bot.ports.message import Line
from bot.services import watching
from bot.texts.words import N_, Words
from handlers.settings.setting import Asked, Choice, Setting
from handlers.subscribe import HERE, called, whom


def _told(mention: str | None, words: Words) -> Line:
    if mention is None:
        return words.say("Alerts call nobody.")
    return words.say("Alerts call {whom}, at most once an hour.", whom=called(mention))


async def shown(asked: Asked) -> Line:
    return _told(asked.chat.mention if asked.chat is not None else None, asked.words)


async def change(asked: Asked, typed: str) -> Line:
    mention = whom(typed, asked.request, asked.words)
    await watching.set_for_all(asked.services, asked.request, mention=mention)
    return _told(mention, asked.words)


async def lines(asked: Asked) -> tuple[Line, ...]:
    return (
        asked.words.say("This counts for all that is watched here; /subscribe changes one watch."),
        asked.words.say("Edits, tests, late alerts and what comes silently call nobody."),
    )


async def choices(asked: Asked) -> tuple[Choice, ...]:
    mention = asked.chat.mention if asked.chat is not None else None
    return (
        Choice(label=asked.words.text("Nobody"), value="nobody", chosen=mention is None),
        Choice(label=f"@{HERE}", value=HERE, chosen=mention == HERE),
    )


SETTING = Setting(
    key="mentions",
    label=N_("Mentions"),
    about=N_("Whom alerts call: a role, those who are here, or nobody."),
    example="/settings mentions @role",
    shown=shown,
    change=change,
    choices=choices,
    lines=lines,
    other_names=("mention",),
    only_on="discord",
)
