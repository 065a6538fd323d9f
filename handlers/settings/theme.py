"""Whether the chat's charts are light or dark."""

from __future__ import annotations

from bot.ports.message import Line
from bot.services import watching
from bot.texts.reader import DARK
from bot.texts.words import N_, Words
from handlers.command import Mistake
from handlers.settings.setting import Asked, Choice, Setting

_LIGHT = "light"


def _told(words: Words, *, dark: bool) -> Line:
    return words.say("Charts are dark.") if dark else words.say("Charts are light.")


def _is_dark(asked: Asked) -> bool:
    return asked.chat is not None and asked.chat.theme == DARK


async def shown(asked: Asked) -> Line:
    return _told(asked.words, dark=_is_dark(asked))


async def change(asked: Asked, typed: str) -> Line:
    wanted = typed.lower()
    if wanted not in {DARK, _LIGHT}:
        raise Mistake(asked.words.say("Say dark or light."), example=SETTING.example)
    await watching.set_for_chat(asked.services, asked.request, theme=wanted if wanted == DARK else None)
    return _told(asked.words, dark=wanted == DARK)


async def choices(asked: Asked) -> tuple[Choice, ...]:
    dark = _is_dark(asked)
    return (
        Choice(label=asked.words.text("Light"), value=_LIGHT, chosen=not dark),
        Choice(label=asked.words.text("Dark"), value=DARK, chosen=dark),
    )


SETTING = Setting(
    key="theme",
    label=N_("Charts"),
    about=N_("Whether charts are light or dark, unless /chart says otherwise."),
    example="/settings theme dark",
    shown=shown,
    change=change,
    choices=choices,
)
