"""What the manuals say is what the program does: sentences, commands, permissions, settings."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import discord
import pytest

from bot.chats.discord import places
from bot.settings import Settings
from handlers import COMMANDS

ROOT = Path(__file__).parent.parent
MANUALS = ("docs/telegram.md", "docs/discord.md")
#: Shorter ones would fit anything.
SHORTEST = 12


def text(name: str) -> str:
    return (ROOT / name).read_text()


@lru_cache
def texts() -> frozenset[str]:
    """Return every text of the program; what is filled in is in braces."""
    found: set[str] = set()
    for package in ("bot", "handlers"):
        for path in sorted((ROOT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.JoinedStr):
                    parts = (str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
                    found.add("".join(parts))
                elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                    found.add(node.value)
    return frozenset(one.removeprefix("⚠️ ") for one in found if "\n" not in one)


@lru_cache
def sentences() -> tuple[re.Pattern[str], ...]:
    fixed = [re.split(r"\{[^}]*\}", one) for one in sorted(texts())]
    return tuple(re.compile("(.+)".join(map(re.escape, one))) for one in fixed if len("".join(one)) >= SHORTEST)


def is_said(quote: str) -> bool:
    """Tell whether the program says this: what is filled in, too, is a text of its own or left open."""
    matches = (sentence.fullmatch(quote) for sentence in sentences())
    return any(found and all("…" in one or one in texts() for one in found.groups()) for found in matches)


def quoted(manual: str) -> Iterator[str]:
    """Yield what stands in the first column of the tables of what it says."""
    for line in text(manual).partition("## What it says")[2].splitlines():
        if line.startswith("| `"):
            yield from re.findall(r"`([^`]+)`", line.split(" | ")[0])


@pytest.mark.parametrize("manual", MANUALS)
def test_what_it_is_said_to_say_it_says(manual: str) -> None:
    said = list(quoted(manual))
    assert len(said) > 10
    assert not [one for one in said if not is_said(one)]


@pytest.mark.parametrize("manual", [*MANUALS, "README.md"])
def test_every_command_and_setting_that_is_named_is_there(manual: str) -> None:
    # BotFather's own, and paths.
    others = {"newbot", "revoke", "mybots", "setprivacy", "bot"}
    commands = set(re.findall(r"(?:^|[`\s>])/([a-z]+)(?=[`@\s])", text(manual), re.MULTILINE))
    assert commands - others <= {command.name for command in COMMANDS}
    settings = set(re.findall(r"\b[A-Z]+_(?:[A-Z]+_)*[A-Z]+\b", text(manual)))
    assert settings - {"CLIENT_ID", "NAME_FILE"} <= {name.upper() for name in Settings.model_fields}


def permissions() -> dict[str, tuple[int, str]]:
    """Return the value of each permission in the table, by its name, and when it is needed."""
    rows = re.findall(
        r"^\| ([A-Z][^|]+) \| [^|]+ \| (always|only [^|]+) \|$", text("docs/discord.md"), re.MULTILINE
    )
    flags = {
        name.strip(): "mention_everyone" if "@" in name else name.lower().replace(" ", "_") for name, _ in rows
    }
    return {name: (discord.Permissions(**{flags[name]: True}).value, when) for name, when in rows}


def test_the_permission_numbers_are_the_sums_of_the_table() -> None:
    always = sum(value for value, when in permissions().values() if when == "always")
    everything = sum(value for value, _ in permissions().values())
    manual = text("docs/discord.md")
    asked = always + sum(value for value, when in permissions().values() if "pictures" in when)
    assert f"&permissions={asked}\n" in manual
    sums = f"The first four are `{always}`, with the fifth, as in the link, `{asked}`, all six `{everything}`."
    assert sums in manual
    assert f"permissions={asked}" in text("README.md")


def test_the_permissions_asked_for_are_those_that_posting_needs() -> None:
    needed = {name: value for name, (value, when) in permissions().items() if when == "always"}
    whole = sum(needed.values())
    for thread in (False, True):
        assert places.missing(discord.Permissions(whole), thread=thread) is None
    for name, value in needed.items():
        may = discord.Permissions(whole - value)
        assert name in {places.missing(may, thread=thread) for thread in (False, True)}
