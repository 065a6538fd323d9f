"""How the bot itself is: sources, queue, database."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from bot.services.context import Services
from storage import backlog, leases, watches
from storage.leases import Holder


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What was spent today of a platform's budget; see ``bot.ports.purse``.

    Attributes:
        shut: The platform says that nothing is left, whatever was counted here.
        points: What the platform itself said last is left, and of how much.
    """

    platform: str
    unit: str
    spent: float
    at_most: float
    limit: float | None
    resets_at: int
    shut: bool = False
    points: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """What ``/status`` shows.

    Attributes:
        uptime: Milliseconds since this process began.
        watched: How many watches are polled.
        live: How many sessions are on the air.
        troubled: Those that cannot be read, as (name, why, since).
        purses: What was spent today of each platform's budget.
        waiting: How many deliveries are owed, by chat platform.
        held: How many wait until quiet hours are over.
        oldest: When the reading was taken that the oldest delivery owed tells of.
        lag: How long posts of the last hour took from their reading: the middle one, and the worst.
        size: Of the database, in bytes.
        holders: Where several processes share the database: which is connected and which sends, by the platform.
    """

    uptime: int
    watched: int
    live: int
    troubled: tuple[tuple[str, str, int], ...]
    purses: tuple[Budget, ...]
    waiting: Mapping[str, int]
    held: int
    oldest: int | None
    lag: tuple[int, int] | None
    size: int
    holders: tuple[Holder, ...] = ()


def _budgets(services: Services) -> Iterator[Budget]:
    now = services.clock()
    shown = set()
    for name, source in services.registry.sources.items():
        purse = source.purse
        if purse is None or id(purse) in shown:  # two sources may share one
            continue
        shown.add(id(purse))
        spent = purse.spent(now)
        yield Budget(
            platform=name,
            unit=purse.unit,
            spent=spent.amount,
            at_most=spent.at_most,
            limit=purse.limit,
            resets_at=purse.resets_at(now),
            shut=spent.shut,
            points=purse.points,
        )


async def status(services: Services) -> Status:
    """Return how the bot is now."""
    async with services.database.read() as connection:
        watched, live = await watches.counts(connection)
        troubled = await watches.troubled(connection)
        queues = await backlog.queues(connection)
        lags = await backlog.lags(connection, services.clock())
        size = await backlog.size(connection)
        holders = await leases.holders(connection)
    owed = [one for one in queues if one.state != "held"]
    waiting: Counter[str] = Counter()
    for one in owed:
        waiting[one.platform] += one.count
    return Status(
        uptime=services.clock() - services.started_at,
        watched=watched,
        live=live,
        troubled=tuple(troubled),
        purses=tuple(_budgets(services)),
        waiting=dict(waiting),
        held=sum(one.count for one in queues if one.state == "held"),
        oldest=min((one.oldest for one in owed), default=None),
        lag=(lags[len(lags) // 2], lags[-1]) if lags else None,
        size=size,
        holders=tuple(one for one in holders if one.name.startswith(("listen:", "send:"))),
    )
