"""Whom a chat may call: nobody, who is here, or a role, which people know by its name."""

from __future__ import annotations

import discord

NOBODY = "nobody"
HERE = "here"


def roles(guild: discord.Guild | None) -> list[discord.Role]:
    """Return the roles that people gave names to, the highest first: those of bots and of everyone left out."""
    if guild is None:
        return []
    return [role for role in reversed(guild.roles) if not (role.is_default() or role.managed)]


def suggested(guild: discord.Guild | None, typed: str) -> list[tuple[str, str]]:
    """Return what fits what was typed so far, as it is shown and as it is written."""
    wanted = _name(typed)
    found = [(word, word) for word in (NOBODY, HERE)]
    found += [(f"@{role.name}", role.mention) for role in roles(guild)]
    return [(shown, written) for shown, written in found if wanted in _name(shown)]


def read(guild: discord.Guild | None, typed: str) -> str:
    """Return what was typed, and a role's name as Discord writes the role."""
    if typed in {NOBODY, HERE}:
        return typed
    same = [role for role in roles(guild) if _name(role.name) == _name(typed)]
    exact = [role for role in same if role.name in {typed, typed.removeprefix("@")}]
    return next((role.mention for role in exact + same), typed)


def _name(text: str) -> str:
    return text.strip().removeprefix("@").casefold()
