"""What is counted, with its number: each platform has one word for it, always said."""

from __future__ import annotations

from bot.domain.measure import Measure
from bot.ports.message import Line
from bot.texts.words import N_, Words

#: Singular and plural of the units that sources name.
_UNITS = {
    "participants": N_("{n} participant", "{n} participants"),
    "listeners": N_("{n} listener", "{n} listeners"),
    "connections": N_("{n} connection", "{n} connections"),
    "viewers": N_("{n} viewer", "{n} viewers"),
    "posts": N_("{n} post", "{n} posts"),
    # A bare number of whatever it is: what it counts, the watch's name says.
    "count": N_("{n}", "{n}"),
    "people": N_("{n} person", "{n} people"),
}
#: The same without a number.
_NAMES = {
    "participants": N_("participants"),
    "listeners": N_("listeners"),
    "connections": N_("connections"),
    "viewers": N_("viewers"),
    "posts": N_("posts"),
    # Translators: what a bare number counts, whatever it is: "count at once"
    "count": N_("count"),
    "people": N_("people"),
}
#: Of a session's whole length, whatever the unit at once.
_IN_ALL = {
    Measure.TUNED_IN: N_("{n} tuned in", "{n} tuned in"),
    Measure.VIEWS: N_("{n} view", "{n} views"),
    Measure.POSTS: N_("{n} post", "{n} posts"),
}

_MEASURES = {
    Measure.PEAK: N_("peak at once"),
    Measure.AVERAGE: N_("average at once"),
    Measure.TUNED_IN: N_("tuned in"),
    Measure.VIEWS: N_("views"),
    Measure.POSTS: N_("posts"),
    Measure.AIRTIME: N_("airtime"),
}

#: Platforms as they write themselves.
PLATFORMS = {"x": "X", "youtube": "YouTube", "twitch": "Twitch", "kick": "Kick", "icecast": "Icecast"}
#: What else figures come from; a stage is one of Discord's.
_OTHERS = {
    "azuracast": "AzuraCast",
    "json": "JSON",
    "owncast": "Owncast",
    "prometheus": "Prometheus",
    "stage": "Discord",
}


def counted(words: Words, n: float, unit: str, measure: Measure | None = None) -> Line:
    """Return a figure with what it counts: "446,000 tuned in", "1 listener"."""
    pair = _IN_ALL.get(measure) if measure is not None else None
    pair = pair or _UNITS.get(unit)
    if pair is None:
        return words.say("{n} {unit}", n=words.number(n), unit=unit)
    return words.plural(*pair, n)


def unit_name(words: Words, unit: str) -> str:
    """Return what is counted, without a number; a unit that a replay file made up stays as it is."""
    return words.text(_NAMES[unit]) if unit in _NAMES else unit


def measure_name(words: Words, measure: Measure) -> str:
    """Return what a measure is called."""
    return words.text(_MEASURES[measure])


def value_text(words: Words, measure: Measure, value: float) -> str:
    """Return the bare value of a measure; records are written in full."""
    if measure is Measure.AIRTIME:
        return words.duration(value * 1000)
    if measure is Measure.AVERAGE:
        return words.exact(round(value) if value >= 100 else value)
    return words.exact(value)


def platform_name(platform: str) -> str:
    """Return a platform's name as it writes itself."""
    return (PLATFORMS | _OTHERS).get(platform, platform)
