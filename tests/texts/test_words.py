from __future__ import annotations

import io
from datetime import UTC, datetime
from pathlib import Path

import pytest
from babel.messages import Catalog
from babel.messages.mofile import write_mo
from hypothesis import given
from hypothesis import strategies as st

from bot.domain import DAY, HOUR, LARGEST_FIGURE, MINUTE, SECOND
from bot.ports.message import Span, Style, plain_text
from bot.texts.catalog import compiled
from bot.texts.words import N_, Words, bold, code, faint, link

ENGLISH = Words()
KARACHI = Words(timezone="Asia/Karachi")
#: 20 April 2022, 22:14 in Karachi.
EVENING = int(datetime(2022, 4, 20, 17, 14, tzinfo=UTC).timestamp()) * SECOND

ANY_TEXT = st.text(alphabet=st.characters(exclude_characters="\u2068\u2069"), max_size=40)
FIGURES = st.one_of(
    st.integers(0, LARGEST_FIGURE),
    st.floats(0, LARGEST_FIGURE, allow_subnormal=True),
    st.floats(0, 1, allow_subnormal=True),
)


def speaking(directory: Path, language: str, sentences: dict[str | tuple[str, str], object]) -> Words:
    """Return the words of a language with a catalog of its own."""
    catalog = Catalog(locale=language)
    for msgid, said in sentences.items():
        catalog.add(msgid, said)  # type: ignore[arg-type]
    file = io.BytesIO()
    write_mo(file, catalog)
    path = compiled(language, directory)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(file.getvalue())
    return Words(language, catalogs=directory)


# Sentences


def test_a_sentence_is_filled_and_plain_text_runs_together() -> None:
    assert ENGLISH.say("{who} is live on {where}", who="Ali", where="X") == (Span("Ali is live on X"),)


def test_spans_and_lines_keep_their_looks() -> None:
    line = ENGLISH.say(
        "{a}, {b} and {c}!", a=bold("A"), b=(Span("b"), faint("B")), c=link("C", "https://c.example")
    )
    assert line == (
        Span("A", Style.BOLD),
        Span(", b"),
        Span("B", Style.FAINT),
        Span(" and "),
        Span("C", url="https://c.example"),
        Span("!"),
    )


def test_a_moment_stays_a_span_of_its_own() -> None:
    when = KARACHI.time(EVENING)
    assert KARACHI.say("at {when}.", when=when) == (Span("at "), when, Span("."))


def test_empty_parts_leave_no_span() -> None:
    assert ENGLISH.say("{a}{b}", a="", b=bold("")) == ()
    assert ENGLISH.say("") == ()


@pytest.mark.parametrize("text", ["{n}", "{other} {}", "100 %s %d %", "{", "}}", "{{n}}", "\\1 \\g<0>"])
def test_fields_are_never_read_for_placeholders(text: str) -> None:
    assert ENGLISH.text("<{title}>", title=text, other="x") == f"<{text}>"
    assert plain_text(ENGLISH.plural("{n} of {title}", "{n} of {title}", 2, title=text)) == f"2 of {text}"


def test_only_a_name_in_braces_is_a_placeholder() -> None:
    assert ENGLISH.text("50 % of {n}, {a: b} and {}", n="8") == "50 % of 8, {a: b} and {}"


def test_a_field_that_our_own_sentence_lacks_is_our_mistake() -> None:
    with pytest.raises(KeyError, match="who"):
        ENGLISH.say("{who} is live")


@given(ANY_TEXT)
def test_any_text_arrives_unchanged(text: str) -> None:
    said = ENGLISH.text("“{title}” with {n}", title=text, n=text)
    # What runs the other way is set apart, and nothing else happens to it.
    assert said.replace("\u2068", "").replace("\u2069", "") == f"“{text}” with {text}"
    styled = code(text)
    assert [span for span in ENGLISH.say("a {title} b", title=styled) if span.style is Style.CODE] == (
        [styled] if text else []
    )


def test_plurals_are_counted_in_the_readers_way() -> None:
    pair = N_("{n} viewer", "{n} viewers")
    said = {n: plain_text(ENGLISH.plural(*pair, n)) for n in (0, 1, 2, 1.5, 0.5, 1.0, 5_000, 1_200_000)}
    assert said == {
        0: "0 viewers",
        1: "1 viewer",
        2: "2 viewers",
        1.5: "1.5 viewers",
        0.5: "0.5 viewers",
        5_000: "5,000 viewers",
        1_200_000: "1.2 million viewers",
    }


def test_the_number_of_a_plural_may_be_given() -> None:
    assert ENGLISH.plural("{n} viewer", "{n} viewers", 3, n=bold("three")) == (
        Span("three", Style.BOLD),
        Span(" viewers"),
    )


def test_helpers_and_markers() -> None:
    assert bold("x") == Span("x", Style.BOLD)
    assert faint("x") == Span("x", Style.FAINT)
    assert code("x") == Span("x", Style.CODE)
    assert link("x", "https://x.com") == Span("x", url="https://x.com")
    assert N_("a sentence") == "a sentence"
    assert N_("one", "many") == ("one", "many")


# Translations


def test_a_translation_may_turn_the_order_round(tmp_path: Path) -> None:
    spanish = speaking(tmp_path, "es", {"{who} on {where}": "En {where}: {who}"})
    assert spanish.text("{who} on {where}", who="Ali", where="X") == "En X: Ali"
    assert spanish.text("Not translated: {n}", n="1") == "Not translated: 1"


def test_a_translation_that_asks_for_something_unknown_is_said_in_english(tmp_path: Path) -> None:
    pair = ("{n} viewer", "{n} viewers")
    spanish = speaking(
        tmp_path, "es", {"{who} is live": "{quien} en vivo", pair: ("un espectador", "{m} espectadores")}
    )
    assert spanish.text("{who} is live", who="Ali") == "Ali is live"
    assert plain_text(spanish.plural(*pair, 1)) == "un espectador"
    assert plain_text(spanish.plural(*pair, 2)) == "2 viewers"


def test_figures_and_dates_follow_the_language(tmp_path: Path) -> None:
    spanish = speaking(tmp_path, "es", {})
    assert spanish.number(446_000) == "446.000"
    assert spanish.number(4_120_000) == "4,12 millones"
    assert spanish.percent(0.23) == "23\xa0%"
    assert spanish.date(EVENING).text == "20 de abril de 2022"
    assert spanish.list(["a", "b", "c"]) == "a, b y c"
    korean = speaking(tmp_path / "ko", "ko", {"{n} viewers": "시청자 {n}명"})
    assert korean.number(4_120_000) == "412만"
    assert korean.day("2022-04-20") == "2022년 4월 20일"
    urdu = speaking(tmp_path / "ur", "ur", {})
    assert urdu.date(EVENING).text == "20 اپریل، 2022"
    assert urdu.list(["a", "b"]) == "\u2068a\u2069 اور \u2068b\u2069"


def test_a_language_without_a_catalog_reads_english_throughout() -> None:
    assert Words("xx") != ENGLISH
    assert Words("xx").number(446_000) == "446,000"
    assert Words("tlh-Piqd").date(EVENING).text == "20 April 2022"
    assert Words("").text("{n} min", n="3") == "3 min"


@given(FIGURES, st.sampled_from(["es", "ko", "ur", "ar", "hi", "de", "xx"]))
def test_any_figure_can_be_written_in_any_language(
    tmp_path_factory: pytest.TempPathFactory, figure: float, language: str
) -> None:
    directory = tmp_path_factory.getbasetemp() / "languages"
    if not compiled(language, directory).exists():
        speaking(directory, language, {})
    words = Words(language, catalogs=directory)
    assert words.number(figure)
    assert words.exact(figure)
    assert words.percent(figure)
    assert words.duration(figure)
    assert words.plural("{n} viewer", "{n} viewers", figure)


# Figures


@pytest.mark.parametrize(
    ("figure", "written"),
    [
        (0, "0"),
        (7, "7"),
        (446_000, "446,000"),
        (446_000.0, "446,000"),
        (999_999, "999,999"),
        (999_999.7, "1 million"),
        (1_000_000, "1 million"),
        (1_200_000, "1.2 million"),
        (4_120_000, "4.12 million"),
        (4_129_999, "4.12 million"),
        (1_999_999, "1.99 million"),  # not yet two
        (12_345_678, "12.34 million"),
        (1_234_567_890, "1.23 billion"),
        (999_999_999, "999.99 million"),
        (0.25, "0.25"),
        (0.123, "0.12"),
        (4.16, "4.2"),
        (9.96, "10"),
        (12.34, "12.3"),
        (99.96, "100"),
        (446.25, "446.3"),
        (165_011.9, "165,012"),
        (0.00004, "<0.001"),
        (1e-300, "<0.001"),
        (-5, "-5"),
        (-1_500_000, "-1.5 million"),
        (-0.0, "0"),
    ],
)
def test_numbers_read_as_a_person_writes_them(figure: float, written: str) -> None:
    assert ENGLISH.number(figure) == written


@pytest.mark.parametrize(
    ("figure", "written"),
    [
        (1_234_567, "1,234,567"),
        (165_011.87, "165,012"),
        (2.55, "2.6"),
        (LARGEST_FIGURE, "9,007,199,254,740,992"),
    ],
)
def test_exact_figures_are_written_in_full(figure: float, written: str) -> None:
    assert ENGLISH.exact(figure) == written


@given(st.integers(0, LARGEST_FIGURE))
def test_a_number_never_says_more_than_there_is(figure: int) -> None:
    text, _, unit = ENGLISH.number(figure).replace(",", "").partition(" ")
    size = {"": 1, "million": 10**6, "billion": 10**9, "trillion": 10**12}[unit]
    said = round(float(text) * size)
    assert said <= figure
    assert figure - said <= figure / 100


@pytest.mark.parametrize(
    ("fraction", "written"),
    [
        (0, "0%"),
        (0.23, "23%"),
        (0.0031, "0.3%"),
        (0.00004, "<0.1%"),
        (0.00996, "1%"),
        (0.125, "13%"),
        (0.994, "99%"),
        (0.9996, "99.9%"),
        (1, "100%"),
        (9.136, "914%"),
        (-0.12, "-12%"),
    ],
)
def test_shares(fraction: float, written: str) -> None:
    assert ENGLISH.percent(fraction) == written


def test_lists() -> None:
    assert ENGLISH.list([]) == ""
    assert ENGLISH.list(["a"]) == "a"
    assert ENGLISH.list(("a", "b")) == "a and b"
    assert ENGLISH.list(name for name in ("{0}", "%s", "c")) == "{0}, %s and c"


# Time


@pytest.mark.parametrize(
    ("length", "written"),
    [
        (0, "0 s"),
        (-5 * MINUTE, "0 s"),
        (499, "0 s"),
        (45 * SECOND, "45 s"),
        (59_499, "59 s"),
        (59_500, "1 min"),
        (12 * MINUTE, "12 min"),
        (59 * MINUTE + 29_999, "59 min"),
        (59 * MINUTE + 30_000, "1 h"),
        (HOUR + 59 * MINUTE + 59 * SECOND, "2 h"),
        (2 * HOUR + 31 * MINUTE, "2 h 31 min"),
        (2 * HOUR + 31 * MINUTE + 12.7, "2 h 31 min"),
        (DAY - SECOND, "1 d"),
        (3 * DAY + 4 * HOUR, "3 d 4 h"),
        (3 * DAY + 23 * HOUR + 45 * MINUTE, "4 d"),
        (1_500 * DAY, "1,500 d"),
    ],
)
def test_durations(length: float, written: str) -> None:
    assert ENGLISH.duration(length) == written


@given(st.one_of(st.integers(0, 10 * DAY), st.integers(0, LARGEST_FIGURE)))
def test_a_duration_is_near_and_never_overflows_a_unit(length: int) -> None:
    words = ENGLISH.duration(length).replace(",", "").split()
    amounts = dict(zip(words[1::2], map(int, words[::2]), strict=True))
    assert amounts.get("s", 0) < 60
    assert amounts.get("min", 0) < 60
    assert amounts.get("h", 0) < 24
    units = {"d": DAY, "h": HOUR, "min": MINUTE, "s": SECOND}
    said = sum(amount * units[unit] for unit, amount in amounts.items())
    coarsest = HOUR if "d" in amounts else MINUTE if "h" in amounts or "min" in amounts else SECOND
    assert abs(said - length) <= coarsest / 2


@pytest.mark.parametrize(
    ("timezone", "written"),
    [
        ("Asia/Karachi", "22:14 PKT"),
        ("UTC", "17:14 UTC"),
        ("Europe/Madrid", "19:14 CEST"),
        ("America/Sao_Paulo", "14:14 UTC-3"),
        ("Asia/Kathmandu", "22:59 UTC+5:45"),
        ("Asia/Dubai", "21:14 UTC+4"),
        ("Mars/Phobos", "17:14 UTC"),
        ("../../etc/passwd", "17:14 UTC"),
        ("", "17:14 UTC"),
    ],
)
def test_a_time_names_its_zone(timezone: str, written: str) -> None:
    assert Words(timezone=timezone).time(EVENING) == Span(written, at=EVENING)


def test_the_clock_alone() -> None:
    assert KARACHI.clock(EVENING) == Span("22:14", at=EVENING)


def test_a_date_is_the_readers_date() -> None:
    late = EVENING + 3 * HOUR
    assert ENGLISH.date(late) == Span("20 April 2022", at=late)
    assert KARACHI.date(late) == Span("21 April 2022", at=late)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("2022-04-20", "20 April 2022"),
        ("2022-02-30", "2022-02-30"),
        ("20220420", "20220420"),
        ("2022-W16-3", "2022-W16-3"),
        ("April 2022", "April 2022"),
        ("٢٠٢٢-٠٤-٢٠", "٢٠٢٢-٠٤-٢٠"),
        ("", ""),
    ],
)
def test_days_from_a_record_book(text: str, written: str) -> None:
    assert ENGLISH.day(text) == written


@given(
    st.integers(0, 4_102_444_800_000),
    st.sampled_from(["Asia/Karachi", "America/Sao_Paulo", "Antarctica/Troll"]),
)
def test_any_moment_can_be_told(at: int, timezone: str) -> None:
    words = Words(timezone=timezone)
    for span in (words.time(at), words.clock(at), words.date(at)):
        assert span.at == at
        assert span.text
