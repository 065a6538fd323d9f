"""How a chat counts large figures: in lakh and crore, or in millions."""

from __future__ import annotations

from dataclasses import replace

from bot.ports.message import Line
from bot.services import watching
from bot.texts.words import COUNTINGS, LAKH, MILLION, N_, Words, bold
from handlers.command import Mistake
from handlers.settings.setting import Asked, Choice, Setting

_DEFAULT = "default"
#: Told as they are written.
_SHORT, _LONG = 446_000, 12_340_000
#: As people write them, who write "lac" more often than not.
_CALLED = {
    **dict.fromkeys(("lakh", "lakhs", "lac", "lacs", "crore", "crores"), LAKH),
    **dict.fromkeys(("million", "millions"), MILLION),
    _DEFAULT: None,
}


def _examples(words: Words) -> str:
    return words.list([words.exact(_SHORT), words.number(_LONG)])


def _told(words: Words) -> Line:
    return words.say("Large figures are written like {examples}.", examples=bold(_examples(words)))


async def shown(asked: Asked) -> Line:
    return _told(asked.words)


async def change(asked: Asked, typed: str) -> Line:
    words, wanted = asked.words, typed.casefold()
    if wanted not in _CALLED:
        raise Mistake(words.say("Say lakh, million or default."), example=SETTING.example)
    await watching.set_for_chat(asked.services, asked.request, counting=_CALLED[wanted])
    return _told(replace(words, counting=_CALLED[wanted]))


async def choices(asked: Asked) -> tuple[Choice, ...]:
    chosen = asked.chat.counting if asked.chat is not None else None
    offered = [
        Choice(label=_examples(replace(asked.words, counting=one)), value=one, chosen=one == chosen)
        for one in COUNTINGS
    ]
    default = Choice(label=asked.words.text("As the language does"), value=_DEFAULT, chosen=chosen is None)
    return (*offered, default)


SETTING = Setting(
    key="counting",
    label=N_("Large figures"),
    about=N_("Whether large figures are counted in lakh and crore, in millions, or as the language does."),
    example="/settings counting lakh",
    shown=shown,
    change=change,
    choices=choices,
    other_names=("numbers", "figures"),
)
