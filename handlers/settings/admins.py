"""Who may set the bot up, besides those whom the platform knows as admins."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bot.ports.message import Line
from bot.services import watching
from bot.texts.words import N_, Words
from handlers.command import Mistake
from handlers.settings.setting import Asked, Setting
from handlers.subscribe import called

_ROLE = re.compile(r"<@&([0-9]{1,20})>")


async def shown(asked: Asked) -> Line:
    roles = asked.chat.roles if asked.chat is not None else ()
    who = _listed([asked.words.say("who may “Manage Server”"), *_called(roles, asked.words)], asked.words)
    return asked.words.say("Admins: {who}.", who=who)


async def change(asked: Asked, typed: str) -> Line:
    words = asked.words
    if asked.request.by_role:
        raise Mistake(words.say("Only who may manage the server can do that."), example="/settings")
    roles = list(dict.fromkeys(_ROLE.findall(typed)))
    if not roles and typed.lower() not in {"none", "nobody", "default"}:
        raise Mistake(words.say("Name one or more roles, or none."), example=SETTING.example)
    await watching.set_roles(asked.services, asked.request, roles)
    if not roles:
        return words.say("Only who may “Manage Server” sets me up now.")
    return words.say("Members of these roles may set me up, too: {who}", who=_listed(_called(roles, words), words))


async def lines(asked: Asked) -> tuple[Line, ...]:
    if asked.chat is None or not asked.chat.roles:
        return ()
    return (
        asked.words.say("So that Discord shows them the commands: Server Settings > Integrations > Milepost."),
    )


def _called(roles: Sequence[str], words: Words) -> list[Line]:
    return [words.say("{role}", role=called(role)) for role in roles]


def _listed(who: Sequence[Line], words: Words) -> Line:
    listed, *others = who
    for one in others:
        listed = words.say("{others}, {role}", others=listed, role=one)
    return listed


SETTING = Setting(
    key="admins",
    label=N_("Admins"),
    about=N_("Roles whose members may set me up, besides those who may “Manage Server”."),
    example="/settings admins @role",
    shown=shown,
    change=change,
    lines=lines,
    only_on="discord",
)
