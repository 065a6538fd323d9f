"""What is counted, what it costs and how long it takes, in words of the reader's language."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from bot.domain import DAY, HOUR, MINUTE
from bot.ports.message import plain_text
from bot.texts.costs import amount
from bot.texts.units import counted, platform_name, unit_name
from bot.texts.words import Words

SOURCES = Path(__file__).parents[2] / "bot" / "sources"
TRANSLATED = ("es", "ko", "ur")


def named() -> set[str]:
    """Return the units that sources name, read from their code."""
    found = set()
    for path in SOURCES.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Assign(targets=[ast.Name(id="UNIT")], value=ast.Constant(value=str(unit))):
                    found.add(unit)
                case ast.Call(func=ast.Name(id="Description"), keywords=keywords):
                    found |= {
                        one.value.value
                        for one in keywords
                        if one.arg == "unit"
                        and isinstance(one.value, ast.Constant)
                        and isinstance(one.value.value, str)
                    }
    return found


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_unit_that_a_source_names_is_said_in_the_readers_language(language: str) -> None:
    words, units = Words(language), named()
    assert {"listeners", "viewers", "people", "posts"} <= units
    for unit in units:
        assert unit_name(words, unit) != unit
        assert unit not in plain_text(counted(words, 5, unit))


def test_a_unit_that_a_recording_made_up_stays_as_it_is() -> None:
    assert unit_name(Words("es"), "penguins") == "penguins"
    assert plain_text(counted(Words("es"), 5, "penguins")) == "5 penguins"


def test_costs_are_written_as_the_reader_writes_figures() -> None:
    english, spanish, urdu = Words("en"), Words("es"), Words("ur", counting="lakh")
    assert [amount(english, cost, "USD") for cost in (0, 0.12, 0.015)] == ["$0.00", "$0.12", "$0.015"]
    assert amount(spanish, 0.015, "USD") == "$0,015"
    assert amount(urdu, 123_456.5, "USD") == "1,23,456.50 ڈالر"
    assert (amount(english, 1, "units"), amount(english, 1440, "calls")) == ("1 unit", "1,440 calls")
    assert amount(spanish, 1440, "units") == "1.440 unidades"


def test_a_command_is_one_piece_in_a_line_from_the_right() -> None:
    urdu = Words("ur")
    assert "\u2068/mute\u2069" in urdu.text("/{command} is for admins of this chat.", command="mute")
    assert "/mute" in Words("es").text("/{command} is for admins of this chat.", command="mute")
    assert "https://\u2068example.org\u2069" in urdu.text("https://{host}", host="example.org")


def test_one_hour_and_several_have_words_of_their_own() -> None:
    urdu = Words("ur")
    assert urdu.duration(HOUR) == "1 گھنٹہ"
    assert urdu.duration(2 * HOUR) == "2 گھنٹے"
    assert urdu.duration(HOUR + 5 * MINUTE) == "1 گھنٹہ 5 منٹ"
    assert urdu.duration(DAY + HOUR) == "1 دن 1 گھنٹہ"
    assert urdu.duration(DAY + 3 * HOUR) == "1 دن 3 گھنٹے"


def test_parts_of_a_line_are_set_apart_as_the_language_does() -> None:
    assert Words("en").series(["peak 5", "2 h"]) == "peak 5, 2 h"
    assert Words("es").series(["a", "b"], wide=True) == "a; b"
    assert Words("ur").series(["اوسط", "کوریج"]) == "اوسط، کوریج"
    assert Words("ur").series(["اوسط", "Live"], wide=True) == "اوسط؛ \u2068Live\u2069"


def test_a_phrase_of_the_language_runs_its_way_although_a_latin_name_begins_it() -> None:
    phrase = "YouTube اب یہ چینل نہیں دکھاتا"
    said = Words("ur").text("{what} – {label}: {value}", what=phrase, label="Night Radio", value="نشریات")
    assert f"\u2068\u200f{phrase}\u2069" in said
    assert "\u2068Night Radio\u2069" in said


def test_guesses_are_alternatives() -> None:
    assert Words("en").either(["/stats", "/start"]) == "/stats or /start"
    assert Words("es").either(["Berlín", "Berna"]) == "Berlín o Berna"


def test_platforms_are_called_as_they_call_themselves() -> None:
    assert [platform_name(one) for one in ("azuracast", "stage", "json", "made up")] == [
        "AzuraCast",
        "Discord",
        "JSON",
        "made up",
    ]
