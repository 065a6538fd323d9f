"""/settings words: an admin sets, sees and tries what alerts say, and the alerts say it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.domain import HOUR, MINUTE
from bot.ports.message import plain_text
from bot.samples import SPACE
from tests.handlers.test_commands import NOON
from tests.talk import Talk, talk

TEXT = "🎉 {{ name }} passed {{ figure }}!\nNext: {{ next }}"


@pytest.fixture(name="new")
async def _new(tmp_path: Path) -> AsyncIterator[Talk]:
    """A chat that watches nothing."""
    async with talk(tmp_path, now=NOON) as bot:
        yield bot


@pytest.fixture(name="bot")
async def _bot(new: Talk) -> Talk:
    await new.say(f"/watch replay:{SPACE} as Night Radio")
    return new


async def test_a_text_is_set_tried_shown_and_taken_back(new: Talk) -> None:
    assert "Alerts are told in my own words." in await new.say("/settings")
    told = await new.say(f"/settings words milestones {TEXT}")
    assert "Told in this chat’s words: milestones." in told
    assert "🎉 {{ name }} passed {{ figure }}!\n" in told
    assert "How one would read:\n   🎉 Night Radio passed 1,000 listeners!\n   Next: 2,500\n" in told
    assert "Told in this chat’s words: milestones." in await new.say("/settings")
    page = await new.say("/settings words milestones")
    assert "{{ rung }} 1,000\n" in page
    assert "These say nothing there: title, hosts, next_in, last and pace." in page
    assert "rung_number, value_number" in page
    assert "{{ name }}: {{ figure }}" in await new.say("/settings words\nmilestones\n{{ name }}: {{ figure }}")
    back = await new.say("/settings words milestones default")
    assert "Told in my own words: milestones." in back
    assert "Night Radio reached 1,000 listeners" in back
    assert "Alerts are told in my own words." in await new.say("/settings words")


@pytest.mark.parametrize("said", ["off", "default", "None"])
async def test_all_texts_are_taken_back_at_once_and_the_answer_names_the_kinds(new: Talk, said: str) -> None:
    assert "Alerts are told in my own words." in await new.say(f"/settings words {said}")
    await new.say(f"/settings words milestones {TEXT}")
    await new.say("/settings words recap Over!")
    back = await new.say(f"/settings words {said}")
    assert "✅ Told in my own words: milestones and recap." in back
    assert "Alerts are told in my own words." in await new.say("/settings words")


@pytest.mark.parametrize("kind", ["start", "milestones", "records", "recap", "outages", "reminder", "close"])
async def test_each_kind_has_a_page_before_anything_is_watched(new: Talk, kind: str) -> None:
    page = await new.say(f"/settings words {kind}")
    assert "{{ name }} Night Radio" in page
    assert "How one would read:" in page


async def test_a_bad_text_is_refused_with_its_place_and_changes_nothing(new: Talk) -> None:
    await new.say(f"/settings words milestones {TEXT}")
    told = await new.say("/settings words milestones Hi\n  {{ nme }}")
    assert "There is no field nme." in told
    assert "Line 2, column 4: {{ 👉nme }}" in told
    assert "There are: date, elapsed," in told
    assert "Nothing was changed." in told
    assert "/settings words milestones 🎉 {{ name }}" in told
    assert "Next: {{ next }}" in await new.say("/settings words milestones")
    for wrong in ("shouts Hello", "Hello"):
        assert "Say which alerts: start, milestones" in await new.say(f"/settings words {wrong}")


async def test_only_admins_say_what_alerts_say(bot: Talk) -> None:
    refused = await bot.say(f"/settings words milestones {TEXT}", admin=False, operator=False)
    assert "admin" in refused
    assert "my own words" in await bot.say("/settings words")


async def test_alerts_and_tests_say_it_and_keep_their_buttons_and_figures(bot: Talk) -> None:
    await bot.say("/settings words milestones 🎉 {{ name }} passed {{ rung }}!")
    await bot.say("/settings words recap 🏁 {{ name }} is over, thank you {{ nobody }}")  # refused
    await bot.say("/settings words recap 🏁 {{ name }} is over, thank you!")
    shown = await bot.ask("/test Night Radio milestones")
    assert plain_text(shown.title).startswith("🎉 Night Radio passed ")
    assert "A preview: nothing happened, and nobody was called." in [plain_text(line) for line in shown.lines]
    told = await bot.until(NOON + 3 * HOUR)
    assert "🎉 Night Radio passed 100,000!" in told
    assert "reached" not in told
    assert "🏁 Night Radio is over, thank you!" in told
    assert "Tuned in" in told or "tuned in" in told
    assert "Figures are ours, read every" in told
    last = await bot.say("/settings words milestones")
    assert "How the last one reads:\n   🎉 Night Radio passed " in last


async def test_each_chat_has_words_of_its_own(bot: Talk) -> None:
    await bot.say("/settings words milestones Ours: {{ name }}")
    there = await bot.ask("/settings words milestones", chat="another")
    assert "Ours" not in " ".join(plain_text(line) for line in there.lines)


async def test_words_of_an_older_version_that_no_longer_work_break_no_alert(bot: Talk) -> None:
    await bot.say("/settings words milestones {{ name }}")
    async with bot.parts.database.write() as connection:
        await connection.exec_driver_sql("UPDATE wording SET text = '{{ gone }} {% for %}'")
    assert "Night Radio reached 100,000 participants" in await bot.until(NOON + 20 * MINUTE)
    assert "Told in this chat’s words: milestones." in await bot.say("/settings words milestones")
