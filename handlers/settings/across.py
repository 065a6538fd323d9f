"""Whether figures of different platforms are compared in the chat."""

from __future__ import annotations

from bot.ports.message import Line
from bot.services import watching
from bot.texts.words import N_, Words
from handlers.command import Mistake
from handlers.settings.setting import Asked, Choice, Setting


def _told(words: Words, *, across: bool) -> Line:
    if across:
        return words.say("Figures of different platforms are compared, where they count the same thing.")
    return words.say("Figures of different platforms are not compared.")


async def shown(asked: Asked) -> Line:
    return _told(asked.words, across=asked.chat is not None and asked.chat.across)


async def change(asked: Asked, typed: str) -> Line:
    wanted = typed.lower()
    if wanted not in {"on", "off"}:
        raise Mistake(asked.words.say("Say on or off."), example=SETTING.example)
    await watching.set_for_chat(asked.services, asked.request, across=wanted == "on")
    return _told(asked.words, across=wanted == "on")


async def choices(asked: Asked) -> tuple[Choice, ...]:
    across = asked.chat is not None and asked.chat.across
    return (
        Choice(label=asked.words.text("On"), value="on", chosen=across),
        Choice(label=asked.words.text("Off"), value="off", chosen=not across),
    )


SETTING = Setting(
    key="across",
    label=N_("Across platforms"),
    about=N_("Whether records and rankings compare figures of different platforms."),
    example="/settings across on",
    shown=shown,
    change=change,
    choices=choices,
)
