"""What is written, read back by a parser of Telegram's HTML."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.chats.telegram import render
from bot.chats.telegram.buttons import DATA, Taps
from bot.ports.message import Button, Field, Message, Span, Style, says
from tests.servers.telegram.entities import parse_html, settled, utf16

HOSTILE = st.one_of(
    st.text(st.characters()),
    st.text(
        st.sampled_from('<>&"@/#_*`[]()\n\t\r \u202e\u2066\u200f\u200b\ufeff\ud83d\udc68😀👨‍👩‍👧é\u0301한עא'),
        max_size=300,
    ),
    st.sampled_from(
        [
            "<b>bold</b>",
            "</b></i></code>",
            "&lt;b&gt;&#60;",
            '<a href="tg://user?id=1">you</a>',
            "@everybody_here and @ab",
            "x" * 10_000,
            "👨‍👩‍👧" * 3_000,
            "a\u0301" * 5_000,
            "&" * 10_000,
            "\ud800",
        ]
    ),
)
URLS = st.one_of(
    st.none(),
    st.sampled_from(
        [
            "https://example.org/a?b=1&c=<d>",
            'https://e.org/"',
            "http://localhost/x",
            "tg://user?id=1",
            "javascript:x",
            "https://[",
        ]
    ),
)
SPANS = st.builds(Span, HOSTILE, st.sampled_from(Style), URLS)
LINES = st.lists(SPANS, max_size=4).map(tuple)
MESSAGES = st.builds(
    Message,
    title=LINES,
    lines=st.lists(LINES, max_size=4).map(tuple),
    fields=st.lists(st.builds(Field, HOSTILE, LINES), max_size=4).map(tuple),
    footer=LINES,
    symbol=st.sampled_from(["", "🏆"]),
)


@settings(max_examples=100, deadline=None)
@given(MESSAGES)
def test_whatever_is_written_telegram_takes_it(message: Message) -> None:
    for made, limit in ((render.text(message), 4096), (render.caption(message), 1024)):
        made.encode()
        raw, entities = parse_html(made)
        text, shown = settled(raw, entities)
        assert 1 <= len(text) <= limit
        assert len(raw) <= limit
        assert not {"mention", "text_mention"} & {one["type"] for one in shown}
        assert not set(text) & set("\u202e\u2066\x00\ud83d\ud800")
        for one in entities:
            assert one["offset"] + one["length"] <= utf16(raw)
            if one["type"] == "text_link":
                assert one["url"].startswith(("https://e", "http://e"))


@given(SPANS)
def test_no_markup_comes_from_text(span: Span) -> None:
    _, entities = parse_html(render.text(Message(title=(Span("Title"),), lines=((Span("Line: "), span),))))
    entities = [one for one in entities if one["offset"]]
    wanted = {Style.BOLD: {"bold"}, Style.CODE: {"code"}, Style.FAINT: {"italic"}}.get(span.style, set())
    assert {one["type"] for one in entities} <= wanted | {"text_link"}


def test_references_are_plain_text() -> None:
    span = Span("<#123> & @news", Style.REFERENCE)
    assert render.text(Message(lines=((Span("In "), span),))) == "In &lt;#123&gt; &amp; @\u2060news"
    assert render.text(Message(title=(Span("In "), span))) == "<b>In </b>&lt;#123&gt; &amp; @\u2060news"


def test_a_title_stands_out() -> None:
    bold, plain = Span("446", Style.BOLD), Span("Peak ")
    cases = {
        (plain,): "<b>Peak </b>",
        (plain, bold): "Peak <b>446</b>",
        (plain, Span("", Style.BOLD)): "<b>Peak </b>",
        (Span(""), plain, Span("x", Style.CODE)): "<b>Peak </b><code>x</code>",
        (Span("Space", url="https://e.org/"),): '<b><a href="https://e.org/">Space</a></b>',
        (): "",
        (Span(""),): "",
    }
    for title, shown in cases.items():
        assert render.text(Message(title=title, symbol="🏆", lines=((plain,),))) == f"🏆 {shown}\nPeak "


def test_styles_links_fields_and_the_footer() -> None:
    message = Message(
        symbol="🏆",
        title=(Span("New record: "), Span("446,000", Style.BOLD)),
        lines=((Span("On "), Span("the Space", url="https://x.com/i/spaces/1?a=1&b=2"), Span(" <live> & well")),),
        fields=(Field("Peak", (Span("446,000 participants"),)), Field("When", (Span("22:14 PKT", at=1),))),
        footer=(Span("x · read every 30 s"),),
    )
    assert render.text(message) == (
        "🏆 New record: <b>446,000</b>\n"
        'On <a href="https://x.com/i/spaces/1?a=1&amp;b=2">the Space</a> &lt;live&gt; &amp; well\n'
        "Peak: 446,000 participants\n"
        "When: 22:14 PKT\n"
        "<i>x · read every 30 s</i>"
    )


def test_code_in_the_footer_and_in_links_is_not_nested() -> None:
    message = Message(title=(Span("a", Style.CODE, "https://e.org"),), footer=(Span("b", Style.CODE),))
    assert render.text(message) == '<a href="https://e.org">a</a>\n<code>b</code>'


def test_a_long_title_leaves_room_for_the_figures() -> None:
    message = Message(
        title=(Span("Live: "), Span("<&>" * 4_000)),
        fields=(Field("Peak", (Span("1,234"),)),),
        footer=(Span("end"),),
    )
    text, _ = parse_html(render.text(message))
    assert len(text) == 4096
    assert text.endswith("…\nPeak: 1,234\nend")
    text, _ = parse_html(render.caption(message))
    assert len(text) == 1024
    assert text.endswith("…\nPeak: 1,234\nend")


def test_too_many_lines_are_left_out_from_the_end() -> None:
    message = Message(title=(Span("All"),), lines=tuple((Span(f"line {n}"),) for n in range(2_000)))
    text, _ = parse_html(render.text(message))
    assert len(text) <= 4096
    assert text.startswith("All\nline 0\n")
    assert text.endswith("…")


def test_a_cut_never_parts_what_is_one_sign() -> None:
    text, _ = parse_html(render.text(says("👨‍👩‍👧" * 2_000)))
    assert text.rstrip("…").replace("👨‍👩‍👧", "") == ""


@pytest.mark.parametrize("message", [Message(), says(""), says("\u200b\x00"), Message(lines=((), ()))])
def test_nothing_is_never_sent(message: Message) -> None:
    assert render.text(message) == "…"


def test_named_people_are_not_called_but_code_can_be_copied() -> None:
    message = Message(title=(Span("hi @alice, "), Span("/watch x:@bob", Style.CODE)))
    text, found = settled(*parse_html(render.text(message)))
    assert text == "hi @\u2060alice, /watch x:@bob"
    assert [one["type"] for one in found] == ["bold", "code"]


def test_nobody_is_called_whose_name_stands_in_the_next_span() -> None:
    message = Message(title=(Span("hi @"), Span("alice", Style.BOLD)), footer=(Span("@"), Span("bob_b")))
    _, found = settled(*parse_html(render.text(message)))
    assert {one["type"] for one in found} == {"bold", "italic"}


def test_buttons_lead_somewhere() -> None:
    taps = Taps()
    buttons = (
        Button("Open", url="https://x.com/i/spaces/1"),
        Button("Home", url="http://localhost:8000/"),
        Button("Stats", command="/stats Some Name"),
        Button("Gone", command="/nothing"),
        Button("\u202e", command="/stats"),
        Button("x" * 500, command="stats"),
    )
    made = taps.keyboard(Message(buttons=buttons), commands={"stats"})
    assert made is not None
    rows = [[(b.text, b.url or b.callback_data) for b in row] for row in made.inline_keyboard]
    assert rows == [
        [("Open", "https://x.com/i/spaces/1"), ("Stats", "/stats Some Name")],
        [("x" * 39 + "…", "/stats")],
    ]
    assert taps.keyboard(Message(buttons=(Button("Home", url="https://intranet/"),)), commands=None) is None


@pytest.mark.parametrize("name", ["Ada", "The very long name of a station that nobody would ever type " * 3])
def test_three_short_buttons_share_a_row(name: str) -> None:
    buttons = [
        Button("Open", url="https://x.com/i/spaces/1"),
        Button("Stats", command=f"/stats {name}"),
        Button("Mute", command=f"/mute {name} 1h"),
    ]
    made = Taps().keyboard(Message(buttons=tuple(buttons)), commands={"stats", "mute"})
    assert made is not None
    assert [[one.text for one in row] for row in made.inline_keyboard] == [["Open", "Stats", "Mute"]]


def test_never_more_buttons_than_telegram_takes() -> None:
    made = Taps().keyboard(
        Message(buttons=tuple(Button("x", command=f"stats {n}") for n in range(300))), commands=None
    )
    assert made is not None
    assert sum(map(len, made.inline_keyboard)) == 100
    assert max(map(len, made.inline_keyboard)) <= 8


@given(st.text(st.characters(codec="utf-8"), max_size=200))
def test_any_command_fits_a_button_and_comes_back(text: str) -> None:
    taps = Taps()
    text = " ".join(text.split())
    data = taps.pack(f"/stats {text}".strip())
    assert 1 <= len(data.encode()) <= DATA
    tapped = taps.read(data)
    assert (tapped.name, tapped.text, tapped.whole) == ("stats", text, True)
    later = Taps().read(data)
    assert later.name == "stats"
    assert later.whole or not later.text
