"""What is told of a watch, from what was asked and what is kept in mind."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from bot.domain import DAY, HOUR, SECOND
from bot.domain.reading import Answer, Reading, State
from bot.domain.sentence import N_
from bot.ports.source import AccountGone, Ask, SourceError, Told
from bot.sources.youtube.addresses import ids_of
from bot.sources.youtube.answers import Found
from bot.sources.youtube.channels import GONE_EVERY
from bot.sources.youtube.looks import Looks
from bot.sources.youtube.rhythm import FLICKER
from bot.sources.youtube.turns import NotAsked
from bot.sources.youtube.videos import Refreshed, Videos

#: For so long the pipeline is told of an end as often as it asks, so that it can close the session.
CLOSING = HOUR
#: A watch of one video is given up at last after this, whatever the pipeline still expects of it.
GIVE_UP = DAY
#: What there was no time for is asked with the next tick.
SOON = SECOND


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """One reading of many watches, once everything was asked.

    Attributes:
        looks: The errors of looks, by channel.
    """

    channels: Looks
    videos: Videos
    looks: Mapping[str, SourceError]
    read: Refreshed
    now: int

    def of_channel(self, ask: Ask, channel: str) -> Told:
        """Tell all that is live or announced on a channel, and what the pipeline knows of and has ended."""
        known, now = ids_of(ask.known), self.now
        ids = list(dict.fromkeys([*known, *self.channels.of[channel].ids]))
        went_wrong = [self.read.errors[id_] for id_ in ids if id_ in self.read.errors]
        still = {id_ for id_ in known if id_ in self.read.errors}
        readings: list[Reading] = []
        closing = False
        for id_ in ids:
            seen = self.read.seen.get(id_)
            if seen is None or id_ in self.read.errors:
                continue
            reading = seen.video.reading
            if seen.found in {Found.LIVE, Found.SCHEDULED}:
                if id_ in self.read.asked and reading is not None:
                    readings.append(reading)
                else:
                    still.add(id_)
            elif id_ in known:
                closing = closing or now - seen.since < CLOSING
                if id_ in self.read.asked and reading is not None:
                    readings.append(reading)
        live = any(one.state is State.LIVE for one in readings)
        look = self.looks.get(channel)
        if closing and isinstance(look, AccountGone):
            look = None  # first its session has to end
        wrong = [one for one in (look, *went_wrong) if one is not None]
        error = min(wrong, key=lambda one: isinstance(one, NotAsked), default=None)  # rather what was answered
        if error is not None and not live:
            return failed(error, now)
        told = Told(answers=(Answer(at=now, readings=tuple(readings), still=frozenset(still)),))
        if live or closing:
            return told
        again_at = self._again_at(channel, ids)
        looked = self.channels.of[channel].at == now
        if not looked and self.read.asked.isdisjoint(ids):
            return Told(answers=(), again_at=again_at)  # nothing was asked, so there is nothing to tell
        return replace(told, again_at=again_at)

    def _again_at(self, channel: str, ids: Collection[str]) -> int | None:
        """Return when a channel is worth asking about, None for the next interval."""
        moments = [self.channels.next_at(channel, ids, self.now)]
        moments += [self.videos.due(id_, ids, self.now) for id_ in ids]
        return min(moments) if min(moments) > self.now else None

    def of_video(self, ask: Ask, id_: str) -> Told:
        """Tell of the one video that is watched.

        It is over once the pipeline has closed its session: what is over is never asked again, so that an end
        told of only once would never outlast its grace.
        """
        now = self.now
        if id_ in self.read.errors:
            return failed(self.read.errors[id_], now)
        seen, is_known = self.read.seen[id_], id_ in ask.known
        reading = seen.video.reading
        if seen.found in {Found.LIVE, Found.SCHEDULED} and reading is not None:
            if id_ not in self.read.asked:
                return Told(answers=(), again_at=self.videos.due(id_, ask.known, now))
            again_at = self.videos.due(id_, [id_], now)
            told = Told(answers=(Answer(at=now, readings=(reading,)),))
            return replace(told, again_at=again_at) if again_at > now else told
        lasted = now - seen.since
        if seen.found is Found.GONE and (not is_known or lasted >= GIVE_UP):
            gone = AccountGone(N_("YouTube shows the video {id} no more: it was deleted or made private."), id=id_)
            return Told(answers=(gone.failure(now),), over=lasted >= FLICKER)
        readings = (reading,) if id_ in self.read.asked and reading is not None else ()
        over = seen.video.sure or lasted >= FLICKER
        return Told(
            answers=(Answer(at=now, readings=readings),),
            over=over and (not is_known or lasted >= GIVE_UP),
        )


def failed(error: SourceError, now: int) -> Told:
    """Tell an error of one watch; what waits for a moment, or is gone, is not asked again before."""
    if isinstance(error, NotAsked):
        return Told(answers=(), again_at=now + SOON)
    wait = GONE_EVERY if isinstance(error, AccountGone) else error.retry_after
    return Told(answers=(error.failure(now),), again_at=None if wait is None else now + wait)
