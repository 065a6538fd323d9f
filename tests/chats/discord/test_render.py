from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.chats.discord import render
from bot.domain.outside import clean
from bot.ports.message import Button, Field, Line, Message, Span, Style
from bot.texts.words import Words
from tests.chats.discord.setting import post
from tests.servers.discord import checks

pytestmark = pytest.mark.filterwarnings("ignore:Generating overly large repr")

HOSTILE = [
    "**bold** __u__ ~~s~~ ||spoiler|| `code` ```block```",
    "@everyone @here <@123> <@&123> <#123> <t:0:R> </x:1> <:a:1> <id:guide>",
    "[click](https://evil.example)",
    "https://evil.example http://evil.example <https://evil.example> discord://x",
    "# heading",
    "-# small",
    "> quote",
    ">>> quote",
    "- item",
    "* item",
    "+ item",
    "12. item",
    "   1) item",
    "\\",
    "\\*",
    "a\nb\n# c",
    "خلا میں گفتگو ナイト 라디오 😀👩‍👩‍👧‍👦🇵🇰",
    "x" * 10_000,
    "*" * 10_000,
    "😀" * 5_000,
    "\ud800",
    "",
    "   ",
    "<#123>",
    "<@&123>",
]
hostile = st.one_of(
    st.sampled_from(HOSTILE),
    st.text(max_size=300),
    st.text(alphabet="*_~`|<>[]()@#:/\\-+1. \na", max_size=300),
    st.lists(st.sampled_from(HOSTILE), max_size=3).map("".join),
)
spans = st.builds(
    Span,
    hostile,
    st.sampled_from(Style),
    url=st.one_of(st.none(), st.sampled_from(["https://x.example/a_(b) c", "javascript:x"]), hostile),
    at=st.one_of(st.none(), st.integers(0, 2**42)),
)
lines = st.lists(spans, max_size=4).map(tuple)
messages = st.builds(
    Message,
    title=lines,
    lines=st.lists(lines, max_size=6).map(tuple),
    fields=st.lists(st.builds(Field, hostile, lines), max_size=30).map(tuple),
    footer=lines,
    symbol=st.sampled_from(["", "🏆"]),
    buttons=st.lists(
        st.builds(Button, hostile, command=hostile, url=st.one_of(st.none(), hostile)), max_size=30
    ).map(tuple),
)


def line(*found: Span) -> str:
    return render.embed(Message(lines=(found,))).description or ""


def bare(text: str) -> str:
    """Put a letter in the place of each sign that is escaped."""
    return re.sub(r"\\[^0-9A-Za-z\s]", "x", text)


@settings(deadline=None)
@given(messages)
def test_nothing_is_over_any_limit_whatever_it_holds(message: Message) -> None:
    body = render.payload(post("1", message=message))
    checks.message(body)
    units = [part for part in body["embeds"] for part in _texts(part)]
    assert sum(map(render.length, units)) <= 6000


def _texts(embed: dict[str, object]) -> list[str]:
    found: list[str] = []
    for key, value in embed.items():
        if key in {"title", "description", "name", "value", "text"} and isinstance(value, str):
            found.append(value)
        for inner in [value] if isinstance(value, dict) else value if isinstance(value, list) else []:
            found += _texts(inner)
    return found


@settings(deadline=None)
@given(hostile)
def test_text_from_outside_is_plain_text_wherever_it_stands(text: str) -> None:
    message = Message(title=(Span(text),), lines=((Span(text),),), fields=(Field(text, (Span(text),)),))
    made = render.embed(message)
    for part in (made.title, made.description, *(f for field in made.fields for f in (field.name, field.value))):
        left = bare(part or "")
        assert not re.search(r"[*_~`|<\[\]@]", left)
        assert "://" not in left
    for part in (made.description, *(field.value for field in made.fields)):
        assert not re.match(r"\s*(#|-|\+|>|\* |[0-9]+[.)])", part or "")


@settings(deadline=None)
@given(st.lists(spans, min_size=1, max_size=6).map(tuple), st.integers(2, 300))
def test_a_line_is_cut_between_or_within_spans_but_never_within_markup(told: Line, room: int) -> None:
    written = render._line(told, room)
    assert render.length(written) <= room
    left = bare(re.sub(r"`[^`]*`", "", written) if "\\`" not in written else "")
    left = re.sub(r"\[[^\[\]]*\]\(https?://[^()\s<>]*\)", "", left)
    left = re.sub(r"<t:\d+:[tDf]>", "", left)
    assert left.count("**") % 2 == 0
    assert not re.search(r"[\[\]`]|<t|\]\(", left)


def test_what_is_cut_says_so() -> None:
    assert line(Span("x" * 5_000)).endswith("x…")
    assert line(Span("x" * 5_000, Style.BOLD)).endswith("x…**")
    assert line(Span("x" * 5_000, url="https://x.example")).endswith("x…](https://x.example)")
    assert (render.embed(Message(title=(Span("x" * 300),))).title or "").endswith("…")


def test_styles_links_and_times() -> None:
    assert line(Span("a"), Span("b", Style.BOLD), Span("/x y", Style.CODE)) == "a**b**`/x y`"
    assert line(Span("a]b", url="https://x.example/a_(b) c")) == "[a\\]b](https://x.example/a_%28b%29%20c)"
    assert line(Span("here", url="javascript:alert(1)")) == "here"
    words = Words(timezone="Asia/Karachi")
    at = 1_650_474_840_000
    assert line(words.time(at)) == line(words.clock(at)) == "<t:1650474840:t>"
    assert line(words.date(at)) == "<t:1650474840:D>"
    assert line(Span("20 April 2022, 22:14", at=at)) == "<t:1650474840:f>"
    assert line(Span("a`b", Style.CODE)) == "a\\`b"


@pytest.mark.parametrize("text", ["<#123>", "<@&123>"])
def test_references_are_shown_by_their_name(text: str) -> None:
    assert line(Span("in "), Span(text, Style.REFERENCE)) == f"in {text}"
    assert line(Span(text)).startswith("\\<")
    made = render.embed(Message(fields=(Field("Where", (Span(text, Style.REFERENCE),)),)))
    assert made.fields[0].value == text


@pytest.mark.parametrize(
    "text", ["<@123>", "<#x>", "<#1> <#2>", "#radio", "<#1", "<t:0:R>", "<#²>", "<#1>\n", "@here"]
)
def test_a_reference_of_another_form_is_plain_text(text: str) -> None:
    assert line(Span(text, Style.REFERENCE)) == line(Span(text))


def test_a_reference_is_whole_or_left_out() -> None:
    assert line(Span("x" * 4_090), Span("<#123>", Style.REFERENCE)) == "x" * 4_090 + "…"


def test_a_title_with_a_reference_is_the_first_line_in_bold() -> None:
    made = render.embed(Message(symbol="❔", title=(Span("Not in "), Span("<#1>", Style.REFERENCE), Span("."))))
    assert (made.title, made.description) == (None, "❔ **Not in <#1>.**")
    made = render.embed(Message(title=(Span("#radio", Style.REFERENCE), Span(" is one"))))
    assert made.title == "\\#radio is one"


def test_a_title_with_a_reference_is_one_pair_of_asterisks_whatever_its_looks() -> None:
    title = (Span("a*b", Style.BOLD), Span(" in "), Span("<#1>", Style.REFERENCE), Span("/x", Style.CODE))
    assert render.embed(Message(title=title)).description == "**a\\*b in <#1>/x**"
    assert render.embed(Message(symbol="🔇", title=(Span("", at=1_000),))).description == "🔇"


REFERENCE = Span("<#12345678901234567890>", Style.REFERENCE)


@settings(deadline=None)
@given(
    hostile,
    st.lists(lines, max_size=6).map(tuple),
    st.lists(st.builds(Field, hostile, lines), max_size=30).map(tuple),
    lines,
    st.sampled_from(["", "🏆"]),
    st.sampled_from([REFERENCE, Span("22:14", at=1_650_474_840_000)]),
)
def test_a_title_that_is_the_first_line_counts_as_text(
    text: str, told: tuple[Line, ...], fields: tuple[Field, ...], footer: Line, symbol: str, behind: Span
) -> None:
    made = render.embed(
        Message(symbol=symbol, title=(behind, Span(text)), lines=told, fields=fields, footer=footer)
    )
    assert made.title is None
    assert (made.description or "").startswith(f"{symbol} **<" if symbol else "**<")
    assert render.length(made.description or "") <= 4096
    assert sum(map(render.length, _texts(dict(made.to_dict())))) <= 6000


def test_the_longest_first_line_leaves_the_text_all_the_rest_and_no_more() -> None:
    title = (REFERENCE, Span("x" * 1_000))
    whole = render.embed(Message(symbol="🏆", title=title, lines=((Span("y" * 5_000),),)))
    heading, text = (whole.description or "").split("\n")
    assert heading.endswith("x…**")
    assert render.length(heading) <= 256 + render.length("🏆 ****")
    assert 4090 <= render.length(whole.description or "") <= 4096
    assert text.endswith("y…")
    fields = tuple(Field("f" * 256, (Span("v" * 1_024),)) for _ in range(25))
    full = render.embed(
        Message(
            symbol="🏆", title=title, lines=((Span("y" * 5_000),),), fields=fields, footer=(Span("z" * 3_000),)
        )
    )
    assert sum(map(render.length, _texts(dict(full.to_dict())))) <= 6000
    assert (full.description or "").startswith(heading)


def test_a_title_is_plain_and_one_with_a_time_is_the_first_line() -> None:
    made = render.embed(Message(symbol="🏆", title=(Span("New "), Span("record", Style.BOLD))))
    assert made.title == "🏆 New record"
    made = render.embed(
        Message(symbol="🔇", title=(Span("Muted until "), Span("22:14", at=1_000)), lines=((Span("x"),),))
    )
    assert made.title is None
    assert made.description == "🔇 **Muted until <t:1:t>**\nx"


def test_a_title_with_a_link_opens_it() -> None:
    made = render.embed(Message(title=(Span("Night Radio", url="https://x.example/1"), Span(" is live"))))
    assert (made.title, made.url) == ("Night Radio is live", "https://x.example/1")


def test_figures_are_fields_side_by_side_and_the_footer_is_plain() -> None:
    made = render.embed(
        Message(fields=(Field("Peak", (Span("446,000", Style.BOLD),)),), footer=(Span("a_b *c*"),))
    )
    assert [(f.name, f.value, f.inline) for f in made.fields] == [("Peak", "**446,000**", True)]
    assert made.footer.text == "a_b *c*"


def test_an_empty_message_can_be_sent() -> None:
    checks.message(render.payload(post("1", message=Message())))


def test_each_kind_of_alert_has_its_colour() -> None:
    colours = {
        kind: render.payload(post("1", facts={"kind": kind}))["embeds"][0]["color"]
        for kind in ("started", "milestone", "record", "ended", "other")
    }
    assert len(set(colours.values())) == 5
    assert colours["other"] == render.COLOUR


def test_buttons_carry_their_command_or_open_their_link() -> None:
    made = render.rows(
        Message(
            buttons=(
                Button("Open", url="https://x.example/1"),
                Button("Stats", command="/stats Night Radio"),
                Button("Stats", command="/stats Night Radio"),
                Button("Long", command="/stats " + "x" * 100),
                Button("Bad", url="javascript:x"),
            )
        )
    )
    told = [button.to_component_dict() for row in made for button in row]
    assert [(one["label"], one.get("url"), one.get("custom_id")) for one in told] == [
        ("Open", "https://x.example/1", None),
        ("Stats", None, "/stats Night Radio"),
    ]


@pytest.mark.parametrize(
    ("mention", "content", "allowed"),
    [
        (None, "", {"parse": []}),
        ("here", "@here", {"parse": ["everyone"]}),
        ("77", "<@&77>", {"parse": [], "roles": ["77"]}),
        ("everyone", "", {"parse": []}),
        ("7> @everyone", "", {"parse": []}),
    ],
)
def test_only_the_mention_that_was_chosen_pings(
    mention: str | None, content: str, allowed: dict[str, list[str]]
) -> None:
    body = render.payload(post("1", mention=mention))
    assert (body["content"], body["allowed_mentions"]) == (content, allowed)
    again = render.payload(post("1", mention=mention, replaces="5"))
    assert (again["content"], again["allowed_mentions"]) == (content, {"parse": []})


def test_the_nonce_is_of_the_delivery_and_its_database_and_short_enough() -> None:
    assert render.payload(post("1", 12))["nonce"] == "0123456789-12"
    assert render.payload(post("1", 12, installation=""))["nonce"] == "-12"
    longest = render.payload(post("1", 2**63 - 1))["nonce"]
    assert len(longest) == 25
    assert longest.endswith(f"-{2**63 - 1}")
    assert "nonce" not in render.payload(post("1", replaces="5"))


def test_another_fact_under_the_same_delivery_is_another_post_and_a_resend_is_not() -> None:
    nonces = [render.nonce(post("1", 12, fact=fact)) for fact in ("7 started 1", "7 started 1", "7 ended 2")]
    assert nonces[0] == nonces[1] != nonces[2]
    assert all(re.fullmatch(r"[0-9a-f]{10}-12", one) for one in nonces)
    assert len(render.nonce(post("1", 2**63 - 1, fact="7 started 1"))) == 25


def test_cleaned_names_stay_whole_when_there_is_room() -> None:
    name = clean(HOSTILE[16], limit=100)
    assert line(Span(name)) == name
