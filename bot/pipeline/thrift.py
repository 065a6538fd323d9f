"""Asking less often before a budget runs dry, and never stopping dead.

What a platform costs is measured while it is asked, not foretold: how much went in the last hour, and so what
the rest of the day would cost at the full rhythm. If that is more than is left, all intervals are stretched. A
burst of new watches, looked up once, is not taken for the rhythm of the day.
"""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain import HOUR, MINUTE
from bot.ports.purse import Purse

#: How long is measured before the stretch is set anew.
MEASURED = 5 * MINUTE
#: How far back the rate is remembered: what was measured counts by its part of this.
REMEMBERED = HOUR
#: More than so many times is not waited: a reading now and then is better than none.
MOST = 60.0
#: While less than this part is spent, nothing is stretched: a look-up or two is no rhythm.
CAREFREE = 0.1
#: Kept back for what is asked beside the rhythm: new watches, names looked up.
RESERVE = 0.05


@dataclass(slots=True)
class Thrift:
    """One purse's rhythm.

    Attributes:
        stretch: By how much intervals are longer than usual now; 1 where the purse suffices.
    """

    purse: Purse
    stretch: float = 1.0
    _since: int | None = None
    _spent: float = 0.0
    #: What the full rhythm spends in a millisecond.
    _rate: float = 0.0

    def look(self, now: int) -> float:
        """Return the stretch, set anew if enough was measured since it was set last."""
        limit = self.purse.limit
        if limit is None:
            return 1.0
        spent = self.purse.spent(now).amount
        if self._since is None or spent < self._spent or now < self._since:  # the first look, or a new day
            self._since, self._spent, self.stretch, self._rate = now, spent, 1.0, 0.0
        elif now - self._since >= MEASURED:
            share = min(1.0, (now - self._since) / REMEMBERED)
            measured = (spent - self._spent) / (now - self._since) * self.stretch
            self._rate += share * (measured - self._rate)
            left = max(limit * (1 - RESERVE) - spent, 0.0)
            need = self._rate * (self.purse.resets_at(now) - now)
            if spent < CAREFREE * limit or not need:
                self.stretch = 1.0
            else:
                self.stretch = MOST if not left else min(max(need / left, 1.0), MOST)
            self._since, self._spent = now, spent
        return self.stretch
