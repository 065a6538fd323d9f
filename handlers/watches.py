"""/watches: what is watched here, where its alerts go, and how it is."""

from __future__ import annotations

from bot.domain.outside import without_secrets
from bot.ports.command import Request, Who
from bot.ports.message import Line, Message
from bot.services import watching
from bot.services.context import Services
from bot.texts.units import unit_name
from bot.texts.words import N_, Words, bold, code
from handlers.command import Command, Group
from handlers.kinds import names
from handlers.places import place
from handlers.stats import trouble
from handlers.subscribe import called
from storage.chats import Subscription


async def watches(request: Request, services: Services, words: Words) -> Message:
    found = await watching.listed(services, request)
    if not found:
        raise watching.NoWatches
    alerts = await watching.subscriptions(services, request)
    over = await watching.over(services, found)
    lines: list[Line] = []
    for one in found:
        watch = one.watch
        address = code(without_secrets(f"{watch.source}:{watch.reference}"))
        if watch.id in over:
            lines.append(
                words.say(
                    "{name} – {address}: over; its figures stay: {stats}",
                    name=bold(one.name),
                    address=address,
                    stats=f"/stats {one.name}",
                )
            )
            continue
        lines.append(
            words.say(
                "{name} – {address}: {unit}, every {interval}",
                name=bold(one.name),
                address=address,
                unit=unit_name(words, watch.unit),
                interval=words.duration(watch.interval),
            )
        )
        subscriptions = alerts.get(watch.id, [])
        if not subscriptions:
            lines.append(words.say("· {alerts}", alerts=words.text("no alerts")))
        for subscription in subscriptions:
            lines.append(words.say("· {alerts}", alerts=_alerts(subscription, services.clock(), words)))
            lines += _wrong(subscription, words)
        lines += trouble(watch, words)
    return Message(
        symbol="👀",
        title=words.plural("{n} watch here", "{n} watches here", len(found)),
        lines=tuple(lines),
    )


def _alerts(one: Subscription, now: int, words: Words) -> Line:
    """Return where a subscription's alerts go, and which."""
    if one.muted_until is not None and one.muted_until > now:
        text = words.text(
            "muted until {time}, {date}",
            time=words.time(one.muted_until).text,
            date=words.date(one.muted_until).text,
        )
    else:
        text = words.text("alerts: {kinds}", kinds=words.list(names(one.kinds, words)))
        if one.ladder is not None:
            text = words.text("{alerts}, own milestones", alerts=text)
    where = place(one.topic_title)
    line = (
        words.say("{text}", text=text) if where is None else words.say("{place}: {text}", place=where, text=text)
    )
    if one.mention is not None:
        line = words.say("{alerts}, calling {whom}", alerts=line, whom=called(one.mention))
    return line


def _wrong(one: Subscription, words: Words) -> list[Line]:
    where = place(one.topic_title) or words.text("Here")
    if one.disabled_why is not None:
        return [words.say("⚠️ {place}: no more alerts, as {why}", place=where, why=words.told(one.disabled_why))]
    if one.problem is not None:
        return [words.say("⚠️ {place}: alerts cannot come: {why}", place=where, why=words.told(one.problem))]
    return []


COMMAND = Command(
    name="watches",
    about=N_("What is watched here"),
    group=Group.WATCH,
    run=watches,
    who=Who.ADMINS,
    example="/watches",
)
