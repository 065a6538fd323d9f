"""What Milepost knows about audiences, and nothing else: no I/O, no clock, no await.

Moments are whole milliseconds since 1970 in UTC (``at``), lengths of time are milliseconds too
(``grace``, ``interval``), unless a name says otherwise. A figure is an ``int`` or ``float`` of zero or
more; an unknown one is ``None``, never 0.
"""

from __future__ import annotations

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

#: Above this a float no longer counts in ones: whoever sends more is mistaken.
LARGEST_FIGURE = 2**53
