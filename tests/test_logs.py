"""Logs of the real program: one line a fact, of the form that was asked for, whatever goes wrong."""

from __future__ import annotations

import ast
import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from tests.servers.pages import free_port

ROOT = Path(__file__).parent.parent
#: Fields that hold what people wrote.
OF_PEOPLE = {"title", "titles", "text", "texts", "names", "hosts"}

#: The program beside what libraries, threads and the interpreter say when something breaks.
WITH_TROUBLE = """
import logging, threading, time, warnings
from bot.__main__ import main

def breaks(token):
    raise ValueError("first line\\nsecond line")

def trouble():
    while not logging.getLogger().handlers:  # until logs are set up
        time.sleep(0.01)
    try:
        breaks("a-secret-in-a-local-variable")
    except ValueError:
        logging.getLogger("some.library").exception("it %s\\nin two lines \\u202e\\x1b[31m", "broke")
    warnings.warn("this is old", DeprecationWarning)
    logging.getLogger("asyncio").error("Task exception was never retrieved")
    breaks("a-secret-in-a-local-variable")

threading.Thread(target=trouble, name="trouble").start()
main()
"""


#: A command that fails as the database is away, and a fault of the program's own.
WITH_OUTAGE = """
import asyncio
import structlog
from sqlalchemy.ext.asyncio import create_async_engine
from bot.logs import set_up_logs

async def ask():
    async with create_async_engine("postgresql+asyncpg://ann@127.0.0.1:1/a").connect():
        pass

set_up_logs(style="text", level="info")
for work in (lambda: asyncio.run(ask()), lambda: open("/not/there")):
    try:
        work()
    except Exception:
        structlog.get_logger().exception("a command failed")
"""


async def lines_of(folder: Path, *, code: str = WITH_TROUBLE, until: str, **settings: str) -> list[str]:
    """Run the program until its log says something, and end it; returns the log."""
    log = folder / "log"
    with log.open("wb") as out:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-W", "always", "-c", code, "run"),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=out,
            env={
                **os.environ,
                "DATABASE_URL": f"sqlite:///{folder}/milepost.db",
                **dict.fromkeys(("TELEGRAM_TOKEN", "DISCORD_TOKEN", "HTTP_ADDRESS", "PUBLIC_URL"), ""),
                **settings,
            },
        )
    try:
        async with asyncio.timeout(60):
            while True:
                if process.returncode is not None or until in log.read_text(encoding="utf-8"):
                    break
                await asyncio.sleep(0.05)
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        await asyncio.wait_for(process.wait(), 30)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return log.read_text(encoding="utf-8").splitlines()


async def test_every_line_is_json_tracebacks_and_lines_of_libraries_too(tmp_path: Path) -> None:
    lines = await lines_of(
        tmp_path,
        until="telegram cannot be reached",
        LOG_FORMAT="json",
        TELEGRAM_TOKEN="123456:" + "A" * 35,
        TELEGRAM_API_URL=f"http://127.0.0.1:{free_port()}",
    )
    told: list[dict[str, Any]] = [json.loads(line) for line in lines]
    assert all({"event", "level", "timestamp"} <= one.keys() for one in told)
    events = {one["event"]: one for one in told}
    of_library = next(one for one in told if one.get("library") == "some.library")
    assert of_library["level"] == "error"
    assert "second line" in of_library["exception"]
    assert events["a thread ended by a fault"]["thread"] == "trouble"
    assert any(one.get("library") == "py.warnings" and "this is old" in one["event"] for one in told)
    assert events["Task exception was never retrieved"]["library"] == "asyncio"
    assert {"milepost runs", "milepost stops", "telegram cannot be reached; trying again until it is back"} <= set(
        events
    )
    assert "a-secret" not in "".join(lines)


async def test_text_shows_no_local_variables_and_nothing_that_moves_the_cursor(tmp_path: Path) -> None:
    text = "\n".join(await lines_of(tmp_path, until="milepost runs", LOG_FORMAT="text"))
    assert "ValueError: first line" in text
    assert "a thread ended by a fault" in text
    assert "a-secret" not in text
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_an_outage_of_the_database_is_one_line_and_any_other_fault_has_its_traceback() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", WITH_OUTAGE], cwd=ROOT, check=True, capture_output=True, text=True, timeout=120
    )
    outage, fault, *trace = ran.stderr.splitlines()
    assert "a command failed" in outage
    assert "the database: " in outage
    assert "a command failed" in fault
    assert "FileNotFoundError" in trace[-1]


async def test_what_keeps_it_from_running_is_a_line_of_the_log_too(tmp_path: Path) -> None:
    (tmp_path / "milepost.db").write_text("no database")
    code = "from bot.__main__ import main; main()"
    (line,) = await lines_of(tmp_path, code=code, until="cannot", LOG_FORMAT="json")
    told = json.loads(line)
    assert (told["event"], told["level"]) == ("milepost cannot run", "critical")
    assert "cannot be opened" in told["why"]


async def test_a_fault_of_its_own_is_a_line_of_the_log_and_shows_no_secrets(tmp_path: Path) -> None:
    code = """
from bot.logs import set_up_logs
set_up_logs(style="json", level="info")
def ends(token):
    raise ValueError("no")
ends("a-secret-in-a-local-variable".upper())
"""
    (line,) = await lines_of(tmp_path, code=code, until="never")
    told = json.loads(line)
    assert told["event"] == "milepost ends by a fault of its own"
    assert "ValueError: no" in told["exception"]
    assert "A-SECRET" not in line


@cache
def calls() -> list[tuple[str, ast.Call]]:
    """Return every call of a log in the program, with where it is."""
    return list(_calls())


def _calls() -> Iterator[tuple[str, ast.Call]]:
    for folder in ("bot", "handlers", "storage"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            code = path.read_text(encoding="utf-8")
            if "log = structlog.get_logger(" not in code:
                continue
            for node in ast.walk(ast.parse(code)):
                if (
                    isinstance(node, ast.Call)
                    and isinstance(node.func, ast.Attribute)
                    and isinstance(node.func.value, ast.Name)
                    and node.func.value.id == "log"
                ):
                    yield f"{path.relative_to(ROOT)}:{node.lineno}", node


def test_an_event_is_a_constant_and_what_differs_stands_in_fields() -> None:
    assert len(calls()) > 50
    for where, call in calls():
        assert len(call.args) == 1, where
        for part in ast.walk(call.args[0]):
            assert not isinstance(part, ast.JoinedStr | ast.BinOp | ast.Call), where


def test_what_people_wrote_is_logged_at_debug_at_most() -> None:
    for where, call in calls():
        assert isinstance(call.func, ast.Attribute)
        if call.func.attr == "debug":
            continue
        for field in call.keywords:
            assert field.arg not in OF_PEOPLE, where
            assert not _is_of_people(field.value), where


def _is_of_people(value: ast.expr) -> bool:
    """Tell whether a value is a title, or the name that people gave to a watch or a chat."""
    return any(
        part.attr in OF_PEOPLE
        or (part.attr == "name" and isinstance(part.value, ast.Name) and part.value.id in {"watch", "chat"})
        for part in ast.walk(value)
        if isinstance(part, ast.Attribute)
    )
