"""/help: all commands, grouped and short."""

from __future__ import annotations

from bot.ports.command import Param, Request, Who
from bot.ports.message import Line, Message
from bot.services.context import Services
from bot.texts.words import N_, Words, bold, code
from handlers.command import Command, Group, Mistake
from handlers.watch import addresses

#: Who reads the list knows them.
_KNOWN = {"start", "help"}
#: Where arguments are filled in, each in a field of its own name.
_FORMS = "discord"


async def help_(request: Request, services: Services, words: Words) -> Message:
    from handlers import COMMANDS  # noqa: PLC0415 - the registry holds this very command

    wanted = request.text.strip().lstrip("/").lower()
    if wanted:
        command = next((one for one in COMMANDS if one.name == wanted), None)
        if command is None:
            raise Mistake(words.say("There is no command /{name}.", name=wanted[:32]), example="/help stats")
        return _one(command, request, words, services)
    lines: list[Line] = []
    for group in Group:
        chosen = [one for one in COMMANDS if one.group is group and one.name not in _KNOWN and _may(one, request)]
        if not chosen:
            continue
        if lines:
            lines.append(())
        lines.append((bold(words.text(group.value)),))
        lines += [words.say("/{name} – {about}", name=one.name, about=words.text(one.about)) for one in chosen]
    lines.append(())
    lines.append(words.say("More on one of them: {example}", example=code("/help milestones")))
    return Message(title=words.say("What I can do"), symbol="📖", lines=tuple(lines))


def _one(command: Command, request: Request, words: Words, services: Services) -> Message:
    lines = [words.say("For example: {example}", example=code(command.example))]
    lines += [
        words.say("{param}: {about}", param=_called(param, request), about=words.text(param.about))
        for param in command.params
    ]
    if command.name == "watch":
        lines += addresses(request, words, services)
    return Message(
        symbol="📖",
        title=words.say("/{name} – {about}", name=_usage(command, request), about=words.text(command.about)),
        lines=tuple(lines),
    )


def _called(param: Param, request: Request) -> str:
    """Return what an argument is called: by its lead word where commands are typed, by its name in a form."""
    return param.name if request.platform == _FORMS else param.lead or param.name


def _usage(command: Command, request: Request) -> str:
    """Return a command with its arguments."""
    shown = [command.name]
    for param in command.params:
        name = f"{param.lead} …" if param.lead and request.platform != _FORMS else param.name
        shown.append(name if param.required else f"[{name}]")
    return " ".join(shown)


def _may(command: Command, request: Request) -> bool:
    return command.who is Who.EVERYONE or (command.who is Who.ADMINS and request.is_admin) or request.is_operator


COMMAND = Command(
    name="help",
    about=N_("What I can do"),
    group=Group.ASK,
    run=help_,
    example="/help stats",
    params=(Param("command", N_("a command to explain")),),
)
