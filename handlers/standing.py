"""What keeps alerts from coming to a chat now, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from bot.ports.command import Request
from bot.ports.message import Line
from bot.services import watching
from bot.services.context import Services
from bot.services.watching import Watched
from bot.texts import remedies
from bot.texts.trouble import reason, sentence, step
from bot.texts.words import Words, bold, code
from handlers.places import place
from storage.chats import Chat, Subscription

#: More is said by /watches.
MOST = 5

#: What is wrong, and what to do.
Block = tuple[Line, Line]


async def standing(
    request: Request, services: Services, words: Words, *, chat: Chat, of: Watched | None
) -> list[Line]:
    """Return what keeps alerts from coming now, each with its remedy; then what the chat has muted."""
    watched = [of] if of is not None else await watching.listed(services, request)
    alerts = await watching.subscriptions(services, request)
    now = services.clock()
    blocks: list[Block] = []
    if chat.disabled_why is not None:
        why = remedies.said(chat.disabled_why, words)
        blocks.append(
            (
                words.say("⚠️ Nothing comes to this chat: {why}", why=why),
                remedies.standing(chat.disabled_why, words, watch=watched[0].name if watched else ""),
            )
        )
    blocks += _places(watched, alerts, words)
    if request.lacks is not None and not any(one.problem for its in alerts.values() for one in its):
        blocks.append(
            (
                words.say("⚠️ I may not post here."),
                words.say("Allow me “{permission}” in this channel.", permission=request.lacks),
            )
        )
    blocks += _unread(watched, words)
    if watched and not any(one.watch.id in alerts for one in watched):
        subscribe = code(f"/subscribe {watched[0].name}")
        blocks.append(
            (
                words.say("⚠️ Nobody is subscribed here: no alerts come."),
                words.say("To have them come: {subscribe}", subscribe=subscribe),
            )
        )
    blocks += _muted(watched, alerts, words, now=now)
    lines = [line for what, then in blocks[:MOST] for line in with_remedy(what, then, words)]
    left = len(blocks) - MOST
    if left > 0:
        lines.append(words.plural("and {n} more: {watches}", "and {n} more: {watches}", left, watches="/watches"))
    return lines


def _places(
    watched: Sequence[Watched], alerts: Mapping[int, Sequence[Subscription]], words: Words
) -> Iterator[Block]:
    """Give the places that take no alerts, each reason once for all that goes there."""
    told: set[tuple[str, str]] = set()
    for one in watched:
        for subscription in alerts.get(one.watch.id, []):
            why = subscription.disabled_why or subscription.problem
            if why is None or (subscription.topic, why) in told:
                continue
            told.add((subscription.topic, why))
            where, said = place(subscription.topic_title) or words.text("Here"), remedies.said(why, words)
            if subscription.disabled_why is not None:
                what = words.say("⚠️ {place}: no more alerts, as {why}", place=where, why=said)
            else:
                what = words.say("⚠️ {place}: alerts cannot come: {why}", place=where, why=said)
            yield what, remedies.standing(why, words, watch=one.name)


def _unread(watched: Sequence[Watched], words: Words) -> Iterator[Block]:
    for one in watched:
        if one.watch.trouble is not None and one.watch.trouble_since is not None:
            yield (
                words.say(
                    "⚠️ {name} cannot be read since {time}, {date}: {why}",
                    name=bold(one.name),
                    time=words.time(one.watch.trouble_since),
                    date=words.date(one.watch.trouble_since).text,
                    why=sentence(reason(one.watch.trouble, words)),
                ),
                words.say("{step}", step=step(one.watch.trouble, words)),
            )


def _muted(
    watched: Sequence[Watched], alerts: Mapping[int, Sequence[Subscription]], words: Words, *, now: int
) -> Iterator[Block]:
    for one in watched:
        until = max((its.muted_until or 0 for its in alerts.get(one.watch.id, [])), default=0)
        if until > now:
            yield (
                words.say(
                    "🔕 {name} is muted until {time}, {date}: no alerts of it come.",
                    name=bold(one.name),
                    time=words.time(until),
                    date=words.date(until).text,
                ),
                words.say("To have its alerts again now: {unmute}", unmute=code(f"/mute {one.name} off")),
            )


def with_remedy(what: Line, then: Line, words: Words) -> Iterator[Line]:
    """Give what is wrong, and below it what to do."""
    yield what
    if then:
        # Translators: below something that is wrong: what to do about it
        yield words.say("· {remedy}", remedy=then)
