"""How long figures of a live session may be missing before the chat is told."""

from __future__ import annotations

from bot.domain import MINUTE
from bot.domain.alerts import outage
from bot.ports.message import Line
from bot.services import watching
from bot.texts.words import N_, Words, bold
from handlers.arguments import minutes
from handlers.command import Mistake
from handlers.settings.setting import Asked, Choice, Setting

_NEVER = {"off", "never", "none"}
_DEFAULT = "default"
#: Offered to tap, as they are typed.
_OFFERED = ("5m", "15m", "30m", "1h", "3h")


def _patience(asked: Asked) -> int:
    chat = asked.chat
    return outage.PATIENCE if chat is None or chat.patience is None else chat.patience


def _told(patience: int, words: Words) -> Line:
    if not patience:
        return words.say("Missing figures of live sessions are not told.")
    return words.say(
        "Missing figures of live sessions are told after {time}.", time=bold(words.duration(patience))
    )


async def shown(asked: Asked) -> Line:
    return _told(_patience(asked), asked.words)


async def change(asked: Asked, typed: str) -> Line:
    words, wanted = asked.words, typed.lower()
    length = 0 if wanted in _NEVER else None if wanted == _DEFAULT else minutes(wanted)
    if (length is None and wanted != _DEFAULT) or (length or 0) * MINUTE > outage.LONGEST_PATIENCE:
        longest = words.duration(outage.LONGEST_PATIENCE)
        raise Mistake(
            words.say("Say how long I shall wait, up to {longest}, or off.", longest=longest),
            example=SETTING.example,
        )
    patience = None if length is None else length * MINUTE
    await watching.set_for_chat(asked.services, asked.request, patience=patience)
    return _told(outage.PATIENCE if patience is None else patience, words)


async def choices(asked: Asked) -> tuple[Choice, ...]:
    now, words = _patience(asked), asked.words
    offered = [
        (words.duration(length * MINUTE), value, length) for value in _OFFERED if (length := minutes(value))
    ]
    if now and now not in {length * MINUTE for _, _, length in offered}:
        offered = sorted(
            [*offered, (words.duration(now), f"{now // MINUTE}m", now // MINUTE)], key=lambda one: one[2]
        )
    return (
        *(Choice(label=label, value=value, chosen=length * MINUTE == now) for label, value, length in offered),
        Choice(label=words.text("Never"), value="off", chosen=now == 0),
    )


SETTING = Setting(
    key="patience",
    label=N_("Patience"),
    about=N_("How long figures of a live session may be missing before this chat is told."),
    example="/settings patience 30m",
    shown=shown,
    change=change,
    choices=choices,
)
