"""Says once that Discord is lost, and once that it is back."""

from __future__ import annotations

import structlog

log = structlog.get_logger(__name__)


class Bulletin:
    """Tells the log of the connection.

    Args:
        host: Where Discord is.

    Attributes:
        state: What was told last: that there is a connection, or that there is none.
    """

    def __init__(self, host: str) -> None:
        self.state: bool | None = None
        self._host = host

    def begin(self) -> None:
        """Begin anew, after the connection was ended on purpose."""
        self.state = None

    def up(self, **facts: object) -> None:
        """Tell that there is a connection."""
        if not self.state:
            log.info("Discord is connected" if self.state is None else "Discord is connected again", **facts)
        self.state = True

    def lost(self, why: str, **facts: object) -> None:
        """Tell that what was connected is so no more."""
        log.warning("the connection to Discord is lost; connecting again", why=why, **facts)
        self.state = False

    def away(self, why: str) -> None:
        """Tell that no connection could be made, unless that is known."""
        if self.state is None:
            log.warning("Discord cannot be reached; trying again", host=self._host, why=why)
        self.state = False

    def reached(self) -> None:
        """Tell that Discord answers again, where nobody listens."""
        if self.state is False:
            log.info("Discord is back", host=self._host)
            self.state = None

    def refused(self, why: str) -> None:
        """Tell the operator what to mend."""
        self.state = False
        log.error("Discord refuses this bot; nothing is tried again before a restart", why=why)
