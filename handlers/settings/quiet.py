"""Quiet hours: from when to when, and what becomes of each kind of alert meanwhile."""

from __future__ import annotations

import re
from dataclasses import replace
from difflib import get_close_matches

from bot.domain.alerts import KINDS, card, correction, record
from bot.domain.quiet import Mode, Quiet, read
from bot.ports.message import Line
from bot.services import hushing
from bot.texts.digest import span
from bot.texts.words import N_, Words, bold, code
from handlers.command import Mistake
from handlers.kinds import TYPED, kind_of, names
from handlers.settings.setting import Asked, Choice, Setting

_HOURS = re.compile(
    r"(?:from\s+)?(\d{1,2})(?:[:.h](\d{2})?)?\s*(am|pm)?\s*(?:-|–|—|to|until|till)\s*(\d{1,2})(?:[:.h](\d{2})?)?\s*(am|pm)?",
    re.IGNORECASE,
)
_OFFERED = ("22:00-07:00", "23:00-07:00", "23:00-08:00", "00:00-06:00")
_OFF = {"off", "none", "never"}
_EVERYTHING = "all"
_ALL = {_EVERYTHING, "everything"}
_MODES = tuple(one.value for one in Mode)
#: What people put around what they type.
_QUOTES = dict.fromkeys(map(ord, '"“”„'))
#: What has a mode of its own: the kinds of alerts, and what follows from them.
_OWN = (*KINDS, card.KIND, correction.KIND)
_DOES = {
    Mode.HOLD: N_("{kinds}: held for the morning’s digest"),
    Mode.SILENT: N_("{kinds}: at once, without a sound"),
    Mode.DROP: N_("{kinds}: left out"),
    Mode.SEND: N_("{kinds}: as ever"),
}


def _kept(asked: Asked) -> Quiet | None:
    return read(asked.chat.quiet) if asked.chat is not None else None


def _told(quiet: Quiet | None, words: Words) -> Line:
    if quiet is None:
        return words.say("No quiet hours: alerts come at any time.")
    return words.say("Quiet: {hours}, {zone}.", hours=bold(span(quiet)), zone=words.timezone)


async def shown(asked: Asked) -> Line:
    return _told(_kept(asked), asked.words)


async def lines(asked: Asked) -> tuple[Line, ...]:
    """Say what becomes of each kind, and how to change that."""
    quiet, words = _kept(asked), asked.words
    if quiet is None:
        return ()
    made = []
    for mode, sentence in _DOES.items():
        own = [kind for kind in _OWN if kind in quiet.modes and quiet.modes[kind] is mode]
        if mode is quiet.usual:
            made.append(
                words.say(sentence, kinds=words.text("Everything else") if quiet.modes else words.text("All"))
            )
        if own and mode is not quiet.usual:
            made.append(words.say(sentence, kinds=words.list(names(own, words))))
    if asked.chat is None or asked.chat.timezone is None:
        made.append(
            words.say("This chat has no time zone yet: {example}", example=code("/settings timezone Karachi"))
        )
    made.append(
        words.say(
            "For one kind: {example} (hold, silent, drop or send)", example=code("/settings quiet record send")
        )
    )
    return tuple(made)


async def change(asked: Asked, typed: str) -> Line:
    words, wanted = asked.words, " ".join(typed.translate(_QUOTES).split()).lower()
    quiet = _kept(asked)
    if wanted in _OFF:
        changed = None
    elif (hours := _hours(wanted)) is not None:
        begins, ends, behind = hours
        if begins == ends:
            raise Mistake(
                words.say("These hours are a whole day: /mute silences a watch."), example=SETTING.example
            )
        changed = replace(quiet or Quiet(begins=begins, ends=ends), begins=begins, ends=ends)
        if behind:
            changed = _with_mode(f"{_EVERYTHING} {behind}" if behind in _MODES else behind, changed, words)
    else:
        changed = _with_mode(wanted, quiet, words)
    await hushing.set_quiet(asked.services, asked.request, changed)
    return _told(changed, words)


def _with_mode(wanted: str, quiet: Quiet | None, words: Words) -> Quiet:
    """Return quiet hours with another mode for a kind: ``record send``."""
    typed, _, mode = wanted.rpartition(" ")
    kind = typed if typed in _ALL else kind_of(typed) or typed
    known = words.list([*TYPED, card.KIND, correction.KIND])
    if mode not in _MODES or not typed:
        raise Mistake(
            words.say("Say the hours, such as 23:00-07:00, or off; or a kind and what becomes of it."),
            example=SETTING.example,
            more=(
                words.say("The kinds are: {kinds}.", kinds=known),
                words.say("What becomes of them: {modes}.", modes=words.either(_MODES)),
            ),
        )
    if kind not in {*_OWN, *_ALL}:
        near = get_close_matches(kind, _OWN, n=1)
        raise Mistake(
            words.say("There is no kind “{kind}”; there are: {kinds}.", kind=kind[:40], kinds=known),
            example=f"/settings quiet {near[0] if near else record.KIND} {mode}",
        )
    if quiet is None:
        raise Mistake(words.say("There are no quiet hours yet: say from when to when."), example=SETTING.example)
    if kind in _ALL:
        return replace(quiet, usual=Mode(mode), modes={})
    if kind == correction.KIND and mode == Mode.DROP:
        raise Mistake(
            words.say("A correction cannot be left out: what was told stays false."),
            example="/settings quiet correction hold",
        )
    return replace(quiet, modes={**quiet.modes, kind: Mode(mode)})


def _hours(text: str) -> tuple[int, int, str] | None:
    """Return when quiet hours begin and end, and what is typed behind them: ``23:00-07:00 silent``."""
    found = _HOURS.match(text)
    behind = text[len(found[0].rstrip()) :] if found is not None else ""
    if found is None or (behind and behind[0] not in " ,;:"):
        return None
    begins, ends = _minutes(*found.group(1, 2, 3)), _minutes(*found.group(4, 5, 6))
    return None if begins is None or ends is None else (begins, ends, behind.strip(" ,;:"))


def _minutes(hour: str, minute: str | None, half: str | None) -> int | None:
    """Return minutes after midnight; 24 is midnight."""
    hours, minutes = int(hour), int(minute or 0)
    if half is not None:
        if not 1 <= hours <= 12:
            return None
        hours = hours % 12 + (12 if half == "pm" else 0)
    if minutes > 59 or hours > 24 or (hours == 24 and minutes):
        return None
    return (hours * 60 + minutes) % (24 * 60)


async def choices(asked: Asked) -> tuple[Choice, ...]:
    quiet, words = _kept(asked), asked.words
    now = None if quiet is None else span(quiet)
    made = [Choice(label=words.text("Off"), value="off", chosen=quiet is None)]
    offered = _OFFERED if now is None or now in _OFFERED else (*_OFFERED, now)
    made += [Choice(label=hours, value=hours, chosen=hours == now) for hours in offered]
    if quiet is not None:
        if quiet.mode(record.KIND) is Mode.SEND:
            made.append(Choice(label=words.text("Hold records, too"), value="records hold"))
        else:
            made.append(Choice(label=words.text("Let records through"), value="records send"))
    return tuple(made)


SETTING = Setting(
    key="quiet",
    label=N_("Quiet hours"),
    about=N_("When this chat shall not be disturbed. What is held comes as one digest in the morning."),
    example="/settings quiet 23:00-07:00",
    shown=shown,
    change=change,
    choices=choices,
    lines=lines,
    other_names=("hours", "night"),
)
