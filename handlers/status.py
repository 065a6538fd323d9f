"""/status: how the bot itself is."""

from __future__ import annotations

from bot.domain import SECOND
from bot.ports.command import Request, Who
from bot.ports.message import Field, Line, Message
from bot.services.context import Services
from bot.services.status import Status
from bot.services.status import status as find
from bot.texts.costs import amount
from bot.texts.trouble import reason, sentence
from bot.texts.units import platform_name
from bot.texts.words import N_, Words
from handlers.command import Command, Group

#: Chat platforms as they write themselves.
CHATS = {"telegram": "Telegram", "discord": "Discord"}
MB = 1_000_000


async def status(request: Request, services: Services, words: Words) -> Message:  # noqa: ARG001
    found = await find(services)
    fields = [
        Field(words.text("Running for"), (*words.say("{time}", time=words.duration(found.uptime)),)),
        Field(words.text("Watches polled"), words.say("{n}", n=words.exact(found.watched))),
        Field(words.text("Live sessions"), words.say("{n}", n=words.exact(found.live))),
        Field(words.text("Alerts waiting"), _waiting(found, words)),
    ]
    if found.oldest is not None:
        waits = words.duration(max(0, services.clock() - found.oldest))
        fields.append(Field(words.text("The oldest waits for"), words.say("{time}", time=waits)))
    if found.held:
        held = words.say("{n}", n=words.exact(found.held))
        fields.append(Field(words.text("Held until quiet hours are over"), held))
    if found.lag is not None:
        middle, worst = (_lag(one, words) for one in found.lag)
        lag = words.say("{time}, at worst {worst} in the last hour", time=middle, worst=worst)
        fields.append(Field(words.text("From reading to post"), lag))
    fields += _processes(found, words)
    if found.size >= MB:
        fields.append(Field(words.text("Database"), _size(found.size, words)))
    for one in found.purses:
        spent = amount(words, one.spent, one.unit)
        if one.shut:
            text = words.say(
                "{platform} says that the day’s budget is used up ({spent} counted here); anew at {time}",
                platform=platform_name(one.platform),
                spent=spent,
                time=words.time(one.resets_at),
            )
        elif one.limit is None and one.points is not None:
            left, points = (words.exact(number) for number in one.points)
            text = words.say(
                "{spent} today; by its own count {left} of {points} points were left",
                spent=spent,
                left=left,
                points=points,
            )
        elif one.limit is None:
            text = words.say("{spent} today", spent=spent)
        else:
            left = amount(words, max(0.0, one.limit - one.spent), one.unit)
            text = words.say(
                "{spent} today, {left} left; anew at {time}",
                spent=spent,
                left=left,
                time=words.time(one.resets_at),
            )
        if one.at_most > one.spent:
            most = amount(words, one.at_most, one.unit)
            text = words.say("{spent} ({most} if nothing is discounted)", spent=text, most=most)
        fields.append(Field(platform_name(one.platform), text))
    lines = [
        words.say(
            "⚠️ {name} cannot be read since {time}: {why}",
            name=name,
            time=words.time(since),
            why=sentence(reason(why, words)),
        )
        for name, why, since in found.troubled
    ]
    return Message(symbol="🩺", title=words.say("Milepost is running"), lines=tuple(lines), fields=tuple(fields))


def _processes(found: Status, words: Words) -> list[Field]:
    """Say which process is connected to each chat platform and which sends, where several share the work."""
    held = {one.name: one.label for one in found.holders}
    fields = []
    for platform in sorted({name.partition(":")[2] for name in held}):
        nobody = words.text("no process")
        answers, sends = held.get(f"listen:{platform}", nobody), held.get(f"send:{platform}", nobody)
        if answers == sends:
            text = words.say("{process} answers and sends", process=answers)
        else:
            text = words.say("{process} answers, {other} sends", process=answers, other=sends)
        fields.append(Field(CHATS.get(platform, platform), text))
    return fields


def _waiting(found: Status, words: Words) -> Line:
    """Say how many alerts wait, and where if that is in several places."""
    count = words.exact(sum(found.waiting.values()))
    if len(found.waiting) < 2:
        return words.say("{n}", n=count)
    most_first = sorted(found.waiting.items(), key=lambda one: (-one[1], one[0]))
    parts = [f"{CHATS.get(name, name)} {words.exact(waits)}" for name, waits in most_first]
    return words.say("{n}: {list}", n=count, list=words.list(parts))


def _lag(ms: int, words: Words) -> str:
    """Say a length of time of which tenths of a second count."""
    if ms >= 10 * SECOND:
        return words.duration(ms)
    return words.text("{n} s", n=words.exact(round(ms / SECOND, 1)))


def _size(size: int, words: Words) -> Line:
    if size < 1000 * MB:
        return words.say("{n} MB", n=words.exact(size // MB))
    return words.say("{n} GB", n=words.exact(round(size / (1000 * MB), 1)))


COMMAND = Command(
    name="status",
    about=N_("How the bot is: sources, queue"),
    group=Group.RUN,
    run=status,
    who=Who.OPERATORS,
    example="/status",
)
