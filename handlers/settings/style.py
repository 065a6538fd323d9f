"""How alerts come, in all of the chat: as posts, as one card a session, or both."""

from __future__ import annotations

from bot.ports.message import Line
from bot.services import watching
from bot.texts.words import N_, Words
from handlers.command import Mistake
from handlers.settings.setting import Asked, Choice, Setting
from handlers.subscribe import NO_EDITS, STYLES

_SAYS = {
    None: N_("Alerts come as posts."),
    "card": N_("Each session has one card, kept up to date, instead of posts."),
    "both": N_("Alerts come as posts, and each session has a card that is kept up to date."),
}
_LABELS = {"posts": N_("As posts"), "card": N_("One card"), "both": N_("Both")}


def _told(style: str | None, words: Words) -> Line:
    return words.say(_SAYS[style])


async def shown(asked: Asked) -> Line:
    return _told(asked.chat.style if asked.chat is not None else None, asked.words)


async def change(asked: Asked, typed: str) -> Line:
    wanted = " ".join(typed.lower().split())
    if wanted not in STYLES:
        raise Mistake(asked.words.say("Say posts, card or both."), example=SETTING.example)
    if asked.request.platform == NO_EDITS and wanted != "posts":
        raise Mistake(
            asked.words.say("What a terminal has shown cannot be edited: here alerts come as posts."),
            example="/settings style posts",
        )
    style, resend = STYLES[wanted]
    await watching.set_for_all(asked.services, asked.request, style=style, resend=resend)
    return _told(style, asked.words)


async def lines(asked: Asked) -> tuple[Line, ...]:
    return (asked.words.say("This counts for all that is watched here; /subscribe changes one watch."),)


async def choices(asked: Asked) -> tuple[Choice, ...]:
    style = asked.chat.style if asked.chat is not None else None
    return tuple(
        Choice(label=asked.words.text(label), value=value, chosen=STYLES[value][0] == style)
        for value, label in _LABELS.items()
        if asked.request.platform != NO_EDITS or value == "posts"
    )


SETTING = Setting(
    key="style",
    label=N_("Style"),
    about=N_("How alerts come: as posts, as one card a session that is edited, or both."),
    example="/settings style card",
    shown=shown,
    change=change,
    choices=choices,
    lines=lines,
)
