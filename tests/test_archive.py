"""``milepost export`` and ``milepost import`` as a person gives them, each a process of its own."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from storage.database import Database
from tests.fakes.histories import kept, measured


def milepost(folder: Path, *arguments: str, database: str = "milepost") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bot", *arguments],
        env={**os.environ, "DATABASE_URL": f"sqlite:///{folder}/{database}.db"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


async def _open(folder: Path, name: str = "milepost") -> Database:
    database = Database(f"sqlite:///{folder}/{name}.db")
    await database.open()
    return database


@pytest.fixture(name="database")
async def _database(tmp_path: Path) -> Database:
    """A bot's database, which it has open and locked."""
    database = await _open(tmp_path)
    await measured(2).keep(database)
    return database


async def test_an_export_may_be_made_while_the_bot_runs_and_an_import_is_refused(
    tmp_path: Path, database: Database
) -> None:
    try:
        told = await asyncio.to_thread(milepost, tmp_path, "export", f"{tmp_path}/a.jsonl")
        assert told.returncode == 0, told.stderr
        assert "1 watches, 2 sessions, 2 alerts, 6 readings" in told.stdout
        refused = await asyncio.to_thread(milepost, tmp_path, "import", f"{tmp_path}/a.jsonl")
        assert refused.returncode == 1
        assert "already runs Milepost on this database. Stop it first" in refused.stderr
        told = await asyncio.to_thread(milepost, tmp_path, "import", f"{tmp_path}/a.jsonl", database="other")
        assert told.returncode == 0, told.stderr
        assert "Sessions: 2 new." in told.stdout
        other = await _open(tmp_path, "other")
        assert await kept(other) == await kept(database)
        await other.close()
    finally:
        await database.close()


async def test_one_watch_or_one_chat_and_mistakes_in_saying_so(tmp_path: Path, database: Database) -> None:
    await database.close()

    def told(*arguments: str) -> tuple[int, str]:
        done = milepost(tmp_path, *arguments)
        assert "Traceback" not in done.stderr
        return done.returncode, done.stdout + done.stderr

    for arguments, code, words in (
        (["export", f"{tmp_path}/a.zip", "--watch", "x:@a"], 0, "2 sessions"),
        (["export", f"{tmp_path}/a.zip", "--watch", "x:@b"], 1, "Did you mean x:@a?"),
        (["export", f"{tmp_path}/a.zip", "--chat", "5"], 1, "There is no chat 5."),
        (["export", f"{tmp_path}/a.txt"], 1, "a.txt.zip for CSV"),
        (["export", f"{tmp_path}/a.jsonl", "--format", "csv"], 1, "end with .zip"),
        (["export", f"{tmp_path}/a.zip", "--format", "xml"], 1, "neither csv nor json"),
        (["export", f"{tmp_path}/none/a.zip"], 1, "cannot be written"),
        (["import", f"{tmp_path}/none.csv", "--watch", "x:@a"], 1, "cannot be read"),
        (["import", f"{tmp_path}/a.zip", "--timezone", "Mars"], 1, "no time zone 'Mars'"),
    ):
        found = await asyncio.to_thread(told, *arguments)
        assert found[0] == code, found
        assert words in found[1]
    assert sorted(path.name for path in tmp_path.glob("*.part*")) == []  # noqa: ASYNC240 - a test


async def test_old_figures_are_tried_refused_by_line_and_brought_in(tmp_path: Path, database: Database) -> None:
    await database.close()
    file = tmp_path / "old.csv"
    file.write_text("date,peak\n2022-04-20,165000\n2022-04-21,lots\n")
    common = ["import", str(file), "--watch", "x:@a", "--timezone", "Asia/Karachi", "--source", "a newspaper"]

    def told(*more: str) -> subprocess.CompletedProcess[str]:
        return milepost(tmp_path, *common, *more)

    refused = await asyncio.to_thread(told)
    assert refused.returncode == 1
    assert "line 3: peak: 'lots' is not a number." in refused.stdout
    assert "nothing was imported" in refused.stdout
    dry = await asyncio.to_thread(told, "--skip-bad", "--dry-run")
    assert "Sessions: 1 new." in dry.stdout
    assert "nothing was changed" in dry.stdout
    assert "Sessions: 1 new." in (await asyncio.to_thread(told, "--skip-bad")).stdout
    assert "Sessions: 1 there already." in (await asyncio.to_thread(told, "--skip-bad")).stdout


def test_without_a_database_there_is_nothing_to_export(tmp_path: Path) -> None:
    told = milepost(tmp_path, "export", f"{tmp_path}/a.zip")
    assert told.returncode == 1
    assert "There is no database" in told.stderr
    assert list(tmp_path.iterdir()) == []
