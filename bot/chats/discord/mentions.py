"""Whom a chat may call: nobody, who is here, or a role, which people know by its name.

A role counts if the server has it and it is neither that of everyone nor one that Discord or a bot manages. What
names no such role is never left in the form of one, so that whoever reads it refuses it.
"""

from __future__ import annotations

import re

import discord

NOBODY = "nobody"
HERE = "here"
#: What ``here`` becomes where there is no server: nobody that could be called.
NOT_HERE = "here(private)"
#: Behind a role's name, where the bot could write it but nobody would be called.
MUTE = " (I may not call it)"
LONGEST_SHOWN = 100

_ROLE = re.compile(r"<@&([0-9]+)>")
#: The longest id that fits Discord's 64 bits.
_MOST_DIGITS = 20


def roles(guild: discord.Guild | None) -> list[discord.Role]:
    """Return the roles that people gave names to, the highest first: those of bots and of everyone left out."""
    if guild is None:
        return []
    return [role for role in reversed(guild.roles) if not (role.is_default() or role.managed)]


def suggested(
    guild: discord.Guild | None, typed: str, may: discord.Permissions | None = None
) -> list[tuple[str, str]]:
    """Return what fits what was typed so far, as it is shown and as it is written; nothing in private.

    Args:
        may: What the bot may in the channel where the alerts go, if that is known.
    """
    if guild is None:
        return []
    wanted = _name(typed)
    words = [(word, word) for word in (NOBODY, HERE) if wanted in word]
    fit = [role for role in roles(guild) if wanted in _name(role.name)]
    deaf = {role for role in fit if may is not None and not _calls(role, may)}
    called = [(f"@{role.name}", role.mention) for role in fit if role not in deaf]
    silent = [(f"@{role.name}"[: LONGEST_SHOWN - len(MUTE)] + MUTE, role.mention) for role in fit if role in deaf]
    return words + called + silent


def read(guild: discord.Guild | None, typed: str) -> str:
    """Return what was typed, and a role's name as Discord writes the role."""
    if guild is None and _name(typed) == HERE:
        return NOT_HERE
    if typed in {NOBODY, HERE}:
        return typed
    same = [role for role in roles(guild) if _name(role.name) == _name(typed)]
    exact = [role for role in same if role.name in {typed, typed.removeprefix("@")}]
    return next((role.mention for role in exact + same), typed)


def named(guild: discord.Guild | None, text: str) -> str:
    """Return a text with each ``@Role Name`` in it as Discord writes the role, the longest name that fits."""
    by_name: dict[str, list[discord.Role]] = {}
    for role in roles(guild):
        if name := _name(role.name):
            by_name.setdefault(name, []).append(role)
    if not by_name:
        return text

    def written(found: re.Match[str]) -> str:
        same = by_name.get(found[1].casefold(), [])
        exact = [role for role in same if role.name.removeprefix("@") == found[1]]
        return next((role.mention for role in exact + same), found[0])

    # Each name as the server writes it: folding a case may change how long it is.
    names = {role.name.strip().removeprefix("@") for same in by_name.values() for role in same}
    any_of = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
    return re.sub(rf"(?<![\w<])@({any_of})(?!\w)", written, text, flags=re.IGNORECASE)


def known(guild: discord.Guild | None, text: str) -> str:
    """Return a text in which every role that does not count is no role: ``<@&123>`` is left as ``@123``."""
    ids = {role.id: role for role in roles(guild)}

    def written(found: re.Match[str]) -> str:
        role = ids.get(int(found[1])) if len(found[1]) <= _MOST_DIGITS else None
        return role.mention if role is not None else f"@{found[1]}"

    return _ROLE.sub(written, text)


def _calls(role: discord.Role, may: discord.Permissions) -> bool:
    return role.mentionable or may.mention_everyone or may.administrator


def _name(text: str) -> str:
    return text.strip().removeprefix("@").casefold()
