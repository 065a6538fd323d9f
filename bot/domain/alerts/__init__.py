"""The kinds of alerts. To add one: a file here, its words in ``bot/texts/alerts/``, a line in each registry.

An alert is a fact of a session. Which rung, which scope, whether at all is decided for each chat when its
delivery is made.
"""

from __future__ import annotations

from bot.domain.alerts import card, close, correction, ended, milestone, outage, record, reminder, started

#: In the order in which a reading's alerts are told; then those that the clock tells.
KINDS = (ended.KIND, started.KIND, record.KIND, close.KIND, milestone.KIND, outage.KIND, reminder.KIND)

#: Kinds that a chat takes only if it says so.
ASKED_FOR = frozenset({close.KIND, reminder.KIND})
#: Those that come unless it says otherwise.
USUAL = tuple(kind for kind in KINDS if kind not in ASKED_FOR)
#: Kinds that call nobody, whomever a chat has called: nothing happened that is worth getting up for.
CALLS_NOBODY = frozenset({outage.KIND, card.KIND, correction.KIND})

#: What mends a post comes even where alerts were muted, or given up, since.
MENDS = frozenset({correction.KIND})
#: What a chat that wants one card a session is not told beside it.
ON_CARDS = frozenset({ended.KIND, started.KIND, record.KIND, milestone.KIND})
#: How long each kind is worth telling, in milliseconds.
WORTH = {
    ended.KIND: ended.WORTH,
    started.KIND: started.WORTH,
    record.KIND: record.WORTH,
    milestone.KIND: milestone.WORTH,
    outage.KIND: outage.WORTH,
    reminder.KIND: reminder.WORTH,
    card.KIND: card.WORTH,
    close.KIND: close.WORTH,
    correction.KIND: correction.WORTH,
}
