"""The menus: slash commands made of the declarations of ``handlers/``, set only where they differ."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import discord

from bot.chats.discord import mentions
from bot.chats.discord.traffic import Traffic
from bot.ports.command import Declaration, Param, Takes, Who
from bot.texts.catalog import CATALOGS, ENGLISH, served, translations

# https://docs.discord.com/developers/interactions/application-commands
MOST_COMMANDS = 100
MOST_OPTIONS = 25
MOST_CHOICES = 25
MOST_DESCRIPTION = 100
CHAT_INPUT = 1
STRING = 3
CHANNEL = 7
#: Where posts can be: text, announcement, the three kinds of threads, voice, stage. Forums have threads.
CHANNEL_TYPES = [0, 5, 10, 11, 12, 2, 13]
#: In servers, and in private with the bot.
CONTEXTS = [0, 1]
#: Installed to a server.
INSTALLED = [0]
MANAGE_GUILD = str(discord.Permissions(manage_guild=True).value)

#: Options in which roles are named in free text: each with the option and its word that make it so.
ROLES = (("value", "setting", "admins"),)

_QUOTED = re.compile(r'"[^"]*"|“[^“”]*”')

Json = dict[str, Any]
#: What is compared; what is missing is as good as this.
_OPTION: Json = {
    "type": STRING,
    "name": "",
    "description": "",
    "description_localizations": None,
    "required": False,
    "autocomplete": False,
}
_COMMAND: Json = {
    "type": CHAT_INPUT,
    "name": "",
    "description": "",
    "description_localizations": None,
    "default_member_permissions": None,
}


def menu(commands: Iterable[Declaration], catalogs: Path = CATALOGS) -> list[Json]:
    """Return the commands as Discord takes them, their descriptions in every language that both know."""
    return [_command(one, catalogs) for one in commands][:MOST_COMMANDS]


def _command(declared: Declaration, catalogs: Path) -> Json:
    # Discord wants the required ones first; what was typed is put in the declared order again by ``typed``.
    params = sorted(declared.params, key=lambda param: not param.required)[:MOST_OPTIONS]
    return {
        "type": CHAT_INPUT,
        "name": declared.name,
        **_described(declared.about, catalogs),
        "options": [_option(param, catalogs) for param in params],
        "default_member_permissions": None if declared.who is Who.EVERYONE else MANAGE_GUILD,
        "contexts": CONTEXTS,
        "integration_types": INSTALLED,
    }


def _option(param: Param, catalogs: Path) -> Json:
    option: Json = {
        "type": CHANNEL if param.takes is Takes.PLACE else STRING,
        "name": param.name.lower(),
        **_described(param.about, catalogs),
        "required": param.required,
    }
    if param.takes is Takes.PLACE:
        option["channel_types"] = CHANNEL_TYPES
    elif param.choices and len(param.choices) <= MOST_CHOICES:
        option["choices"] = [{"name": choice, "value": choice} for choice in param.choices]
    elif param.choices or param.several or param.takes in {Takes.NAME, Takes.TIE, Takes.MENTION}:
        option["autocomplete"] = True
    return option


def _described(about: str, catalogs: Path) -> Json:
    told: Json = {"description": _short(about)}
    others = {}
    for locale in discord.Locale:
        language = served(locale.value, catalogs)
        if language != ENGLISH and (text := translations(language, catalogs).gettext(about)) != about:
            others[locale.value] = _short(text)
    return told | ({"description_localizations": others} if others else {})


def _short(text: str) -> str:
    text = text or "…"
    return text if len(text) <= MOST_DESCRIPTION else f"{text[: MOST_DESCRIPTION - 1]}…"


def typed(declared: Declaration | None, options: Sequence[Json], *, guild: discord.Guild | None = None) -> str:
    """Return what was filled in as one would type it: the values in the declared order, without the place.

    Args:
        guild: The server whose roles can be named.
    """
    given = {option["name"]: str(option.get("value", "")).strip() for option in options}
    if declared is None:
        return mentions.known(guild, " ".join(value for value in given.values() if value))
    words: list[str] = []
    for param in declared.params:
        value = given.get(param.name.lower())
        if not value or param.takes is Takes.PLACE:
            continue
        if param.takes is Takes.MENTION:
            value = mentions.read(guild, value)
        elif any(param.name == name and given.get(other) == word for name, other, word in ROLES):
            value = mentions.named(guild, value)
        words.append(f"{param.lead} {_one(value, lead=param.lead)}" if param.lead else value)
    # Last of all, whichever option it came from: what is read behind this takes any such role for one to call.
    return mentions.known(guild, " ".join(words))


def _one(value: str, *, lead: str) -> str:
    """Return a value in quotes if it would be read as two, because the word that leads it stands in it as well.

    Within the quotes there are no others: those of its own become single ones.
    """
    if not re.search(rf"(?:^|\s){re.escape(lead)}(?:\s|$)", value, re.IGNORECASE):
        return value
    inner = re.sub('["“”]', "'", value[1:-1] if _QUOTED.fullmatch(value) else value)
    return f'"{inner}"'


def place(declared: Declaration | None, options: Sequence[Json]) -> str | None:
    """Return the id of the channel that was chosen, if one was."""
    names = {param.name.lower() for param in declared.params if param.takes is Takes.PLACE} if declared else set()
    return next(
        (str(option["value"]) for option in options if option["name"] in names and option.get("value")), None
    )


async def sync(client: discord.Client, traffic: Traffic, commands: list[Json]) -> bool:
    """Set the commands where Discord has others; tell whether that was so.

    Raises:
        SendError, discord.DiscordException: Discord would not.
    """
    application = client.application_id
    assert application is not None
    # The library's own way to fetch them leaves the translations out.
    route = discord.http.Route("GET", "/applications/{application_id}/commands", application_id=application)
    found: list[Json] = await traffic.aside(
        client,
        lambda: client.http.request(route, params={"with_localizations": "true"}),
        lane="commands",
    )
    if fingerprint(found) == fingerprint(commands):
        return False
    upsert = client.http.bulk_upsert_global_commands
    await traffic.aside(client, lambda: upsert(application, commands), lane="set commands")
    return True


def fingerprint(commands: Sequence[Json]) -> str:
    """Return a hash of all in commands that users can see."""
    told = sorted((_essence(command) for command in commands), key=lambda one: str(one["name"]))
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def _essence(command: Json) -> Json:
    options = [
        _pick(option, _OPTION)
        | {
            "choices": [[choice["name"], choice["value"]] for choice in option.get("choices") or []],
            "channel_types": sorted(option.get("channel_types") or []),
        }
        for option in command.get("options") or []
    ]
    places = {key: sorted(command.get(key) or []) for key in ("contexts", "integration_types")}
    return _pick(command, _COMMAND) | places | {"options": options}


def _pick(part: Json, defaults: Json) -> Json:
    return {key: part.get(key) or default for key, default in defaults.items()}
