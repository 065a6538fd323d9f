"""The tour can be told at any time, shows on both platforms, and shows text, not markup."""

from __future__ import annotations

import re
from pathlib import Path

from bot.domain import SECOND
from tests.tour import discord, telegram
from tests.tour.__main__ import DOCS, file, manual
from tests.tour.chapters import FRIDAY, HOSTILE, outline, play
from tests.tour.page import columns, page, transcript
from tests.tour.scene import Bubble, Chapter
from tests.tour.stage import Stage, stage

#: What is markup to one of the platforms, and would be seen if it were not read as such.
MARKUP = re.compile(r"</?[a-z-]+>|\*\*|__|~~|\|\||&(lt|gt|amp|quot|#\d+);|<t:|<[#@]|\]\(|\\|`")
#: The word joiner, which nobody sees, keeps Telegram from reading a mention.
JOINER = "\u2060"


def raw(text: str) -> list[str]:
    return [found[0] for found in MARKUP.finditer(text)]


async def test_every_chapter_shows_on_both_platforms_as_text() -> None:
    chapters = await play()
    assert [one.name for one in chapters] == [one.name for one in outline()]
    for chapter in chapters:
        markup = page(chapter)
        assert "<script" not in markup
        assert not re.search(r"(src|href|url)\s*[=(](?!\"data:)", markup), "a page needs nothing but itself"
        for platform, text in columns(markup).items():
            shown = text.replace(JOINER, "")
            assert "Milepost" in shown, (chapter.name, platform)
            assert (HOSTILE in shown) == chapter.raw, (chapter.name, platform)
            found = raw(shown.replace(HOSTILE, ""))
            assert not found, (chapter.name, platform, found)
    told = transcript(chapters)
    # The sessions really went by, and what people asked was really answered: by their signs, as words change.
    for sign in "👋📖👀⚙📗🔴📈🏆🏁🔔🔕📬🔒🧹":
        assert told.count(sign) >= 2, sign
    assert "⚠" not in told


async def test_each_time_the_pages_are_the_same(tmp_path: Path) -> None:
    async def begin(scene: Stage) -> None:
        await scene.at(FRIDAY)
        async with scene.chapter("first-contact"):
            await scene.invite()
            await scene.both("/live", "live", {}, channel=scene.general)
        async with scene.chapter("watching"):
            await scene.uses("subscribe", {"mention": scene.listeners.mention, "in": scene.live})

    told: list[list[Chapter]] = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        async with stage(tmp_path / name, now=FRIDAY, chapters=outline()) as scene:
            await begin(scene)
            told.append(scene.chapters)
    first, second = ([page(one) for one in chapters] for chapters in told)
    assert first == second


def test_the_page_names_pictures_that_are_there() -> None:
    text = (DOCS / "tour.md").read_text(encoding="utf-8")
    pictures = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", text)
    assert pictures
    for target in [*pictures, *re.findall(r"\]\((tour/[^)]+)\)", text)]:
        assert (DOCS / target).is_file(), target
    named = {(DOCS / target).name for target in pictures}
    assert named == {one.name for one in (DOCS / "tour").glob("*.png")}, "no picture is left over"
    assert sum((DOCS / target).stat().st_size for target in pictures) < 6_000_000


def test_the_page_has_each_chapter_with_its_picture() -> None:
    chapters = outline()
    text = manual(chapters)
    for number, chapter in enumerate(chapters, 1):
        assert f"## {chapter.title}\n\n{chapter.sentence}\n" in text
        assert f"(tour/{file(number, chapter)}.png)" in text


def test_discords_markdown_is_read_as_its_apps_read_it() -> None:
    names = {"<#5>": "#live", "<@&6>": "@Listeners"}
    for written, shown in {
        "**a** and `b`": "<strong>a</strong> and <code>b</code>",
        r"\*\*a\*\* \<t:0:R>": "**a** &lt;t:0:R&gt;",
        "**a **\u200b**b**": "<strong>a </strong>\u200b<strong>b</strong>",
        "<#5> <@&6>": '<span class="pill channel">#live</span> <span class="pill call">@Listeners</span>',
        "[a\\*](https://x.example/y)": '<span class="link">a*</span>',
        "at <t:1746810000:t>, <t:1746810000:D>": (
            'at <span class="chip">19:00</span>, <span class="chip">9 May 2025</span>'
        ),
        "# a\nb": '<span class="heading">a</span>\nb',
        r"\# a": "# a",
        "see https://x.example.": 'see <span class="link">https://x.example</span>.',
        r"https:\//x.example": "https://x.example",
        "snake_case_word *b*": "snake_case_word <em>b</em>",
    }.items():
        assert discord.marked(written, names) == shown
    assert discord.marked("**a** [b](https://x.example)", names, only=discord.IN_TITLES) == (
        "<strong>a</strong> [b](https://x.example)"
    )


def test_telegrams_entities_are_counted_as_telegram_counts() -> None:
    entities = [
        {"type": "bold", "offset": 3, "length": 5},
        {"type": "text_link", "offset": 5, "length": 3, "url": "https://x.example"},
    ]
    assert telegram.marked("😀 <b> &c", entities) == (
        '😀 <span class="bold">&lt;b</span><span class="bold link">&gt; &amp;</span>c'
    )


def test_what_is_raw_is_found() -> None:
    for text in ("<b>a</b>", "**a**", "a &lt; b", "at <t:1:t>", "in <#5>", "[a](https://x.example)", "`a`"):
        chapter = Chapter("a", "A", "a", telegram=[Bubble(place="G", who="Ann", at=SECOND, text=text)])
        assert raw(columns(page(chapter))["telegram"]), text
