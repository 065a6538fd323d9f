"""A chat's figures as a file: its own, under its own names, of the time that was asked for."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from bot.chats.console.render import render
from bot.domain import DAY, HOUR, MINUTE
from bot.ports.command import Request
from bot.ports.message import Message, plain_text
from bot.services import watching
from bot.services.exporting import Form
from bot.services.exporting.chat import Parts, make
from bot.services.importing import How, bring
from bot.texts.words import Words
from handlers.export import in_parts
from storage.database import Database
from storage.imports import Outcome
from tests.fakes.stations import NOON, heard, recording
from tests.talk import Talk, talk


@pytest.fixture(name="bot")
async def _bot(tmp_path: Path) -> AsyncIterator[Talk]:
    async with talk(tmp_path, now=NOON) as bot:
        yield bot


async def two_stations(bot: Talk, tmp_path: Path) -> None:
    await heard(bot, recording(tmp_path, "Alpha", [[100, 120, 140]]), "=Alpha")
    await heard(bot, recording(tmp_path, "Beta", [[50, 60, None, 70]]), "Beta One")
    await bot.until(NOON + HOUR)


def taken(message: Message) -> dict[str, list[dict[str, str]]]:
    """Return the CSV files of an answer, and delete it as its sender would."""
    assert message.file is not None
    with ZipFile(message.file.path) as packed:
        names = [name for name in packed.namelist() if name.endswith(".csv")]
        texts = {name: packed.read(name).decode() for name in names}
    message.file.path.unlink()
    for text in texts.values():
        assert text.count("\r\n") == text.count("\n")
    return {name: list(csv.DictReader(io.StringIO(text, newline=""))) for name, text in texts.items()}


def lines_of(message: Message) -> list[dict[str, Any]]:
    assert message.file is not None
    with ZipFile(message.file.path) as packed:
        (name,) = packed.namelist()
        told = [json.loads(line) for line in packed.read(name).splitlines()]
    message.file.path.unlink()
    return told


async def test_one_watch_comes_with_its_sessions_and_readings_and_nothing_of_another(
    bot: Talk, tmp_path: Path
) -> None:
    await two_stations(bot, tmp_path)
    answer = await bot.ask("/export Beta One", is_admin=False)
    assert answer.file is not None
    assert answer.file.name == "Beta-One-csv.zip"
    files = taken(answer)
    assert set(files) == {"watches.csv", "sessions.csv", "samples.csv"}  # alerts are for admins
    (session,) = files["sessions.csv"]
    assert (session["peak"], session["state"]) == ("70", "ended")
    assert [row["concurrent"] for row in files["samples.csv"] if row["state"] == "live"] == ["50", "60", "", "70"]
    assert files["samples.csv"][0]["at"] == session["first_at"]
    assert session["first_at"].endswith("Z")
    assert "Alpha" not in repr(files)


async def test_without_a_name_all_comes_and_no_cell_is_a_formula(bot: Talk, tmp_path: Path) -> None:
    await two_stations(bot, tmp_path)
    files = taken(await bot.ask("/export"))
    assert [row["name"] for row in files["watches.csv"]] == ["'=Alpha", "Beta One"]
    assert {row["session"] for row in files["samples.csv"]} == {row["session"] for row in files["sessions.csv"]}
    assert {row["kind"] for row in files["alerts.csv"]} >= {"started", "ended"}
    assert {row["delivery"] for row in files["alerts.csv"]} == {"sent"}
    for rows in files.values():
        for row in rows:
            assert not any(cell.startswith(("=", "+", "-", "@")) for cell in row.values())


async def test_json_has_a_header_and_its_numbers_at_the_end(bot: Talk, tmp_path: Path) -> None:
    await two_stations(bot, tmp_path)
    told = lines_of(await bot.ask("/export Beta One json"))
    assert (told[0]["row"], told[0]["version"]) == ("milepost", 1)
    assert told[-1] == {
        "row": "end",
        **{kind: sum(line["row"] == kind for line in told) for kind in ("watch", "session", "alert", "sample")},
    }
    hidden = next(line for line in told if line["row"] == "sample" and "concurrent" not in line)
    assert hidden["state"] == "live"


async def test_what_another_chat_watches_or_was_told_is_not_in_it(bot: Talk, tmp_path: Path) -> None:
    await two_stations(bot, tmp_path)
    other = recording(tmp_path, "Beta", [[50, 60, None, 70]])
    await bot.ask(f"/watch replay:{other} as Secret Name", chat="elsewhere", is_operator=True, chat_title="Secret")
    assert "Secret" not in repr(taken(await bot.ask("/export")))
    files = taken(await bot.ask("/export", chat="elsewhere"))
    assert [row["name"] for row in files["watches.csv"]] == ["Secret Name"]
    assert files["alerts.csv"] == []  # it was told nothing yet


async def test_a_period_is_of_the_zone_and_an_empty_one_is_said_so(bot: Talk, tmp_path: Path) -> None:
    await two_stations(bot, tmp_path)
    today = "2023-11-14"
    for period in ("today", "week", "month", "year", "2023", "2023-11", today):
        answer = await bot.ask(f"/export Beta One {period}")
        assert len(taken(answer)["sessions.csv"]) == 1, period
    assert "There is no session of Beta One then" in await bot.say("/export Beta One 2023-12")
    bot.clock.now += DAY
    assert "There is no session" in await bot.say("/export Beta One today")


async def test_a_word_that_is_neither_form_nor_period_is_answered_with_an_example(
    bot: Talk, tmp_path: Path
) -> None:
    await two_stations(bot, tmp_path)
    for line in ("/export Beta One xls", "/export Beta One 2023-13", "/export Gamma"):
        shown = await bot.say(line)
        assert "❔" in shown
        assert "went wrong" not in shown
    assert "Nothing is watched" in (await bot.ask("/export", chat="new")).title[0].text


async def test_a_file_that_is_too_large_for_a_chat_is_offered_in_parts(bot: Talk, tmp_path: Path) -> None:
    await two_stations(bot, tmp_path)
    request = Request(platform="console", chat="console", command="export")
    services = bot.parts.dispatcher.services
    watched = [one for one in await watching.listed(services, request) if one.name == "Beta One"]

    async def answer(period: str) -> str:
        with pytest.raises(Parts) as refused:
            await make(
                services,
                request,
                watched,
                form=Form.CSV,
                period=period,
                zone="UTC",
                name="Beta One",
                limit=900,
            )
        words = Words()
        message = in_parts(request, refused.value, watched, called="Beta One", form=Form.CSV, words=words)
        assert message.file is None
        return render(message).plain + "".join(button.command or "" for button in message.buttons)

    assert "/export Beta One csv 2023-11" in await answer("all")
    assert "/export Beta One csv 2023-11-14" in await answer("2023-11")
    last = await answer("2023-11-14")
    assert "/export" not in last
    assert "milepost export --watch replay:" in last


async def test_a_live_session_is_told_as_it_stands(bot: Talk, tmp_path: Path) -> None:
    await heard(bot, recording(tmp_path, "Alpha", [[100, 120, 140, 130, 90, 80]]), "Alpha")
    await bot.until(NOON + 3 * MINUTE)
    (session,) = taken(await bot.ask("/export Alpha"))["sessions.csv"]
    assert (session["state"], session["peak"], session["ended_at"]) == ("live", "140", "")


async def test_what_a_chat_exports_can_be_imported_elsewhere(bot: Talk, tmp_path: Path) -> None:
    await two_stations(bot, tmp_path)
    for number, line in enumerate(("/export json", "/export csv")):
        answer = await bot.ask(line)
        assert answer.file is not None
        other = Database(f"sqlite:///{tmp_path}/other-{number}.db", throwaway=True)
        await other.open()
        try:
            report = await bring(other, answer.file.path, How(now=bot.clock.now))
            assert not report.mistakes
            assert (len(report.watches), report.sessions) == (2, {Outcome.NEW: 2})
            assert report.samples >= 6
            assert report.alerts >= 4
        finally:
            await other.close()
            answer.file.path.unlink()


async def test_one_file_is_written_at_a_time(bot: Talk, tmp_path: Path) -> None:
    await two_stations(bot, tmp_path)
    answers = await asyncio.gather(*(bot.ask("/export") for _ in range(3)))
    files = [answer.file for answer in answers if answer.file is not None]
    assert len(files) == 1
    files[0].path.unlink()
    assert sum("try again" in plain_text(answer.title) for answer in answers) == 2
    taken(await bot.ask("/export"))
