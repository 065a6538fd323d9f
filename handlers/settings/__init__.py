"""/settings: how this chat wants things. ``SETTINGS`` lists them, each is a file of this folder.

It is a menu: what is set, a button for each setting, and behind it a page with its values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bot.ports.command import Param, Request, Takes, Who
from bot.ports.message import Button, Line, Message, Option, Select
from bot.services.context import Services
from bot.texts import reader
from bot.texts.words import N_, Words, code
from handlers.command import Command, Group, Mistake
from handlers.places import again, place_of
from handlers.settings import (
    across,
    admins,
    counting,
    language,
    mentions,
    page,
    patience,
    quiet,
    style,
    theme,
    timezone,
)
from handlers.settings import words as own_words
from handlers.settings.setting import Asked, Choice, Setting
from storage import chats

#: In the order in which they are shown.
SETTINGS: tuple[Setting, ...] = (
    language.SETTING,
    counting.SETTING,
    timezone.SETTING,
    quiet.SETTING,
    mentions.SETTING,
    style.SETTING,
    own_words.SETTING,
    patience.SETTING,
    across.SETTING,
    theme.SETTING,
    page.SETTING,
    admins.SETTING,
)


async def settings(request: Request, services: Services, words: Words) -> Message:
    asked = await _asked(request, services, words)
    offered = [one for one in SETTINGS if one.only_on in {None, request.platform}]
    # What is typed behind the name may begin on a line of its own.
    key, value = [*request.text.split(maxsplit=1), "", ""][:2]
    if not key:
        return await _menu(asked, offered)
    chosen = _named(key, offered)
    if chosen is None and timezone.in_city(request.text):
        chosen, value = timezone.SETTING, request.text
    if chosen is None:
        known = words.list([one.key for one in offered])
        raise Mistake(
            words.say("There is no setting “{key}”; there are: {settings}.", key=key[:40], settings=known)
        )
    if not value.strip():
        return await _page(asked, chosen, await chosen.shown(asked))
    told = await chosen.change(asked, value.strip())
    symbol = "⚙️" if chosen.looks(value.strip()) else "✅"
    changed = await _asked(request, services, words)
    # What was changed may be how the chat is spoken to.
    changed = replace(changed, words=reader.of_request(request, changed.chat))
    return await _page(changed, chosen, told, symbol=symbol, within=True)


async def _asked(request: Request, services: Services, words: Words) -> Asked:
    async with services.database.read() as connection:
        chat = await chats.find(connection, platform=request.platform, key=request.chat)
    return Asked(request=request, services=services, words=words, chat=chat)


def _named(key: str, offered: Sequence[Setting]) -> Setting | None:
    return next((one for one in offered if key.lower() in {one.key, *one.other_names}), None)


async def _menu(asked: Asked, offered: Sequence[Setting]) -> Message:
    """Return all that is set, with a button for each."""
    return Message(
        symbol="⚙️",
        title=_heading(asked.request, asked.words),
        lines=tuple([await one.shown(asked) for one in offered]),
        buttons=_buttons(asked, [Choice(label=asked.words.text(one.label), value=one.key) for one in offered]),
        menu=True,
    )


async def _page(asked: Asked, one: Setting, told: Line, *, symbol: str = "⚙️", within: bool = False) -> Message:
    """Return what is set of one setting, what it does, its values, and the way back.

    Args:
        within: It is behind the setting's first page, if that leads on to others.
    """
    words = asked.words
    choices = await one.choices(asked) if one.choices is not None else ()
    # What only shows more of it leads on, and is no value.
    pages = [replace(choice, value=f"{one.key} {choice.value}") for choice in choices if one.looks(choice.value)]
    options = tuple(
        Option(label=choice.label, command=typed, chosen=choice.chosen, about=choice.about)
        for choice in choices
        if not one.looks(choice.value) and (typed := _typed(asked, one.key, choice.value)) is not None
    )
    back = Choice(label=words.text("Back"), value=one.key if pages and within else "")
    lines = [words.say("{about}", about=words.text(one.about))]
    lines += await one.lines(asked) if one.lines is not None else ()
    sentence = N_("It can be typed, too: {example}") if options else N_("Change it: {example}")
    lines.append(words.say(sentence, example=code(one.example)))
    return Message(
        symbol=symbol,
        title=told,
        lines=tuple(lines),
        selects=(Select(words.text(one.label), options),) if options else (),
        buttons=_buttons(asked, [*pages, back]),
        menu=True,
    )


def _buttons(asked: Asked, offered: Sequence[Choice]) -> tuple[Button, ...]:
    """Return buttons that type the settings' command with what each has as its value."""
    return tuple(
        Button(one.label, command=typed, chosen=one.chosen)
        for one in offered
        if (typed := _typed(asked, one.value)) is not None
    )


def _typed(asked: Asked, *parts: str) -> str | None:
    """Return what is typed for a setting, or for all of them, in the same place; None if that cannot be."""
    where = again(asked.request)
    return None if where is None else " ".join(part for part in ("/settings", *parts) if part) + where


def _heading(request: Request, words: Words) -> Line:
    where = place_of(request)
    return words.say("Settings of this chat") if where is None else words.say("Settings of {place}", place=where)


COMMAND = Command(
    name="settings",
    about=N_("How this chat wants things: language, times, quiet hours, words"),
    group=Group.SET_UP,
    run=settings,
    who=Who.ADMINS,
    example="/settings timezone Karachi",
    params=(
        Param("setting", N_("what to look at or change"), choices=tuple(one.key for one in SETTINGS)),
        Param("value", N_("a city, such as Karachi; 30m or off; or roles, or none"), Takes.REST),
    ),
)
