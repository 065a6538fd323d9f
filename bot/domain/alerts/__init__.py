"""The kinds of alerts. To add one: a file here, its words in ``bot/texts/alerts/``, a line in each registry.

An alert is a fact of a session. Which rung, which scope, whether at all is decided for each chat when its
delivery is made.
"""

from __future__ import annotations

from bot.domain.alerts import ended, milestone, record, started

#: In the order in which a reading's alerts are told.
KINDS = (ended.KIND, started.KIND, record.KIND, milestone.KIND)

#: How long each kind is worth telling, in milliseconds.
WORTH = {
    ended.KIND: ended.WORTH,
    started.KIND: started.WORTH,
    record.KIND: record.WORTH,
    milestone.KIND: milestone.WORTH,
}
