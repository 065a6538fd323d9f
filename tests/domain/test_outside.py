from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.outside import clean

ANY_TEXT = st.text(alphabet=st.characters(), max_size=60)
#: Signs of several code points each, as people type them.
SIGNS = st.sampled_from(["a", " ", "é", "e\u0301", "👩‍👩‍👧", "👍🏽", "🇵🇰", "❤️", "नि", "ل", "\u1112\u1161\u11ab"])


@pytest.mark.parametrize(
    ("given_text", "cleaned"),
    [
        ("Imran Khan live", "Imran Khan live"),
        ("  two\n\n lines\tand\u2028more ", "two lines and more"),
        ("a\x00b\x1b[31mc\x7f", "ab[31mc"),
        ("safe\u202egpj.exe", "safegpj.exe"),
        ("\u2066hidden\u2069 \u200e\u200f", "hidden"),
        ("half a pair: \ud83d", "half a pair:"),
        ("عمران خان کا خطاب", "عمران خان کا خطاب"),
        ("می‌خواهم", "می‌خواهم"),  # the non-joiner is part of the spelling
        ("👩‍👩‍👧 together", "👩‍👩‍👧 together"),
        ("**bold** @everyone <b>{n}</b> %s", "**bold** @everyone <b>{n}</b> %s"),
        ("", ""),
        ("\u200b\u200d\u202e", ""),
        ("\u3164 \u2800\u2800", ""),
    ],
)
def test_a_line_is_left_of_what_came(given_text: str, cleaned: str) -> None:
    assert clean(given_text, limit=80) == cleaned


@pytest.mark.parametrize(
    ("text", "limit", "cut"),
    [
        ("abcdef", 6, "abcdef"),
        ("abcdefg", 6, "abcde…"),
        ("abcd efg", 6, "abcd…"),
        ("ab👩‍👩‍👧cd", 5, "ab…"),
        ("abe\u0301f", 4, "ab…"),
        ("ab👍🏽cd", 4, "ab…"),
        ("a🇵🇰🇰🇷b", 5, "a🇵🇰…"),
        ("a🇵🇰🇰🇷", 4, "a🇵🇰…"),
        ("a🇵🇰🇰🇷b🇪🇸", 7, "a🇵🇰🇰🇷b…"),
        ("👩‍👩‍👧", 3, "👩\u200d…"),  # one sign longer than the limit
        ("abc", 1, "…"),
    ],
)
def test_a_cut_falls_between_whole_signs(text: str, limit: int, cut: str) -> None:
    assert clean(text, limit=limit) == cut


@given(ANY_TEXT, st.integers(1, 40))
def test_any_text_becomes_one_line_within_the_limit(text: str, limit: int) -> None:
    line = clean(text, limit=limit)
    assert len(line) <= limit
    assert line == line.strip()
    assert not any(unicodedata.category(sign) in {"Cc", "Cs", "Zl", "Zp"} for sign in line)
    assert not set(line) & set("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
    line.encode()


@given(ANY_TEXT)
def test_cleaning_twice_changes_nothing(text: str) -> None:
    once = clean(text, limit=30)
    assert clean(once, limit=30) == once


@given(st.lists(SIGNS, min_size=1, max_size=12), st.integers(12, 40))
def test_signs_of_many_code_points_stay_whole(signs: list[str], limit: int) -> None:
    line = clean("".join(signs), limit=limit)
    if line.endswith("…"):
        starts = {" ".join("".join(signs[:count]).split()) for count in range(len(signs) + 1)}
        assert line[:-1] in starts
