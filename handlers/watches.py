"""/watches: what is watched here, where its alerts go, and how it is."""

from __future__ import annotations

from bot.domain.outside import without_secrets
from bot.ports.command import Request, Who
from bot.ports.message import Line, Message
from bot.services import watching
from bot.services.context import Services
from bot.texts.words import N_, Words, bold, code
from handlers.command import Command, Group
from handlers.kinds import names
from handlers.stats import trouble
from storage.chats import Subscription


async def watches(request: Request, services: Services, words: Words) -> Message:
    found = await watching.listed(services, request)
    if not found:
        raise watching.NoWatches
    alerts = await watching.subscriptions(services, request)
    lines: list[Line] = []
    for one in found:
        watch = one.watch
        lines.append(
            words.say(
                "{name} – {address}: {unit}, every {interval}; {alerts}",
                name=bold(one.name),
                address=code(without_secrets(f"{watch.source}:{watch.reference}")),
                unit=watch.unit,
                interval=words.duration(watch.interval),
                alerts=_alerts(alerts.get(watch.id, []), services.clock(), words),
            )
        )
        lines += trouble(watch, words)
    return Message(
        symbol="👀",
        title=words.plural("{n} watch here", "{n} watches here", len(found)),
        lines=tuple(lines),
    )


def _alerts(subscriptions: list[Subscription], now: int, words: Words) -> str:
    if not subscriptions:
        return words.text("no alerts")
    one = subscriptions[0]
    if one.muted_until is not None and one.muted_until > now:
        return words.text("muted until {time}", time=words.time(one.muted_until).text)
    text = words.text("alerts: {kinds}", kinds=words.list(names(one.kinds, words)))
    if one.ladder is not None:
        text = words.text("{alerts}, own milestones", alerts=text)
    return text


COMMAND = Command(
    name="watches",
    about=N_("What is watched here"),
    group=Group.WATCH,
    run=watches,
    who=Who.ADMINS,
    example="/watches",
)
