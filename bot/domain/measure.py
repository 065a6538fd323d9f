"""What is compared over a session. Unlike measures are never compared."""

from __future__ import annotations

from enum import StrEnum

from bot.domain import SECOND
from bot.domain.reading import Metric
from bot.domain.statistics import Tally


class Measure(StrEnum):
    """A figure of a whole session."""

    PEAK = "peak"
    AVERAGE = "average"
    TUNED_IN = "tuned_in"
    VIEWS = "views"
    POSTS = "posts"
    AIRTIME = "airtime"


#: The measure that a metric's high-water mark belongs to.
MARK_OF = {
    Metric.CONCURRENT: Measure.PEAK,
    Metric.TUNED_IN: Measure.TUNED_IN,
    Metric.VIEWS: Measure.VIEWS,
    Metric.POSTS: Measure.POSTS,
}

#: Measures that records are kept of, in the order in which they are told. Views are left out: platforms
#: go on counting them for years.
RECORDED = (Measure.PEAK, Measure.TUNED_IN, Measure.POSTS, Measure.AVERAGE, Measure.AIRTIME)
#: Those whose records fall while the session is on the air; the others are known at its end.
LIVE_RECORDED = (Measure.PEAK, Measure.TUNED_IN, Measure.POSTS)


def measured(tally: Tally, measure: Measure) -> float | None:
    """Return a measure of a session; airtime in seconds."""
    match measure:
        case Measure.PEAK:
            return tally.peak
        case Measure.AVERAGE:
            return tally.average
        case Measure.TUNED_IN:
            return tally.tuned_in
        case Measure.VIEWS:
            return tally.views
        case Measure.POSTS:
            return tally.posts
        case Measure.AIRTIME:
            return tally.airtime / SECOND
