"""What is exported and imported again is the same store; into one that has some of it, nothing comes twice."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings

from bot.services import exporting, importing
from bot.services.exporting import Form
from bot.services.importing import How, Refused, Report
from storage import memory, tables
from storage.database import Database
from storage.exports import Chosen
from storage.imports import Outcome
from tests.fakes.clock import NOW
from tests.fakes.histories import History, empty, histories, kept, measured

NAMES = {Form.CSV: "a.zip", Form.JSON: "a.jsonl"}


async def export(
    database: Database, path: Path, *, form: Form | None = None, chosen: Chosen | None = None
) -> None:
    wanted = form or (Form.CSV if path.suffix == ".zip" else Form.JSON)
    await exporting.write(database, path, form=wanted, chosen=chosen or Chosen(), now=NOW)


async def bring(database: Database, path: Path, **how: object) -> Report:
    return await importing.bring(database, path, How(now=NOW, **how))  # type: ignore[arg-type]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(history=histories())
def test_export_then_import_gives_the_same_store(history: History) -> None:
    async def there_and_back() -> None:
        with tempfile.TemporaryDirectory() as folder:
            database = Database(f"sqlite:///{folder}/milepost.db", throwaway=True)
            await database.open()
            try:
                await history.keep(database)
                before = await kept(database)
                files = [Path(folder) / name for name in NAMES.values()]
                for file in files:
                    await export(database, file)
                for file in files:
                    await empty(database)
                    report = await bring(database, file)
                    assert not report.mistakes, report.wrong
                    assert await kept(database) == before
                    again = await bring(database, file)
                    assert not again.changes
                    assert await kept(database) == before
            finally:
                await database.close()

    asyncio.run(there_and_back())


@pytest.mark.parametrize("name", ["a.zip", "a.jsonl", "a.jsonl.gz"])
async def test_on_either_engine_the_same_comes_back(database: Database, tmp_path: Path, name: str) -> None:
    await measured(3).keep(database)
    before = await kept(database)
    await export(database, tmp_path / name)
    await empty(database)
    report = await bring(database, tmp_path / name)
    assert (report.watches, report.samples, report.alerts) == (["x:@a"], 9, 3)
    assert report.sessions == {Outcome.NEW: 3}
    assert await kept(database) == before


async def test_a_json_export_in_a_zip_is_read_as_well(database: Database, tmp_path: Path) -> None:
    await measured(1).keep(database)
    before = await kept(database)
    await export(database, tmp_path / "a.zip", form=Form.JSON)
    await empty(database)
    await bring(database, tmp_path / "a.zip")
    assert await kept(database) == before


async def test_what_is_there_already_is_merged_with_the_rest(database: Database, tmp_path: Path) -> None:
    whole = measured(4)
    await whole.keep(database)
    before = await kept(database)
    await export(database, tmp_path / "all.jsonl")
    async with database.write() as connection:
        await connection.execute(sa.delete(tables.session).where(tables.session.c.id.in_([2, 3])))
        await connection.execute(sa.delete(tables.sample).where(tables.sample.c.offset % 2 == 0))
        await connection.execute(sa.delete(tables.alert).where(tables.alert.c.session_id == 1))
    report = await bring(database, tmp_path / "all.jsonl")
    assert report.sessions == {Outcome.NEW: 2, Outcome.SAME: 2}
    after = await kept(database)
    for table in ("session", "tally", "sample", "alert"):
        assert len(after[table]) == len(before[table])
    assert sorted(row["platform_ids"] for row in after["session"]) == [f'["s{n}"]' for n in range(1, 5)]


async def test_of_a_session_that_both_have_the_one_that_knows_more_stands(
    database: Database, tmp_path: Path
) -> None:
    short, long = measured(1, readings=[100, 200]), measured(1, readings=[100, 200, 300])
    await short.keep(database)
    await export(database, tmp_path / "short.jsonl")
    await empty(database)
    await long.keep(database)
    await export(database, tmp_path / "long.jsonl")
    known = await kept(database)
    assert (await bring(database, tmp_path / "short.jsonl")).sessions == {Outcome.LEFT: 1}
    assert await kept(database) == known
    await empty(database)
    await bring(database, tmp_path / "short.jsonl")
    assert (await bring(database, tmp_path / "long.jsonl")).sessions == {Outcome.CHANGED: 1}
    assert await kept(database) == known


async def test_what_was_observed_stands_and_readings_only_fill_what_is_not_there(
    database: Database, tmp_path: Path
) -> None:
    await measured(1, readings=[100, 200, 300]).keep(database)
    path = tmp_path / "a.jsonl"
    await export(database, path)
    known = await kept(database)
    text = path.read_text().replace('"peak":300', '"peak":900').replace('"tally_readings":3', '"tally_readings":9')
    path.write_text(text.replace('"concurrent":200', '"concurrent":900'))
    assert (await bring(database, path)).sessions == {Outcome.SAME: 1}
    assert await kept(database) == known

    await empty(database)  # of a longer one, that says otherwise of a moment that was observed
    await measured(1, readings=[100, 999, 300, 400]).keep(database)
    await export(database, path)
    await empty(database)
    await measured(1, readings=[100, 200, 300]).keep(database)
    assert (await bring(database, path)).sessions == {Outcome.CHANGED: 1}
    after = await kept(database)
    assert sorted(row["concurrent"] for row in after["sample"]) == [100, 200, 300, 400]
    (session,), (figures,) = after["session"], after["tally"]
    assert (session["peak"], session["average"], session["airtime"]) == (400, 250, 180)
    assert (figures["readings"], figures["confirmed"], figures["glitches"]) == (4, 400, 0)
    assert not (await bring(database, path)).changes
    assert await kept(database) == after


async def test_where_readings_were_let_go_nothing_is_filled_in(database: Database, tmp_path: Path) -> None:
    await measured(1, readings=[100, 200, 300, 400]).keep(database)
    path = tmp_path / "a.jsonl"
    await export(database, path)
    await empty(database)
    await measured(1, readings=[100, 200, 300]).keep(database)
    async with database.write() as connection:
        await connection.execute(sa.delete(tables.sample).where(tables.sample.c.concurrent == 100))
    known = await kept(database)
    assert (await bring(database, path)).sessions == {Outcome.LEFT: 1}
    assert await kept(database) == known


async def test_a_dry_run_tells_the_same_and_changes_nothing(database: Database, tmp_path: Path) -> None:
    await measured(2).keep(database)
    await export(database, tmp_path / "a.zip")
    await empty(database)
    before = await kept(database)
    told = await bring(database, tmp_path / "a.zip", dry=True)
    assert await kept(database) == before
    assert told == await bring(database, tmp_path / "a.zip")


async def test_one_bad_line_is_refused_by_its_number_and_nothing_comes_in(
    database: Database, tmp_path: Path
) -> None:
    await measured(2).keep(database)
    path = tmp_path / "a.jsonl"
    await export(database, path)
    await empty(database)
    path.write_text(path.read_text().replace('"concurrent":200', '"concurrent":-200', 1))
    number = next(n for n, line in enumerate(path.read_text().splitlines(), 1) if "-200" in line)
    report = await bring(database, path)
    assert report.wrong == [(f"line {number}", "“concurrent”: -200 is not a number of 0 or more")]
    assert not any((await kept(database)).values())
    report = await bring(database, path, skip_bad=True)
    assert (report.mistakes, report.samples) == (1, 5)
    assert len((await kept(database))["sample"]) == 5


async def test_a_file_that_was_cut_off_is_refused(database: Database, tmp_path: Path) -> None:
    await measured(2).keep(database)
    for name in ("a.jsonl", "a.jsonl.gz", "a.zip"):
        path = tmp_path / name
        await export(database, path)
        raw = path.read_bytes()
        for end in (len(raw) - 5, len(raw) // 2):
            path.write_bytes(raw[:end])
            with pytest.raises(Refused, match=r"cut off|damaged"):
                await bring(database, path)
    lines = (tmp_path / "whole.jsonl", (tmp_path / "b.jsonl"))
    await export(database, lines[0])
    text = lines[0].read_text().splitlines(keepends=True)
    lines[1].write_text("".join(text[:-2] + text[-1:]))
    with pytest.raises(Refused, match="something of it is lost"):
        await bring(database, lines[1])


async def test_a_newer_version_is_refused(database: Database, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"row":"milepost","version":2}\n{"row":"end"}\n')
    with pytest.raises(Refused, match="Use a newer one"):
        await bring(database, path)


async def test_an_address_without_its_secrets_needs_the_whole_one(database: Database, tmp_path: Path) -> None:
    await measured(1).keep(database)
    path = tmp_path / "a.jsonl"
    await export(database, path)
    path.write_text(path.read_text().replace("x:@a", "json:https://example.org/?…"))
    report = await bring(database, path)
    assert "--watch ADDRESS" in report.wrong[0][1]
    assert (await bring(database, path, watch="x:@a")).sessions == {Outcome.SAME: 1}


async def test_only_what_is_chosen_is_written(database: Database, tmp_path: Path) -> None:
    history = measured(3)
    await history.keep(database)
    begins = [row["first_at"] for row in history.rows["session"]]
    written = await exporting.write(
        database, tmp_path / "a.jsonl", form=Form.JSON, chosen=Chosen(first=begins[1], until=begins[2]), now=NOW
    )
    assert (written.sessions, written.samples, written.alerts) == (1, 3, 1)
    written = await exporting.write(
        database, tmp_path / "b.jsonl", form=Form.JSON, chosen=Chosen(watch_ids=(77,)), now=NOW
    )
    assert (written.watches, written.sessions, written.samples, written.alerts) == (0, 0, 0, 0)


async def test_a_file_that_would_be_too_large_is_not_left_behind(database: Database, tmp_path: Path) -> None:
    await measured(3).keep(database)
    path = tmp_path / "a.jsonl"
    with pytest.raises(exporting.TooLarge):
        await exporting.write(database, path, form=Form.JSON, chosen=Chosen(), now=NOW, limit=500)
    assert not path.exists()


async def test_who_let_old_readings_go_begins_anew_after_an_import(database: Database, tmp_path: Path) -> None:
    await measured(1).keep(database)
    await export(database, tmp_path / "a.jsonl")
    await empty(database)
    async with database.write() as connection:
        await memory.put(connection, "prune", {"thin": "[5, 5]", "sweep": "null"})
    await bring(database, tmp_path / "a.jsonl")
    async with database.read() as connection:
        assert await memory.get(connection, "prune", ["thin", "sweep"]) == {"sweep": "null"}
