"""/status: how the bot itself is."""

from __future__ import annotations

from bot.ports.command import Request, Who
from bot.ports.message import Field, Message
from bot.services.context import Services
from bot.services.status import status as find
from bot.texts.costs import amount
from bot.texts.trouble import reason, sentence
from bot.texts.units import platform_name
from bot.texts.words import N_, Words
from handlers.command import Command, Group


async def status(request: Request, services: Services, words: Words) -> Message:  # noqa: ARG001
    found = await find(services)
    fields = [
        Field(words.text("Running for"), (*words.say("{time}", time=words.duration(found.uptime)),)),
        Field(words.text("Watches polled"), words.say("{n}", n=words.exact(found.watched))),
        Field(words.text("Live sessions"), words.say("{n}", n=words.exact(found.live))),
        Field(words.text("Alerts waiting"), words.say("{n}", n=words.exact(found.backlog))),
    ]
    if found.oldest is not None:
        waits = words.duration(max(0, services.clock() - found.oldest))
        fields.append(Field(words.text("The oldest waits for"), words.say("{time}", time=waits)))
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


COMMAND = Command(
    name="status",
    about=N_("How the bot is: sources, queue"),
    group=Group.RUN,
    run=status,
    who=Who.OPERATORS,
    example="/status",
)
