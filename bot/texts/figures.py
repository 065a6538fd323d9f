"""The figures of a session side by side, each with its measure and unit."""

from __future__ import annotations

from bot.domain.measure import Measure
from bot.domain.statistics import Tally
from bot.ports.message import Field, Line
from bot.texts.units import counted, measure_name, value_text
from bot.texts.words import Words, bold


def figures(
    tally: Tally, unit: str, words: Words, *, unrivalled: frozenset[Measure] = frozenset(), live: bool = False
) -> tuple[Field, ...]:
    """Return what is known of a session; what is not known is left out, never shown as zero.

    Where it is ``live``, its unit and length are said already.

    Figures of the whole session stand by themselves: where nothing like them is known, that is said.
    """
    fields = []
    if tally.peak is not None and tally.peak_at is not None:
        at = words.time(tally.peak_at)
        if live:
            peak = words.say("{figure} at {time}", figure=bold(words.exact(tally.peak)), time=at)
        else:
            shown = bold(words.text("{figure}", figure=counted(words, tally.peak, unit)))
            peak = words.say("{figure} at once, at {time}", figure=shown, time=at)
        fields.append(Field(words.text("Peak"), peak))
    if tally.average is not None:
        average = bold(value_text(words, Measure.AVERAGE, tally.average))
        fields.append(Field(words.text("Average"), words.say("{value} at once", value=average)))
    for measure, figure in (
        (Measure.TUNED_IN, tally.tuned_in),
        (Measure.VIEWS, tally.views),
        (Measure.POSTS, tally.posts),
    ):
        if figure is not None:
            fields.append(
                Field(words.text("In all"), _in_all(words, measure, figure, alone=measure in unrivalled))
            )
    if tally.source_peak is not None:
        fields.append(
            Field(
                words.text("Peak by the source’s own count"),
                words.say("{value}", value=words.exact(tally.source_peak)),
            )
        )
    if tally.airtime and not live:
        fields.append(Field(words.text("Airtime"), words.say("{value}", value=words.duration(tally.airtime))))
    return tuple(fields)


def _in_all(words: Words, measure: Measure, figure: float, *, alone: bool) -> Line:
    value = bold(value_text(words, measure, figure))
    if measure is Measure.TUNED_IN and alone:
        return words.say("{n} tuned in over the whole session, with no rival on the books", n=value)
    if measure is Measure.TUNED_IN:
        return words.say("{n} tuned in over the whole session", n=value)
    return words.say("{n} {measure}", n=value, measure=measure_name(words, measure))
