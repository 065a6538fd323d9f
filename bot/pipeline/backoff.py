"""How long to leave alone what failed.

Full jitter: anything between nothing and a bound that doubles with each failure in a row, so that those who fail
together do not come back together (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/).
"""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain import MINUTE, SECOND

#: The bound after the first failure, and the greatest one.
FIRST = 5 * SECOND
LONGEST = 15 * MINUTE
#: After failures at so many moments in a row a platform counts as down: one call at a time finds out if it is.
TRIES = 3
#: While that one is under way, the others wait in steps of this length.
STEP = 5 * SECOND
#: How often a platform that refuses the bot's key is tried.
REFUSED = 15 * MINUTE


def wait(failures: int, draw: float) -> int:
    """Return how long to wait after so many failures in a row, in milliseconds.

    Args:
        draw: A random number from 0 to 1.
    """
    bound = min(LONGEST, FIRST << min(failures - 1, 20))
    return max(SECOND, round(draw * bound))


@dataclass(slots=True)
class Breaker:
    """Keeps a platform that is down, or wants to be left alone, from being asked in vain.

    Attributes:
        failures: At how many moments in a row calls came to nothing.
        until: Before this moment nothing is asked.
    """

    failures: int = 0
    until: int = 0
    _sent_at: int | None = None
    _again_at: int = 0
    _probing: bool = False

    def lets(self, now: int) -> bool:
        """Tell whether a call may go out now."""
        return now >= self.until and not self._probing

    @property
    def one_only(self) -> bool:
        """Whether only one call may go out, to find out: the platform was down."""
        return self.failures >= TRIES

    def called(self) -> None:
        """Note that a call goes out."""
        self._probing = self.one_only

    def again_at(self, now: int) -> int:
        """Return when to come back, for one whom it does not let."""
        return max(self.until, now + STEP)

    def failed(self, now: int, draw: float, *, sent_at: int) -> int:
        """Note a call that came to nothing; returns when its watches are worth asking again.

        Calls that went out at the same moment come back together and count as one, whenever each of them failed.

        Args:
            sent_at: When it went out.
        """
        self._probing = False
        if sent_at != self._sent_at:
            self.failures += 1
            self._sent_at, self._again_at = sent_at, now + wait(self.failures, draw)
            if self.failures >= TRIES:
                self.until = max(self.until, self._again_at)
        return self._again_at

    def broke_off(self) -> None:
        """Note a call of which nothing is known: whoever asks next finds out."""
        self._probing = False

    def rest(self, until: int) -> None:
        """Note that the platform wants to be left alone until a moment."""
        self._probing = False
        self.until = max(self.until, until)

    def well(self) -> None:
        """Note a call that was answered."""
        self.failures, self.until, self._sent_at, self._probing = 0, 0, None, False

    def rearm(self, now: int) -> None:
        """Wait no longer than the longest wait, after the clock was set back."""
        self.until = min(self.until, now + LONGEST)
