"""Takes a request to its command, and turns every mistake into an answer with an example that works."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from difflib import get_close_matches

import structlog

from bot.domain.outside import clean, whole, without_secrets
from bot.domain.reading import Trouble
from bot.ports.command import Request, Takes, Who
from bot.ports.message import Button, Line, Message
from bot.ports.source import AROUND, STOPS, BadAddress, NoAddress, NotAllowed, SourceError
from bot.services import presence, ties, watching
from bot.services.context import Services
from bot.texts import reader
from bot.texts.words import N_, Words, code
from handlers import COMMANDS
from handlers.command import Command, Mistake
from handlers.fair import Fair
from handlers.places import again, place_of
from handlers.watch import addresses
from storage import chats

log = structlog.get_logger(__name__)

#: Names offered as buttons: more would be a wall of them.
MOST_CHOICES = 8
#: Characters of a request: more than a message may have on any platform. What is longer was not typed.
LONGEST_TEXT = 8_000
#: What may stand behind a name that was pasted.
AFTER_A_NAME = STOPS + "".join(AROUND.values()) + "> "
#: What makes an admin of a chat.
_NEEDED = {
    "telegram": N_("Ask an administrator of this chat."),
    "discord": N_("It takes “Manage Server”, or a role that /settings admins names."),
}
_BY_NAME = {command.name: command for command in COMMANDS}
_SET_UP = {command.name for command in COMMANDS if command.who is Who.ADMINS}


class Dispatcher:
    """Hears what happens in any chat, and answers requests.

    Args:
        operators: Who runs this bot, as ``platform:id``.
        is_group: Tells of a platform whether a chat of it is one of several people.
    """

    commands = COMMANDS

    def __init__(
        self,
        services: Services,
        *,
        operators: Collection[str] = (),
        is_group: Callable[[str, str], bool] = lambda platform, chat: True,
    ) -> None:
        self.services = services
        self._operators = frozenset(operators)
        self._is_group = is_group
        self._fair = Fair()

    async def suggest(self, request: Request, *, param: str, typed: str) -> list[str]:
        """Return what an argument may be, given what was typed of it so far."""
        command = _BY_NAME.get(request.command)
        declared = next((one for one in command.params if one.name == param), None) if command else None
        if declared is None or len(typed) > LONGEST_TEXT:
            return []
        typed = whole(typed)
        wanted = typed.strip().casefold()
        if declared.choices:
            return [choice for choice in declared.choices if wanted in choice.casefold()]
        if declared.several:
            return _several(declared.several, typed)
        if declared.takes not in {Takes.NAME, Takes.TIE}:
            return []
        names = [one.name for one in await watching.listed(self.services, request)]
        if declared.takes is Takes.TIE or declared.ties:
            tied = [one.name for one in await ties.tied(self.services, request)]
            names = tied if declared.takes is Takes.TIE else sorted([*tied, *names], key=str.casefold)
        names = [*declared.also, *names]
        found = [name for name in names if wanted in name.casefold()]
        return sorted(found, key=lambda name: not name.casefold().startswith(wanted))

    async def let_in(self, *, platform: str, chat: str, title: str | None, topic: str | None = None) -> None:
        """Note that the bot may post in a chat or topic, newly or again: what waits for it is sent."""
        await presence.let_in(self.services, platform=platform, key=chat, title=_known_as(title), topic=topic)

    async def put_out(self, *, platform: str, chat: str, why: str, topic: str | None = None) -> None:
        """Note that the bot may no longer post in a chat or topic; its settings stay."""
        await presence.put_out(self.services, platform=platform, key=chat, why=why, topic=topic)

    async def roll_call(self, *, platform: str, chats: Collection[str]) -> None:
        """Note that these are all the chats of several people in which the bot is."""
        await presence.roll_call(
            self.services, platform=platform, keys=chats, is_group=lambda chat: self._is_group(platform, chat)
        )

    async def moved(self, *, platform: str, old: str, new: str) -> None:
        """Note that a chat goes on under another id."""
        await presence.moved(self.services, platform=platform, old=old, new=new)

    async def answer(self, request: Request) -> Message:
        """Return the answer to a request; it never raises for what a person can do."""
        request = replace(
            request,
            in_private=not self._is_group(request.platform, request.chat),
            text=whole(request.text),
            chat_title=_known_as(request.chat_title),
            topic_title=_known_as(request.topic_title),
        )
        try:
            chat = await self._chat(request)
            request = self._standing(request, chat)
            words = reader.of_request(request, chat)
            message = await self._answer(request, words)
            if request.is_admin and request.command in _SET_UP:
                chat = await self._chat(request)  # what was asked may have changed how it is spoken to
                await self._remember(request, chat)
                words = reader.of_request(request, chat)
        except Exception:
            log.exception("a command failed", command=request.command)
            words = reader.of_request(request, None)
            message = _wrong(words)
        return words.directed(message)

    async def _chat(self, request: Request) -> chats.Chat | None:
        async with self.services.database.read() as connection:
            return await chats.find(connection, platform=request.platform, key=request.chat)

    async def _remember(self, request: Request, chat: chats.Chat | None) -> None:
        """Note the language that is suggested for a chat as somebody sets it up: not that of who passes by."""
        locale = request.suggested or request.locale
        if chat is None or chat.locale is not None or locale is None:
            return
        async with self.services.database.write() as connection:
            await chats.change(connection, chat.id, locale=locale)

    async def _answer(self, request: Request, words: Words) -> Message:
        wait = (
            0 if request.is_operator else self._fair.wait((request.platform, request.chat), self.services.clock())
        )
        if wait:
            title = words.say("This chat asks very much: try again in {time}.", time=words.duration(wait))
            return Message(symbol="⏳", title=title)
        command = _BY_NAME.get(request.command)
        if command is None:
            return _unknown(request.command, words)
        refusal = _refusal(command, request, words)
        if refusal is not None:
            return refusal
        if len(request.text) > LONGEST_TEXT:
            most = words.exact(LONGEST_TEXT)
            title = words.say("That is too long: a command has at most {n} characters.", n=most)
            return Message(symbol="❔", title=title, lines=(_example(command.example, words),))
        return await self._run(command, request, words)

    def _standing(self, request: Request, chat: chats.Chat | None) -> Request:
        """Return a request with what who gave it may do: run the bot, or be an admin by a role."""
        if request.user is not None and f"{request.platform}:{request.user}" in self._operators:
            request = replace(request, is_operator=True)
        if not request.is_admin and chat is not None and not set(chat.roles).isdisjoint(request.roles):
            request = replace(request, is_admin=True, by_role=True)
        return request

    async def _run(self, command: Command, request: Request, words: Words) -> Message:
        try:
            return await command.run(request, self.services, words)
        except Mistake as mistake:
            lines = (*mistake.more, _example(mistake.example or command.example, words))
            return Message(symbol="❔", title=mistake.line, lines=lines, buttons=mistake.buttons)
        except watching.NoWatches:
            return Message(
                symbol="❔",
                title=words.say("Nothing is watched here yet."),
                lines=(_example(_BY_NAME["watch"].example, words),),
            )
        except watching.WhichOne as which:
            title = words.say("Which one? Here are watched: {names}.", names=words.list(which.names))
            lines = (_example(_given(command, request, which.names[0], instead_of=""), words),)
            choices = _choices(command, request, which.names, instead_of="")
            return Message(symbol="❔", title=title, lines=lines, buttons=choices)
        except watching.UnknownName as unknown:
            return _unknown_name(command, request, unknown, words)
        except SourceError as error:
            return _source_error(error, request, words, self.services)
        except Exception:
            log.exception("a command failed", command=request.command)
            return _wrong(words)


def _known_as(title: str | None) -> str | None:
    return None if title is None else whole(title)


def _wrong(words: Words) -> Message:
    return Message(
        symbol="⚠️", title=words.say("That went wrong on my side. It is in the log; nothing was changed.")
    )


def _several(offered: Sequence[str], typed: str) -> list[str]:
    """Return what may be typed on: what stands there, with one more of the words."""
    *chosen, last = typed.split(" ") if typed else [""]
    chosen = [word for word in chosen if word]
    left = [word for word in offered if word not in chosen]
    if last in left:  # a whole word: it may be enough, or one more may follow
        return [" ".join([*chosen, last])] + [" ".join([*chosen, last, word]) for word in left if word != last]
    return [" ".join([*chosen, word]) for word in left if word.startswith(last.casefold())]


def _given(command: Command, request: Request, name: str, *, instead_of: str) -> str:
    """Return the same command for a name in the place of what was typed, with all that stood behind it."""
    behind = request.text.strip().removeprefix(instead_of).strip()
    return " ".join(part for part in (f"/{command.name}", name, behind) if part) + (again(request) or "")


def _choices(command: Command, request: Request, names: Sequence[str], *, instead_of: str) -> tuple[Button, ...]:
    """Return a button for each of a few names, which gives the same command with it."""
    if again(request) is None:
        return ()
    return tuple(
        Button(name, command=_given(command, request, name, instead_of=instead_of))
        for name in names[:MOST_CHOICES]
    )


def _example(example: str, words: Words) -> Line:
    return words.say("For example: {example}", example=code(example))


def _refusal(command: Command, request: Request, words: Words) -> Message | None:
    if command.who is Who.ADMINS and not request.is_admin:
        title = words.say("/{command} is for admins of this chat.", command=command.name)
        needed = _NEEDED.get(request.platform)
        lines = (words.say(needed),) if needed is not None else ()
        return Message(symbol="🔒", title=title, lines=lines)
    if command.who is Who.OPERATORS and not request.is_operator:
        return Message(
            symbol="🔒", title=words.say("/{command} is for those who run this bot.", command=command.name)
        )
    return None


def _unknown(name: str, words: Words) -> Message:
    near = get_close_matches(name[:LONGEST_TEXT], _BY_NAME, n=2, cutoff=0.6)
    title = words.say("There is no command /{name}.", name=name[:32])
    if near:
        guesses = words.either([f"/{one}" for one in near])
        return Message(symbol="❔", title=title, lines=(words.say("Did you mean {guesses}?", guesses=guesses),))
    return Message(symbol="❔", title=title, lines=(words.say("/help lists them all."),))


def _unknown_name(command: Command, request: Request, unknown: watching.UnknownName, words: Words) -> Message:
    place = place_of(request)
    if place is not None:
        title = words.say("Nothing in {place} is called “{name}”.", place=place, name=unknown.name[:60])
    else:
        title = words.say("Nothing here is called “{name}”.", name=unknown.name[:60])
    if unknown.near:
        return Message(
            symbol="❔",
            title=title,
            lines=(
                words.say("Did you mean {names}?", names=words.either(unknown.near)),
                _example(_given(command, request, unknown.near[0], instead_of=unknown.name), words),
            ),
            buttons=_choices(command, request, unknown.near, instead_of=unknown.name),
        )
    where = (
        words.say("/watches lists what is watched here.")
        if request.is_admin
        else words.say("/live lists what is on the air.")
    )
    return Message(symbol="❔", title=title, lines=(where,))


def _which_platform(meant: Sequence[str], name: str, request: Request, words: Words) -> Message:
    """Ask on which of the platforms that are set up a bare name is meant."""
    command, text = _BY_NAME["watch"], request.text.strip()
    behind = text[text.index(name) + len(name) :].lstrip(AFTER_A_NAME) if name in text else ""
    asked = replace(request, text=behind)
    lines = [(code(_given(command, asked, address, instead_of="")),) for address in meant[:MOST_CHOICES]]
    return Message(
        symbol="❔",
        title=words.say("On which platform is {name}?", name=clean(name, limit=80)),
        lines=tuple(lines),
        buttons=_choices(command, asked, meant, instead_of=""),
    )


def _source_error(error: SourceError, request: Request, words: Words, services: Services) -> Message:
    if isinstance(error, NoAddress):
        meant = services.registry.named(str(error)) if request.command == "watch" else []
        if meant:
            return _which_platform(meant, str(error), request, words)
        shown = clean(without_secrets(str(error)), limit=80) or "…"
        title = words.say("“{address}” is not an address that I can watch.", address=shown)
        lines: list[Line] = []
        if shown.startswith(("http://", "https://")) and services.registry.of("icecast") is not None:
            lines.append(
                words.say("If it is an Icecast stream: {command}", command=code(f"/watch icecast:{shown}"))
            )
        lines += addresses(request, words, services)
        return Message(symbol="❔", title=title, lines=tuple(lines))
    symbol = "🔒" if isinstance(error, NotAllowed) else "❔"
    return Message(
        symbol=symbol, title=words.say("{why}", why=words.told(error.told)), lines=_try_again(error, words)
    )


def _try_again(error: SourceError, words: Words) -> tuple[Line, ...]:
    """Say when an address is worth trying again, where nothing is wrong with it."""
    if error.retry_after is not None:
        return (words.say("Nothing was changed. Try again in {time}.", time=words.duration(error.retry_after)),)
    if error.trouble in {Trouble.UNAVAILABLE, Trouble.RATE_LIMITED, Trouble.GARBAGE} and not isinstance(
        error, NotAllowed | BadAddress
    ):
        return (words.say("Nothing was changed. Try again in some minutes."),)
    return ()
