"""A table of old figures: read where it can be read in one way, refused by line where not; marked as imported."""

from __future__ import annotations

from contextlib import suppress
from datetime import date, datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from bot.domain import DAY, HOUR, MINUTE
from bot.domain.alerts.record import Scope
from bot.domain.measure import Measure
from bot.domain.reading import State
from bot.domain.session import Session
from bot.pipeline.detect import Detect
from bot.services import importing
from bot.services.exporting.cells import Unfit
from bot.services.importing import How, Refused, Report, plain
from bot.services.importing.dates import Order, length, moment, when
from bot.services.importing.numbers import Signs, number, signs_of
from storage import records, retention, sessions, tables
from storage.database import Database
from storage.imports import Outcome
from storage.watches import Watch
from tests.fakes.clock import NOW
from tests.fakes.rows import a_chat, a_watch, listens, past

KARACHI = ZoneInfo("Asia/Karachi")
UTC = ZoneInfo("UTC")


@pytest.fixture(name="watch")
async def _watch(database: Database) -> Watch:
    async with database.write() as connection:
        return await a_watch(connection, "@a", source="x", timezone="Asia/Karachi")


async def bring(database: Database, folder: Path, text: str | bytes, **how: object) -> Report:
    path = folder / "old.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    settings = {"now": NOW, "watch": "x:@a", **how}
    return await importing.bring(database, path, How(**settings))  # type: ignore[arg-type]


def read(text: str) -> plain.Table:
    return plain.read(text, zone=KARACHI, now=NOW)


async def kept(database: Database) -> list[dict[str, object]]:
    async with database.read() as connection:
        found = await connection.execute(sa.select(*tables.session.c).order_by(tables.session.c.first_at))
        return [dict(row._mapping) for row in found]


@pytest.mark.usefixtures("watch")
async def test_old_sessions_are_marked_with_where_they_are_from(database: Database, tmp_path: Path) -> None:
    text = (
        "Title,Date,Peak (viewers),Average,Tuned in,Link\n"
        '"PTI, live",2022-04-20,165000,,446000,https://tribune.com.pk/story/2353587\n'
    )
    report = await bring(database, tmp_path, text, source="The Express Tribune")
    assert (report.sessions, report.mistakes) == ({Outcome.NEW: 1}, 0)
    (session,) = await kept(database)
    noon = moment(date(2022, 4, 20), plain.NOON, KARACHI)
    wanted = {
        "origin": "The Express Tribune",
        "title": "PTI, live",
        "url": "https://tribune.com.pk/story/2353587",
        "state": "ended",
        "first_at": noon,
        "started_at": None,  # only its day is known
        "peak": 165_000,
        "peak_at": None,
        "average": None,
        "tuned_in": 446_000,
        "airtime": None,
        "coverage": None,
    }
    assert {name: session[name] for name in wanted} == wanted


@pytest.mark.usefixtures("watch")
async def test_times_are_of_the_zone_and_lengths_are_known(database: Database, tmp_path: Path) -> None:
    text = "start;end;peak\n20.04.2022 22:00;00:30;1.000\n"
    await bring(database, tmp_path, text)
    (session,) = await kept(database)
    assert session["started_at"] == session["first_at"] == 1_650_474_000_000  # 17:00 in UTC
    assert session["airtime"] == 2.5 * HOUR / 1000
    assert (session["peak"], session["coverage"]) == (1000, None)
    await bring(database, tmp_path, "start;peak\n20.04.2022 22:00;1\n", zone=UTC)
    assert [one["first_at"] for one in await kept(database)] == [1_650_474_000_000, 1_650_474_000_000 + 5 * HOUR]


@pytest.mark.usefixtures("watch")
async def test_the_same_file_again_changes_nothing_and_a_corrected_one_corrects(
    database: Database, tmp_path: Path
) -> None:
    await bring(database, tmp_path, "date,peak\n2022-04-20,100\n2022-04-21,200\n")
    again = await bring(database, tmp_path, "peak,date\n200,21 April 2022\n100,20.04.2022\n")
    assert again.sessions == {Outcome.SAME: 2}
    assert not again.changes
    corrected = await bring(database, tmp_path, "date,peak\n2022-04-20,150\n")
    assert corrected.sessions == {Outcome.CHANGED: 1}
    assert [one["peak"] for one in await kept(database)] == [150, 200]


async def test_what_was_observed_is_not_imported_over(database: Database, watch: Watch, tmp_path: Path) -> None:
    async with database.write() as connection:
        await past(connection, watch, "seen", 500, ended_at=NOW - DAY)
    first = NOW - DAY - HOUR
    day = datetime.fromtimestamp(first / 1000, KARACHI)
    text = f"date,start,peak\n{day:%Y-%m-%d},,900\n,{day:%Y-%m-%dT%H:%M},900\n2020-01-01,,5\n"
    report = await bring(database, tmp_path, text)
    assert (report.observed, report.sessions) == ([2, 3], {Outcome.NEW: 1})


@pytest.mark.usefixtures("watch")
async def test_one_wrong_line_keeps_everything_out_unless_it_is_skipped(
    database: Database, tmp_path: Path
) -> None:
    text = "date,peak,average\n2022-04-20,100,\n2022-04-21,100,200\n2022-04-22,many,\n"
    report = await bring(database, tmp_path, text)
    assert report.wrong == [
        ("line 3", "its average of 200 is above its peak of 100"),
        ("line 4", "peak: 'many' is not a number"),
    ]
    assert await kept(database) == []
    assert (await bring(database, tmp_path, text, dry=True, skip_bad=True)).sessions == {Outcome.NEW: 1}
    assert await kept(database) == []
    await bring(database, tmp_path, text, skip_bad=True)
    assert [one["peak"] for one in await kept(database)] == [100]


@pytest.mark.usefixtures("watch")
async def test_it_must_be_said_whose_figures_they_are(database: Database, tmp_path: Path) -> None:
    text = "date,peak\n2022-04-20,100\n"
    with pytest.raises(Refused, match="--watch ADDRESS"):
        await bring(database, tmp_path, text, watch=None)
    with pytest.raises(Refused, match="Did you mean x:@a"):
        await bring(database, tmp_path, text, watch="x:@aa")


async def test_an_imported_session_is_a_rival_and_named_so_but_not_among_those_tracked(
    database: Database, watch: Watch, tmp_path: Path
) -> None:
    async with database.write() as connection:
        chat = await a_chat(connection)
        await listens(connection, chat, watch)
        own = await past(connection, watch, "seen", 500, ended_at=NOW - DAY)
    await bring(database, tmp_path, "date,peak,link\n2022-04-20,900,https://example.org/\n", source="a newspaper")
    async with database.read() as connection:
        found = await records.fields(connection, watch, chat_id=chat.id, measure=Measure.PEAK, apart_from=0)
        field = found[Scope.WATCH]
        assert (field.best.value, field.best.imported, field.best.origin) == (900, True, "a newspaper")
        assert (field.best.date, field.best.link) == ("2022-04-20", "https://example.org/")
        assert (field.sessions, field.since) == (1, own.tally.first_at)
        ((_, _, _, by_measure),) = await records.past(connection)
        assert by_measure[Measure.PEAK] == (900, 1, own.tally.first_at)
        assert [one.id for one in await sessions.newest(connection, watch.id, 5)] == [own.id]


async def test_a_platform_s_terms_do_not_delete_what_people_brought_along(
    database: Database, watch: Watch, tmp_path: Path
) -> None:
    async with database.write() as connection:
        own = await past(connection, watch, "seen", 500, ended_at=NOW - DAY)
    await bring(database, tmp_path, "date,peak\n2022-04-20,900\n")
    async with database.read() as connection:
        found = await retention.expired(connection, "x", until=NOW, limit=5)
        assert [one.id for one in found] == [own.id]
        found = await retention.ended(connection, source=None, after=(-1, -1), until=NOW, limit=5)
        assert [one.id for one in found] == [own.id]


async def test_a_poller_that_runs_beside_takes_an_import_up(
    database: Database, watch: Watch, tmp_path: Path
) -> None:
    detect, live = Detect(), Session(watch.id, ["b"], State.LIVE)
    async with database.write() as connection:
        await listens(connection, await a_chat(connection), watch)
        await detect.refresh(connection, [watch.id])
        assert detect.ahead(watch, live) == 10
    await bring(database, tmp_path, "date,peak\n2022-04-20,900\n")
    async with database.write() as connection:
        await detect.refresh(connection, [watch.id])
        assert detect.ahead(watch, live) == 100  # what is far below the best is not told


@pytest.mark.parametrize(
    ("text", "whole", "value"),
    [
        ("1234", True, 1234),
        ("0", True, 0),
        ("44,000", True, 44_000),
        ("1.234.567", False, 1_234_567),
        ("12,34,567", True, 1_234_567),
        ("1.234,5", False, 1234.5),
        ("1,234.5", False, 1234.5),
        ("12,5", False, 12.5),
        ("0.125", False, 0.125),
        ("44 000", False, 44_000),
        ("44\u202f000", False, 44_000),
        ("44'000", False, 44_000),
        ("1234.567", False, 1234.567),
        ("٤٤٠٠٠", True, 44_000),
    ],
)
def test_numbers_that_can_be_read_in_one_way(text: str, whole: bool, value: float) -> None:
    assert number(text, Signs(), whole=whole) == value


@pytest.mark.parametrize(
    "text", ["1.234", "1,234", "12 34", "1.2.3", "-5", "5k", "1e3", "5%", "½", "1,2,3", "1.234.56", "0x10"]
)
def test_numbers_that_may_be_two_or_none_are_refused(text: str) -> None:
    with pytest.raises(Unfit):
        number(text, Signs(), whole=False)


def test_the_rest_of_the_file_tells_what_a_sign_means() -> None:
    assert number("1.234", signs_of([("12,5", False)]), whole=False) == 1234
    assert number("1.234", signs_of([("12.5", False)]), whole=False) == 1.234
    assert number("1.234", signs_of([("44.000", True)]), whole=False) == 1234
    with pytest.raises(Unfit):  # the file contradicts itself
        number("1.234", signs_of([("12.5", False), ("12,5", False)]), whole=False)
    with pytest.raises(Unfit):  # a count would be a fraction
        number("1.234", signs_of([("12.5", False)]), whole=True)


@given(st.integers(0, 10**9))
def test_any_number_of_people_is_read_as_it_was_written(value: int) -> None:
    for sign in ",. '":
        assert number(f"{value:,}".replace(",", sign), Signs(), whole=True) == value


@pytest.mark.parametrize(
    "text",
    ["2022-04-20", "2022/4/20", "20.04.2022", "20. 4. 2022", "20/04/2022", "04/20/2022", "20 April 2022",
     "20th April, 2022", "April 20, 2022", "Apr 20 2022", "20-Apr-2022"],
)  # fmt: skip
def test_days_that_can_be_read_in_one_way(text: str) -> None:
    found = when(text, Order())
    assert (str(found.day), found.clock) == ("2022-04-20", None)


@pytest.mark.parametrize(
    ("text", "clock"),
    [("2022-04-20 17:05", "17:05:00"), ("2022-04-20T17:05:09Z", "17:05:09"), ("20.04.2022, 5:05 pm", "17:05:00"),
     ("17:05", "17:05:00"), ("12:05 am", "00:05:00")],
)  # fmt: skip
def test_times_of_day(text: str, clock: str) -> None:
    assert str(when(text, Order()).clock) == clock


@pytest.mark.parametrize(
    "text", ["04/05/2022", "2022-13-01", "31.02.2022", "20 Foo 2022", "44671", "20.04.22", "yesterday", "25:00"]
)
def test_days_that_may_be_two_or_none_are_refused(text: str) -> None:
    with pytest.raises(Unfit):
        when(text, Order())


def test_another_line_tells_whether_days_or_months_come_first() -> None:
    first, _ = read("date,peak\n04/05/2022,1\n20/05/2022,1\n").sessions
    assert first.day == date(2022, 5, 4)
    both = read("date,peak\n04/05/2022,1\n20/05/2022,1\n05/21/2022,1\n")
    assert [one.line for one in both.wrong] == [2]


def test_a_time_that_clocks_left_out_is_refused() -> None:
    with pytest.raises(Unfit, match="put forward"):
        moment(date(2026, 3, 29), time(2, 30), ZoneInfo("Europe/Berlin"))


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [("2:30:00", None, 150), ("2h 30m", None, 150), ("150 min", None, 150), ("2 hours", None, 120),
     ("150", MINUTE, 150), ("2,5", HOUR, 150)],
)  # fmt: skip
def test_lengths(text: str, unit: int | None, value: int) -> None:
    assert length(text, unit) == value * MINUTE


@pytest.mark.parametrize("text", ["2:30", "150", "long", "nan", "inf"])
def test_lengths_that_may_be_two_or_none_are_refused(text: str) -> None:
    with pytest.raises(Unfit):
        length(text, None)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_what_spreadsheets_write(encoding: str, delimiter: str) -> None:
    text = delimiter.join(["Datum", "Peak", "Title"]) + "\r\n" + delimiter.join(["20.04.2022", "1234", "ٹائٹل"])
    table = read(plain.decoded(text.encode(encoding)))
    assert [(one.peak, one.title) for one in table.sessions] == [(1234, "ٹائٹل")]


def test_text_in_another_encoding_is_refused() -> None:
    with pytest.raises(plain.NotATable, match="CSV UTF-8"):
        plain.decoded("date,title\n2022-04-20,Müller".encode("cp1252"))


@pytest.mark.parametrize(
    "header", ["", "a,b,c", "peak,average", "date,title", "date,peak,max", "just text", "{}", "date"]
)
def test_what_is_no_table_of_sessions_is_refused_as_a_whole(header: str) -> None:
    with pytest.raises(plain.NotATable):
        read(f"{header}\n2022-04-20,1,2\n")


def test_columns_that_nobody_knows_are_named_and_left_out() -> None:
    table = read("date,peak,followers gained\n2022-04-20,100,5\n")
    assert (table.left_out, len(table.sessions)) == (("followers gained",), 1)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("2022-04-20,,", "it tells no figure and no length"),
        (",100,", "it has neither a date nor a start"),
        ("2099-01-01,100,", "2099-01-01 has not come yet"),
        ("2022-04-20,100,javascript:alert(1)", "is not a link"),
        ("2022-04-20,100,,,9", "it has 5 cells, the header 3"),
        ("2022-04-20,9999999999999999999,", "more than people can be counted"),
    ],
)
def test_lines_that_cannot_be_true_are_refused(line: str, why: str) -> None:
    ((number_, told),) = read(f"date,peak,link\n{line}\n").wrong
    assert number_ == 2
    assert why in told


def test_two_sessions_of_a_day_need_a_title_or_a_time() -> None:
    assert "line 2" in read("date,peak\n2022-04-20,1\n2022-04-20,2\n").wrong[0].why
    assert len(read("date,peak,title\n2022-04-20,1,a\n2022-04-20,2,b\n").sessions) == 2


def test_unknown_stays_unknown_and_zero_stays_zero() -> None:
    (one,) = read("date,peak,average,posts\n2022-04-20,0,n/a,-\n").sessions
    assert (one.peak, one.average, one.posts, one.tuned_in) == (0, None, None, None)


@given(st.text())
def test_no_text_at_all_breaks_the_reader(text: str) -> None:
    read("date,peak,duration,link\n" + text)
    with suppress(plain.NotATable):
        read(text)
