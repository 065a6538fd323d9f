"""The source ``youtube:``: what a watch would be, and what is read."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence

from bot.domain import DAY, MINUTE, SECOND
from bot.domain.reading import Answer
from bot.domain.sentence import N_, Sentence
from bot.ports.purse import Purse
from bot.ports.source import Ask, BadAddress, Cost, Description, Garbage, RateLimited, SourceError, Told
from bot.sources.kit import Kit
from bot.sources.youtube.addresses import HOW_TO, Target, ids_of, page_of, parse, parsed
from bot.sources.youtube.answers import NEWEST, Channel, Found, Video
from bot.sources.youtube.api import MOST_IDS, Api, KeyRefused, Missing, units_of
from bot.sources.youtube.channels import Channels
from bot.sources.youtube.looks import LOOK_ASIDE_EVERY, LOOK_EVERY, Looks
from bot.sources.youtube.telling import Telling, failed
from bot.sources.youtube.turns import LOOKS_WITHIN, VIDEOS_WITHIN, Turns
from bot.sources.youtube.videos import Videos

NOTE = N_("YouTube does not tell a hidden number of viewers from nobody watching: both are unknown here.")
NOTE_CHANNEL = Sentence(
    N_("A broadcast is found within some {minutes} minutes of its start. {note}"),
    minutes=LOOK_EVERY // MINUTE,
    note=Sentence(NOTE),
)


class YouTube:
    """The source ``youtube:``."""

    platform = "youtube"
    public = True
    #: A hundred calls and more: of each reading's calls one is not full, and a channel may bring several videos.
    batch = 5_000
    ids_a_call = MOST_IDS
    calls_a_quarter: int | None = None
    spares = True
    for_operators = False
    example = "youtube:@NASA"
    purse: Purse | None

    def __init__(self, kit: Kit, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._kit = kit
        self._clock = clock
        self._api = Api(kit)
        self.purse = self._purse = self._api.purse
        self._videos = Videos(self._api)
        self._channels = Channels(self._api, kit.memory)
        self._looks = Looks(self._api, self._channels, self._videos)

    def recognises(self, url: str) -> str | None:
        """Recognise every page of YouTube; which of them can be watched, ``describe`` says."""
        return url.strip() if page_of(url) else None

    def named(self, text: str) -> str | None:
        """Take a word for a handle, or for the id of a channel or video."""
        target = parsed(text) if self._kit.settings.get("YOUTUBE_API_KEY") else None
        if not isinstance(target, Target):
            return None
        return f"@{target.value}" if target.kind == "handle" else target.value

    def kind(self, reference: str) -> str:
        """Let all watches share calls: a channel's broadcasts are asked about like single ones."""
        return ""

    async def describe(self, reference: str, now: int) -> Description:
        """Ask YouTube for the channel or the video.

        Raises:
            SourceError: Among others for a broadcast that is over.
        """
        target = parse(reference)
        self._api.needs()
        if target.kind == "video":
            seen = (await self._videos.ask([target.value], now)).get(target.value)
            if seen is None:
                raise Garbage(N_("YouTube's answer is damaged where this video should be."))
            if seen.found is not Found.GONE:
                return self._described_video(target.value, seen.video)
            if not target.bare:
                raise BadAddress(
                    N_(
                        "YouTube has no video {video} for everybody to see: deleted, private or mistyped. To "
                        "watch all that a channel sends, write youtube:@ and its handle."
                    ),
                    video=target.value,
                )
            target = Target("handle", target.value.lower())
        return await self._described_channel(target, now)

    async def read(self, asks: Sequence[Ask], now: int) -> list[Told]:
        """Look at the channels that are due, then ask about all videos of all watches together."""
        self._api.needs()
        begun = self._clock()
        looking, asking = (Turns(self._clock, begun + within) for within in (LOOKS_WITHIN, VIDEOS_WITHIN))
        targets = [parsed(ask.reference) for ask in asks]
        channels = await self._channels.find(
            [one for one in targets if isinstance(one, Target)], now, turns=looking
        )
        found = [channels.get(one, one) if isinstance(one, Target) else one for one in targets]
        known: dict[str, list[str]] = {}
        for ask, one in zip(asks, found, strict=True):
            if isinstance(one, Channel):
                known.setdefault(one.id, []).extend(ids_of(ask.known))
        by_id = {one.id: one for one in found if isinstance(one, Channel)}
        looks = await self._looks.where_due(by_id, known, now, turns=looking)
        wanted = [one.value for one in found if isinstance(one, Target)]
        for channel, ids in known.items():
            wanted += [*ids, *self._looks.of[channel].ids]
        announced = frozenset(id_ for ask in asks for id_ in ask.known)
        read = await self._videos.refresh(dict.fromkeys(wanted), announced, now, turns=asking)

        self._looks.count_waiting(now)
        telling = Telling(channels=self._looks, videos=self._videos, looks=looks, read=read, now=now)
        told = []
        for ask, one in zip(asks, found, strict=True):
            match one:
                case Channel():
                    told.append(telling.of_channel(ask, one.id))
                case Target():
                    told.append(telling.of_video(ask, one.value))
                case _:
                    told.append(failed(one, now))
        self._looks.forget(now)
        self._videos.forget(listed=NEWEST * len(self._looks.of))
        if not any(isinstance(answer, Answer) for one in told for answer in one.answers):
            for error in (*read.errors.values(), *looks.values(), *found):
                # Nothing came of it, and nothing would have come of any other question.
                if isinstance(error, RateLimited | KeyRefused):
                    raise error
        return told

    async def check(self) -> str | None:
        """Try the key on a channel that is there, Google's own, for one unit."""
        units = self._kit.settings.get("YOUTUBE_DAILY_UNITS")
        if units and units_of(units) is None:
            return "YOUTUBE_DAILY_UNITS is no number; write for example YOUTUBE_DAILY_UNITS=10000"
        if not self._kit.settings.get("YOUTUBE_API_KEY"):
            return None
        try:
            await self._api.get("channels", time.time_ns() // 1_000_000, part="id", id="UC_x5XG1OV2P6uZZ5FSM9Ttw")
        except SourceError as error:
            return str(error)
        return None

    async def close(self) -> None:
        """Hold nothing open: the client is shared."""

    def _described_video(self, id_: str, video: Video) -> Description:
        reading = video.reading
        if video.found not in {Found.LIVE, Found.SCHEDULED} or reading is None:
            rather = (
                Sentence(N_("watch its channel: {address}"), address=f"youtube:{video.channel}")
                if video.channel
                else Sentence(HOW_TO)
            )
            if video.found is Found.ENDED:
                raise BadAddress(N_("This broadcast is over. To hear of the next one, {rather}"), rather=rather)
            raise BadAddress(N_("This video is no broadcast. To hear of the next one, {rather}"), rather=rather)
        return Description(
            reference=id_,
            name=reading.title or id_,
            unit="viewers",
            live_now=video.found is Found.LIVE,
            next_at=_next_at([video]),
            sessions=(id_,),
            url=reading.url,
            note=NOTE,
            cost=self._cost(looks=0),
        )

    async def _described_channel(self, target: Target, now: int) -> Description:
        channel = await self._api.channel(target, now)
        if channel is None:
            shown = f"@{target.value}" if target.kind == "handle" else target.value
            raise BadAddress(
                N_("YouTube knows no channel {shown}: mistyped, renamed or deleted. Open it and {how_to}"),
                shown=shown,
                how_to=Sentence(HOW_TO),
            )
        reference = await self._channels.settle(channel, target)
        try:
            ids = await self._api.uploads(channel.uploads, now)
        except Missing:  # nothing was ever uploaded
            ids = ()
        videos = await self._videos.ask(ids, now) if ids else {}
        return Description(
            reference=reference,
            name=channel.title or reference,
            unit="viewers",
            live_now=any(one.found is Found.LIVE for one in videos.values()),
            next_at=_next_at(one.video for one in videos.values()),
            sessions=tuple(video for video, one in videos.items() if one.found in {Found.LIVE, Found.SCHEDULED}),
            url=f"https://www.youtube.com/{reference if reference.startswith('@') else f'channel/{channel.id}'}",
            note=NOTE_CHANNEL,
            cost=self._cost(looks=DAY // LOOK_ASIDE_EVERY),
        )

    def _cost(self, *, looks: int) -> Cost:
        """Say what a watch costs that is live all day, and shares its calls with no other."""
        try:
            interval = float(self._kit.settings.get("POLL_INTERVAL_SECONDS", "60")) * SECOND
        except ValueError:
            interval = MINUTE
        return Cost(amount=round(DAY / max(interval, SECOND)) + looks, unit="units", limit=self._purse.limit)


def _next_at(videos: Iterable[Video]) -> int | None:
    announced = [one.reading for one in videos if one.found is Found.SCHEDULED]
    return min((one.started_at for one in announced if one and one.started_at is not None), default=None)
