"""What a process does while it runs: its stages tick, each as often as it needs, within what it holds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any

from bot.parts import Parts
from bot.pipeline.leases import UPKEEP, Alone, Held, Leases, asking, listening
from bot.pipeline.prune import Prune
from bot.pipeline.prune import rules as retention_rules
from bot.pipeline.schedule import Schedule, Tick
from bot.pipeline.tenure import Tenure
from bot.ports.meter import Meter
from bot.ports.rooms import Bound
from bot.ports.source import Gathers, Source
from bot.roles import Role
from bot.settings import Settings
from storage import words
from storage.database import is_away

#: How often each stage looks for work, in seconds.
POLL_EVERY = 1.0
DELIVER_EVERY = 2.0
PRUNE_EVERY = 60.0
REMIND_EVERY = 5.0
OUTAGE_EVERY = 10.0
CARDS_EVERY = 5.0
RECAPS_EVERY = 60.0
MORNING_EVERY = 10.0


def asks_of(sources: Mapping[str, Source], roles: frozenset[Role], held: Held) -> Callable[[str], bool]:
    """Return what tells of a source whether it is this process's to ask now.

    Sources whose calls are counted or shared by many watches are asked by one process at a time: batches stay
    whole, and limits hold. What only a connected chat knows is asked by the process that is connected.
    """
    counted = {name for name, one in sources.items() if one.purse is not None or isinstance(one, Gathers)}
    if Role.POLL in roles:
        held.want(UPKEEP, *map(asking, counted))

    def asks(name: str) -> bool:
        source = sources[name]
        if isinstance(source, Bound):
            return Role.CHAT in roles and held.held(listening(source.of_chat))
        return Role.POLL in roles and (name not in counted or held.held(asking(name)))

    return asks


@asynccontextmanager
async def at_work(
    parts: Parts,
    settings: Settings,
    *,
    roles: frozenset[Role],
    leases: Leases | None,
    clock: Callable[[], int],
    meter: Meter,
) -> AsyncIterator[None]:
    """Let all stages of these roles tick while the block runs."""
    held: Held = leases or Alone()
    parts.sends.clear()  # until what a former process had leased is taken back
    schedule = Schedule(clock, meter=meter)
    kept = retention_rules(
        days=settings.retention_days,
        youtube_days=settings.youtube_retention_days,
        youtube_figures_days=settings.youtube_figures_days,
        x_days=settings.x_retention_days,
    )
    prune = Prune(parts.database, kept, on_deleted=parts.ingest.recall)
    wake = asyncio.Event() if leases is not None else parts.ingest.owed
    tenure = Tenure(
        list(parts.chats.values()),
        held,
        listener=parts.dispatcher if Role.CHAT in roles else None,
        sends=parts.sends if Role.DELIVER in roles else None,
        take_back=parts.deliver.begin,
        wake=wake,
    )

    def alone(tick: Tick) -> Tick:
        """Let one process at a time do what is done for all."""

        async def if_held(now: int) -> None:
            if held.held(UPKEEP):
                await tick(now)

        return if_held

    await parts.rearm(clock())  # the clock may have been set back while nobody ran
    if Role.POLL in roles:
        await parts.poll.begin_anew(clock())
    async with AsyncExitStack() as stack:
        stack.push_async_callback(tenure.stop)
        if leases is not None:
            await stack.enter_async_context(_talking(parts, leases, wake))
        if Role.DELIVER in roles:
            await stack.enter_async_context(_background(parts.deliver.follow(wake), name="deliver"))
        stack.push_async_callback(schedule.stop)
        await tenure.start()
        schedule.every(POLL_EVERY, parts.poll.begin, name="poll")
        if Role.DELIVER in roles:
            schedule.every(DELIVER_EVERY, parts.deliver.tick, name="deliver")
            schedule.every(DELIVER_EVERY, parts.notices.tick, name="notices")
            schedule.every(CARDS_EVERY, parts.cards.tick, name="cards")
            schedule.every(RECAPS_EVERY, parts.recaps.tick, name="recaps")
        if Role.POLL in roles:
            schedule.every(PRUNE_EVERY, alone(prune.tick), name="prune")
            schedule.every(REMIND_EVERY, alone(parts.remind.tick), name="remind")
            schedule.every(OUTAGE_EVERY, alone(parts.outage.tick), name="outage")
            schedule.every(MORNING_EVERY, alone(parts.morning.tick), name="morning")
        schedule.watch_clock(parts.rearm)
        schedule.start()
        yield


@asynccontextmanager
async def _background(work: Coroutine[Any, Any, object], *, name: str) -> AsyncIterator[None]:
    """Let something run while the block does."""
    task = asyncio.create_task(work, name=name)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@asynccontextmanager
async def _talking(parts: Parts, leases: Leases, wake: asyncio.Event) -> AsyncIterator[None]:
    """Tell other processes when deliveries are owed, and hear of theirs; the next tick mends what is missed."""

    async def speak() -> None:
        while True:
            await parts.ingest.owed.wait()
            parts.ingest.owed.clear()
            wake.set()
            try:
                async with asyncio.timeout(words.PATIENCE):
                    await words.say(parts.database, leases.holder)
            except Exception as error:
                if not is_away(error):
                    raise

    async def listen() -> None:
        while True:
            try:
                await words.hear(parts.database, leases.holder, wake.set)
            except Exception as error:
                if not is_away(error):
                    raise
            await asyncio.sleep(words.AGAIN)

    async with _background(speak(), name="speak"), _background(listen(), name="hear"):
        yield
