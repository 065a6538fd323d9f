"""/chart, from the readings in the store to the picture."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.domain import DAY, HOUR, MINUTE, SECOND
from bot.domain.chart import Kind
from bot.domain.plot import Plot
from bot.domain.reading import Reading, State
from bot.domain.session import Sample
from bot.domain.statistics import Tally
from bot.ports.command import Request
from bot.services import charting, watching
from bot.texts import charting as drawn
from bot.texts.words import Words
from storage import samples
from tests.fakes import rows
from tests.talk import Talk, talk

NOON = 1_700_000_000_000 // DAY * DAY + 12 * HOUR
PNG = b"\x89PNG\r\n"


@pytest.fixture(name="bot")
async def _bot(tmp_path: Path) -> AsyncIterator[Talk]:
    async with talk(tmp_path, now=NOON) as bot:
        yield bot


def night(
    folder: Path, *evenings: list[int | None], title: str = "The Late Show", platform: str = "twitch"
) -> Path:
    """A recording of evenings, ten minutes apart, a reading a minute; None is no answer."""
    lines: list[dict[str, object]] = [{"replay": 1, "platform": platform, "watch": "Night Radio", "interval": 60}]
    at = NOON
    for number, values in enumerate(evenings):
        for value in values:
            moment = datetime.fromtimestamp(at / SECOND, tz=UTC).isoformat().replace("+00:00", "Z")
            if value is None:
                lines.append({"at": moment, "error": "unavailable"})
            else:
                lines.append(
                    {"at": moment, "session": f"s{number}", "state": "live", "title": title, "concurrent": value}
                )
            at += MINUTE
        for _ in range(10):
            moment = datetime.fromtimestamp(at / SECOND, tz=UTC).isoformat().replace("+00:00", "Z")
            lines.append({"at": moment, "state": "offline"})
            at += MINUTE
    path = folder / "night.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)))
    return path


async def plotted(bot: Talk) -> Plot:
    """What is drawn of the only watch."""
    services = bot.parts.dispatcher.services
    request = Request(platform="console", chat="console", command="chart", is_admin=True)
    plot = await charting.latest(services, request, await watching.find(services, request, ""))
    assert plot is not None
    return plot


async def test_a_chart_of_the_last_session_says_in_words_what_it_shows(bot: Talk, tmp_path: Path) -> None:
    await bot.say(f"/watch replay:{night(tmp_path, [80, 120, 300, 700, 500])}")
    await bot.until(NOON + 20 * MINUTE, step=MINUTE)
    answer = await bot.ask("/chart")
    assert answer.picture is not None
    assert answer.picture.png.startswith(PNG)
    assert answer.picture.alt == (
        "Line chart of Night Radio on 14 November 2023, 12:00 to 12:04 UTC: highest with 700 viewers at 12:03."
    )
    shown = await bot.say("/chart night radio dark tall")
    assert "Night Radio, 14 November 2023" in shown
    assert "Highest: 700 viewers, at 12:03 UTC." in shown


async def test_a_live_chart_says_so(bot: Talk, tmp_path: Path) -> None:
    await bot.say(f"/watch replay:{night(tmp_path, [80, 120, 300])}")
    await bot.until(NOON + 2 * MINUTE)
    assert "Highest so far: 300 viewers" in await bot.say("/chart")


async def test_without_enough_readings_there_is_no_picture(bot: Talk, tmp_path: Path) -> None:
    await bot.say(f"/watch replay:{night(tmp_path, [80, 90])}")
    assert "has not been live yet" in await bot.say("/chart")
    await bot.until(NOON)
    await bot.parts.poll.tick(NOON)
    answer = await bot.ask("/chart")
    assert answer.picture is None
    assert "not enough readings" in await bot.say("/chart")


async def test_a_watch_that_is_called_like_a_look_is_found(bot: Talk, tmp_path: Path) -> None:
    await bot.say(f"/watch replay:{night(tmp_path, [80, 120, 300])} as Dark")
    await bot.until(NOON + 20 * MINUTE, step=MINUTE)
    assert "Dark, 14 November" in await bot.say("/chart dark")
    assert "Dark, 14 November" in await bot.say("/chart dark light")
    assert "I do not understand “purple”" in await bot.say("/chart dark purple")


async def test_what_was_told_is_marked_with_its_moment(bot: Talk, tmp_path: Path) -> None:
    await bot.say(f"/watch replay:{night(tmp_path, [80, 400, 90], [60, 120, 260, 410, 600, 90])}")
    await bot.until(NOON + 30 * MINUTE, step=MINUTE)
    plot = await plotted(bot)
    second = NOON + 13 * MINUTE
    assert plot.rungs == tuple((second + minute * MINUTE, rung) for minute, rung in ((1, 100), (2, 250), (4, 500)))
    assert plot.record is not None
    assert (plot.record.value, plot.record.at) == (400, second + 3 * MINUTE)
    chart = drawn.chart(plot, Words())
    assert {one.kind for one in chart.marks} == {Kind.PEAK, Kind.RECORD, Kind.RUNG}
    assert [one.label for one in chart.marks] == [
        "600 at 12:17",
        "500 at 12:17",
        "250 at 12:15",
        "100 at 12:14",
        "Record until 12:16: 400",
    ]


async def test_a_record_that_stands_above_is_shown_where_it_is_in_sight(bot: Talk, tmp_path: Path) -> None:
    await bot.say(f"/watch replay:{night(tmp_path, [80, 400, 90], [60, 120, 300, 90])}")
    await bot.until(NOON + 30 * MINUTE, step=MINUTE)
    plot = await plotted(bot)
    assert plot.record is not None
    assert (plot.record.value, plot.record.at) == (400, None)
    assert "Record: 400" in [one.label for one in drawn.chart(plot, Words()).marks]


async def test_the_session_before_starts_with_this_one(bot: Talk, tmp_path: Path) -> None:
    await bot.say(f"/watch replay:{night(tmp_path, [80, 90, 110], [60, 120, 150, 90])}")
    await bot.until(NOON + 30 * MINUTE, step=MINUTE)
    plot = await plotted(bot)
    assert plot.before is not None
    start = plot.course.first
    assert plot.before.points == ((start, 80), (start + MINUTE, 90), (start + 2 * MINUTE, 110))
    assert [one.faint for one in drawn.chart(plot, Words()).curves] == [False, True]


async def test_while_live_the_session_before_looks_ahead(bot: Talk, tmp_path: Path) -> None:
    await bot.say(f"/watch replay:{night(tmp_path, list(range(100, 130)), list(range(100, 130)))}")
    await bot.until(NOON + 40 * MINUTE + 12 * MINUTE)
    plot = await plotted(bot)
    assert plot.until == plot.course.last + 4 * MINUTE
    assert plot.before is not None
    assert plot.before.points[-1][0] == plot.until


async def test_gaps_are_gaps_and_glitches_are_left_out_and_said_so(bot: Talk, tmp_path: Path) -> None:
    values: list[int | None] = [100, 110, 0, 120, None, None, None, None, None, 130, 140]
    await bot.say(f"/watch replay:{night(tmp_path, values)}")
    await bot.until(NOON + 30 * MINUTE)
    plot = await plotted(bot)
    assert [value for _, value in plot.course.points] == [100, 110, 120, None, 130, 140]
    assert drawn.chart(plot, Words()).note == "1 reading left out as a glitch"


async def test_times_are_the_chats_and_the_zone_is_named(bot: Talk, tmp_path: Path) -> None:
    await bot.say(f"/watch replay:{night(tmp_path, [100] * 120)}")
    await bot.until(NOON + 2 * HOUR, step=MINUTE)
    chart = drawn.chart(await plotted(bot), Words(timezone="America/New_York"))
    assert chart.clock == "Time in America/New York"
    assert [one.label for one in chart.across] == ["07:00", "07:30", "08:00", "08:30"]
    assert [one.label for one in chart.up] == ["0", "50", "100"]


async def test_a_long_session_is_read_in_pages_and_drawn_by_its_extremes(bot: Talk) -> None:
    count, peak_at = 26 * 3_600, 12_345
    async with bot.parts.database.write() as connection:
        watch = await rows.a_watch(connection, interval=SECOND)
        tally = Tally(first_at=NOON, last_at=NOON + (count - 1) * SECOND, readings=count)
        session = await rows.a_session(connection, watch, state=State.ENDED, tally=tally)
        await samples.add(
            connection,
            [
                Sample(
                    session,
                    NOON + n * SECOND,
                    SECOND,
                    Reading(session="a", concurrent=180 if n == peak_at else 100 + n % 7),
                    broken=n == count // 2,
                )
                for n in range(count)
            ],
        )
    plot = await charting.plot(bot.parts.database, name="Long", watch=watch, session=session, chat_id=None)
    figures = [value for _, value in plot.course.points if value is not None]
    assert 2_400 <= len(figures) <= 4 * 1_201
    assert (min(figures), max(figures)) == (100, 180)
    assert len(plot.course.points) - len(figures) == 1
    chart = drawn.chart(plot, Words())
    assert [one.label for one in chart.marks] == ["180 at 15:25"]
    assert [one.label for one in chart.across] == ["12:00", "18:00", "15 Nov", "06:00", "12:00"]
    assert (await bot.parts.dispatcher.services.easel.draw(chart)).startswith(PNG)


async def test_figures_that_only_add_up_have_a_line_of_their_own(bot: Talk) -> None:
    async with bot.parts.database.write() as connection:
        watch = await rows.a_watch(connection, interval=MINUTE, metric="posts")
        tally = Tally(first_at=NOON, last_at=NOON + 9 * MINUTE)
        session = await rows.a_session(connection, watch, state=State.ENDED, tally=tally)
        figures = (5, 7, None, 12, None, None, None, None, 20, 21)
        await samples.add(
            connection,
            [
                Sample(session, NOON + n * MINUTE, MINUTE, Reading(session="a", posts=figure))
                for n, figure in enumerate(figures)
            ],
        )
    plot = await charting.plot(bot.parts.database, name="Tag", watch=watch, session=session, chat_id=None)
    assert [value for _, value in plot.course.points] == [5, 7, 12, None, 20, 21]
    chart = drawn.chart(plot, Words())
    assert chart.marks == ()
    assert "21 posts" in chart.subtitle


async def test_a_chart_that_cannot_be_drawn_is_told_plainly(tmp_path: Path) -> None:
    async with talk(tmp_path, now=NOON) as bot:
        await bot.say(f"/watch replay:{night(tmp_path, [80, 120, 300])}")
        await bot.until(NOON + 20 * MINUTE, step=MINUTE)
        await bot.parts.dispatcher.services.easel.close()
        answer = await bot.ask("/chart")
        assert answer.picture is None
        assert "could not be drawn" in await bot.say("/chart")


async def test_names_and_units_of_any_length_are_drawn(bot: Talk) -> None:
    async with bot.parts.database.write() as connection:
        watch = (await rows.a_watch(connection, interval=MINUTE))._replace(unit="u" * 500)
        tally = Tally(first_at=NOON, last_at=NOON + 2 * MINUTE)
        session = await rows.a_session(connection, watch, state=State.ENDED, tally=tally, title="t" * 9_000)
        readings = [Reading(session="a", concurrent=figure) for figure in (100, 110, 120)]
        await samples.add(
            connection, [Sample(session, NOON + n * MINUTE, MINUTE, one) for n, one in enumerate(readings)]
        )
    easel = bot.parts.dispatcher.services.easel
    plot = await charting.plot(bot.parts.database, name="n" * 5_000, watch=watch, session=session, chat_id=None)
    assert (await easel.draw(drawn.chart(plot, Words()))).startswith(PNG)
    assert (await easel.draw(drawn.compared([plot.course] * 4, Words()))).startswith(PNG)
    assert len(drawn.alt(plot, Words())) < 1_000
    assert len(drawn.alt_compared([plot.course, plot.course], Words())) < 2_000
