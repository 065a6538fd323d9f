"""What YouTube said of videos: asked for in the fewest calls, and kept in mind."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from bot.domain.sentence import N_
from bot.ports.source import Garbage, SourceError
from bot.sources.web import once_each
from bot.sources.youtube.answers import Found
from bot.sources.youtube.api import MOST_IDS, Api
from bot.sources.youtube.rhythm import Seen, due
from bot.sources.youtube.turns import Turns

#: Videos that are kept in mind, beside those that channels' looks name.
MOST_KEPT = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Refreshed:
    """What is known of videos after a reading.

    Attributes:
        seen: Of each, unless it went wrong.
        errors: What went wrong, by video: the same error for all of a call.
        asked: Those that were asked about.
    """

    seen: Mapping[str, Seen]
    errors: Mapping[str, SourceError]
    asked: frozenset[str]


class Videos:
    """All videos that were asked about lately."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self.seen: dict[str, Seen] = {}

    async def ask(self, ids: Sequence[str], now: int) -> dict[str, Seen]:
        """Ask about up to 50 videos, and keep in mind what was said of them."""
        asked: dict[str, Seen] = {}
        for id_, video in (await self._api.videos(ids, now)).items():
            before = self.seen.pop(id_, None)  # to the end: what was asked long ago is forgotten first
            same = before is not None and before.found is video.found
            self.seen[id_] = asked[id_] = Seen(
                video,
                asked_at=now,
                since=before.since if before is not None and same else now,
                was_live=video.found is Found.LIVE or (before is not None and before.was_live),
            )
        return asked

    async def refresh(
        self, ids: Iterable[str], announced: Collection[str], now: int, *, turns: Turns
    ) -> Refreshed:
        """Ask about those videos whose time it is, in the fewest calls.

        Args:
            ids: Each once.
            announced: What the pipeline knows of; anything else that is announced is due at once.
        """
        seen, wanted = {}, []
        for id_ in ids:
            kept = self.seen.get(id_)
            if kept is None or self.due(id_, announced, now) <= now:
                wanted.append(id_)
            else:
                seen[id_] = kept
        calls = [tuple(wanted[start : start + MOST_IDS]) for start in range(0, len(wanted), MOST_IDS)]
        errors: dict[str, SourceError] = {}
        answers = await once_each(calls, lambda call: turns.take(lambda: self.ask(call, now)))
        for call, answered in answers.items():
            if isinstance(answered, SourceError):
                errors |= dict.fromkeys(call, answered)
                continue
            seen |= answered
            damage = Garbage(N_("YouTube's answer is damaged where this video should be."))
            errors |= {id_: damage for id_ in call if id_ not in answered}
        return Refreshed(seen=seen, errors=errors, asked=frozenset(wanted))

    def due(self, id_: str, announced: Collection[str], now: int) -> int:
        """Return when a video is worth asking about."""
        return due(self.seen.get(id_), now, announced=id_ in announced)

    def forget(self, *, listed: int) -> None:
        """Let go of what was asked about longest ago.

        Args:
            listed: How many videos looks name. Most of them are of no interest, and forgotten they would be new.
        """
        while len(self.seen) > MOST_KEPT + listed:
            del self.seen[next(iter(self.seen))]
