"""The language in which a chat is spoken to."""

from __future__ import annotations

import unicodedata
from difflib import get_close_matches

from babel import Locale, UnknownLocaleError

from bot.ports.message import Line
from bot.services import watching
from bot.texts import reader
from bot.texts.catalog import ENGLISH, languages, served
from bot.texts.words import N_, Words, bold
from handlers.command import Mistake
from handlers.settings.setting import Asked, Choice, Setting
from storage import chats

_DEFAULT = "default"


async def shown(asked: Asked) -> Line:
    if asked.chat is not None and asked.chat.language is not None:
        return asked.words.say("Language: {language}.", language=bold(own_name(asked.chat.language)))
    return _suggested(asked.words)


async def change(asked: Asked, typed: str) -> Line:
    language = None if typed.casefold() == _DEFAULT else _language(typed, asked.words)
    await watching.set_for_chat(asked.services, asked.request, language=language)
    async with asked.services.database.read() as connection:
        chat = await chats.find(connection, platform=asked.request.platform, key=asked.request.chat)
    words = reader.of_request(asked.request, chat)
    if language is None:
        return _suggested(words)
    return words.say("I speak {language} here now.", language=bold(own_name(language)))


async def choices(asked: Asked) -> tuple[Choice, ...]:
    chosen = asked.chat.language if asked.chat is not None else None
    offered = [
        Choice(label=own_name(one), value=one, chosen=chosen is not None and served(chosen) == one)
        for one in languages()
    ]
    default = Choice(label=asked.words.text("As suggested"), value=_DEFAULT, chosen=chosen is None)
    return (*offered, default)


def own_name(language: str) -> str:
    """Return what a language calls itself: Español, 한국어, اردو; with its country where that was chosen, too."""
    locale = Locale.parse(language.replace("-", "_"))
    name = locale.get_display_name(locale) or language
    return name[:1].upper() + name[1:]


def _suggested(words: Words) -> Line:
    return words.say(
        "Language: {language}, as this chat’s platform or who set me up suggests.",
        language=bold(own_name(served(words.language))),
    )


def _language(typed: str, words: Words) -> str:
    """Return the tag of the language that is meant by its tag or by its name in any of the languages known."""
    tag = typed.strip().replace("-", "_")
    if _is_locale(tag) and (served(tag) != ENGLISH or tag.lower().split("_")[0] == ENGLISH):
        return typed.strip().replace("_", "-")
    names = _names()
    wanted = _plain(typed)
    if wanted in names:
        return names[wanted]
    near = get_close_matches(wanted, names, n=1, cutoff=0.75)
    known = words.list([own_name(one) for one in languages()])
    raise Mistake(
        words.say("I do not speak “{typed}” yet; I speak {languages}.", typed=typed[:40], languages=known),
        example=f"/settings language {names[near[0]]}" if near else SETTING.example,
    )


def _is_locale(tag: str) -> bool:
    try:
        Locale.parse(tag)
    except (UnknownLocaleError, ValueError):
        return False
    return True


def _names() -> dict[str, str]:
    """Return the languages by every name that one of them has for another."""
    return {
        _plain(name): one
        for one in languages()
        for other in languages()
        if (name := Locale.parse(one).get_display_name(other))
    }


def _plain(text: str) -> str:
    """Return a text without what people leave out as they type: case and accents."""
    apart = unicodedata.normalize("NFD", text.strip().casefold())
    return unicodedata.normalize("NFC", "".join(sign for sign in apart if not unicodedata.combining(sign)))


SETTING = Setting(
    key="language",
    label=N_("Language"),
    about=N_("In which language this chat is spoken to, alerts too."),
    example="/settings language es",
    shown=shown,
    change=change,
    choices=choices,
    other_names=("lang",),
)
