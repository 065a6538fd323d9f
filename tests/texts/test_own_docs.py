"""docs/own-words.md names the fields, tags and filters that there are, and its examples work."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bot.domain.alerts import KINDS
from bot.texts import own, own_fields, sandbox
from bot.texts.words import Words
from handlers.kinds import TYPED, kind_of
from handlers.settings.words import EXAMPLES

PAGE = (Path(__file__).parents[2] / "docs/own-words.md").read_text()
WORD = {kind_of(word): word for word in TYPED}


def table(kind: str) -> str:
    """Return the table of a kind's fields as it stands in the page."""
    shared = {field.name for field in own_fields.FIELDS[KINDS[0]]}.intersection(
        *({field.name for field in own_fields.FIELDS[other]} for other in KINDS)
    )
    rows = ["| field | what it says | bare number |", "|---|---|---|"]
    for field in own_fields.FIELDS[kind]:
        if field.name in shared:
            continue
        number = f"`{field.name}{own_fields.NUMBER}`" if field.number is not None else ""
        rows.append(f"| `{field.name}` | {field.about} | {number} |")
    return "\n".join(rows)


@pytest.mark.parametrize("kind", KINDS)
def test_the_page_has_the_fields_of_each_kind_and_an_example(kind: str) -> None:
    part = PAGE.split(f"### `{WORD[kind]}`\n", 1)[1].split("\n### ", 1)[0].split("\n## ", 1)[0]
    assert f"/settings words {WORD[kind]} {EXAMPLES[kind]}" in part
    assert table(kind) in part


def test_the_page_has_the_fields_of_all_kinds_the_tags_the_filters_and_the_limits() -> None:
    for name in ("name", "title", "hosts", "platform", "time", "date"):
        about = next(field.about for field in own_fields.FIELDS[KINDS[0]] if field.name == name)
        assert f"| `{name}` | {about} |" in PAGE
    assert ", ".join(f"`{one}`" for one in sandbox.FILTERS) in PAGE
    assert ", ".join(f"`{one}`" for one in sandbox.TAGS) in PAGE
    assert f"{sandbox.LONGEST:,} characters" in PAGE
    assert f"{sandbox.MOST_SAID:,} characters" in PAGE


def test_every_text_in_the_page_works() -> None:
    blocks = re.findall(r"^/settings words (\S+) (.+?)$(?=\n```|\n/settings)", PAGE, re.MULTILINE | re.DOTALL)
    assert len(blocks) >= len(KINDS) + 3
    for word, text in blocks:
        kind = kind_of(word)
        assert kind is not None
        if text != "default":
            own.check(own.neat(text), kind, Words())
