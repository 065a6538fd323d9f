"""One chat may not use up everybody's budget: how many questions it may ask."""

from __future__ import annotations

from collections import OrderedDict

from bot.domain import SECOND

#: So many at once, and then one a second: more than any conversation, less than a program.
BURST = 120
REFILL = SECOND
#: Chats remembered; who asked longest ago is forgotten first.
MOST = 10_000


class Fair:
    """Counts the questions of each chat."""

    def __init__(self) -> None:
        #: For each chat, when all its questions are forgiven.
        self._until: OrderedDict[tuple[str, str], int] = OrderedDict()

    def wait(self, chat: tuple[str, str], now: int) -> int:
        """Return 0 and count a question if the chat may ask one now, else how many milliseconds it must wait."""
        until = max(self._until.get(chat, now), now)
        late = until - now - (BURST - 1) * REFILL
        if late > 0:
            return late
        self._until[chat] = until + REFILL
        self._until.move_to_end(chat)
        while len(self._until) > MOST:
            self._until.popitem(last=False)
        return 0
