"""A source whose answers are written down beforehand."""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Sequence

from bot.domain.reading import Answer, Failure, Reading, State
from bot.ports.purse import Purse
from bot.ports.source import Ask, Description, SourceError, Told


class FakeSource:
    """Fills ``bot.ports.source.Source``.

    Attributes:
        asked: The asks of each call of ``read``.
        gate: Where it is set, a call waits for it: a source that hangs.
    """

    public = True
    for_operators = False

    def __init__(self, platform: str = "fake", *, batch: int = 100) -> None:
        self.platform = platform
        self.example = f"{platform}:thing"
        self.purse: Purse | None = None
        self.batch = batch
        self.asked: list[list[Ask]] = []
        self.gate: asyncio.Event | None = None
        self._scripts: dict[str, deque[Told | Exception]] = defaultdict(deque)

    def says(self, reference: str, *what: Told | Exception) -> None:
        """Tell this, one a call. An error concerns all that is asked in the same call."""
        self._scripts[reference].extend(what)

    def recognises(self, url: str) -> str | None:
        return None

    async def describe(self, reference: str, now: int) -> Description:
        return Description(reference=reference, name=reference, unit="viewers")

    async def read(self, asks: Sequence[Ask], now: int) -> list[Told]:
        self.asked.append(list(asks))
        if self.gate is not None:
            await self.gate.wait()
        told = []
        for ask in asks:
            script = self._scripts[ask.reference]
            what = script.popleft() if script else Told(answers=())
            if isinstance(what, Exception):
                raise what
            told.append(what)
        return told

    async def check(self) -> str | None:
        return None

    async def close(self) -> None:
        """Hold nothing open."""


class GatheringSource(FakeSource):
    """Fills ``bot.ports.source.Gathers``, too; references that begin with ``#`` cannot share calls with others."""

    def __init__(self, platform: str = "fake", *, batch: int = 100, ids_a_call: int = 100) -> None:
        super().__init__(platform, batch=batch)
        self.ids_a_call = ids_a_call
        self.calls_a_quarter: int | None = None
        self.spares = True

    def kind(self, reference: str) -> str:
        return "#" if reference.startswith("#") else ""


def live(at: int, figure: float | None = None, *, key: str = "a", tuned_in: float | None = None) -> Answer:
    """An answer that names one live session."""
    return Answer(at=at, readings=(Reading(session=key, concurrent=figure, tuned_in=tuned_in),))


def over(at: int, *, key: str = "a") -> Answer:
    """An answer that says that a session ended."""
    return Answer(at=at, readings=(Reading(session=key, state=State.ENDED),))


def told(*answers: Answer | Failure | SourceError, at: int = 0, again_at: int | None = None) -> Told:
    """What a source tells of one watch; errors become failures at ``at``."""
    return Told(
        answers=[one.failure(at) if isinstance(one, SourceError) else one for one in answers], again_at=again_at
    )
