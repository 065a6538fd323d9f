"""The drawing program and its keeper: real processes, real pipes."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bot.charts import Workshop, wire
from bot.charts.easel import PROGRAM
from bot.domain.chart import Curve
from bot.ports.easel import Broken, Busy, Refused
from tests.charts.charts import a_chart

PNG = b"\x89PNG\r\n"
#: Programs that misbehave, in place of the one that draws.
NEVER = (sys.executable, "-c", "import time; time.sleep(600)")
ENDS = (sys.executable, "-c", "import sys; sys.stdin.buffer.read(1)")
LIES = (
    sys.executable,
    "-c",
    "import sys; sys.stdout.buffer.write(b'\\xff' * 64); sys.stdout.flush(); sys.stdin.read()",
)
MISSING = ("/nowhere/at/all",)
PATIENCE = 20.0


@asynccontextmanager
async def workshop(**how: Any) -> AsyncIterator[Workshop]:
    one = Workshop(**how)
    try:
        yield one
    finally:
        await one.close()


def runs(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def gone(pid: int) -> bool:
    """Wait until a process has ended."""
    deadline = time.monotonic() + PATIENCE
    while runs(pid) and time.monotonic() < deadline:  # noqa: ASYNC110 - another program's end is no event of ours
        await asyncio.sleep(0.02)
    return not runs(pid)


async def test_charts_are_drawn_one_after_another_by_one_program() -> None:
    async with workshop() as easel:
        assert easel.pid is None
        first = await easel.draw(a_chart())
        pid = easel.pid
        both = await asyncio.gather(easel.draw(a_chart()), easel.draw(a_chart(dark=True)))
        assert first.startswith(PNG)
        assert both[0] == first
        assert both[1] != first
        assert easel.pid == pid
    assert pid is not None
    assert not runs(pid)


def test_the_bots_own_process_never_loads_the_drawing_library() -> None:
    """In a process of its own, as other tests draw in this one."""
    script = (
        "import asyncio, sys\n"
        "import bot.app\nimport bot.charts\n"
        "from tests.charts.charts import a_chart\n"
        "async def main():\n"
        "    easel = bot.charts.Workshop()\n"
        "    assert (await easel.draw(a_chart())).startswith(b'\\x89PNG')\n"
        "    await easel.close()\n"
        "asyncio.run(main())\n"
        "print(sorted(one for one in sys.modules if one.partition('.')[0] in {'matplotlib', 'numpy', 'PIL'}))\n"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert ran.stdout.splitlines()[-1:] == ["[]"], ran.stderr


async def test_what_is_no_chart_is_refused_and_the_program_goes_on() -> None:
    async with workshop() as easel:
        await easel.draw(a_chart())
        pid = easel.pid
        with pytest.raises(Refused, match="nothing to draw"):
            await easel.draw(a_chart(curves=(), marks=()))
        with pytest.raises(Refused, match="longer than"):
            await easel.draw(a_chart(title="x" * 1_000))
        assert (await easel.draw(a_chart())).startswith(PNG)
        assert easel.pid == pid


async def test_a_chart_that_is_too_large_is_not_even_sent() -> None:
    points = tuple((n, 123_456.789) for n in range(400_000))
    async with workshop(program=MISSING) as easel:
        with pytest.raises(Refused, match="too large"):
            await easel.draw(a_chart(curves=(Curve(label="", points=points),)))


async def test_only_so_many_wait() -> None:
    async with workshop(program=NEVER, most=3, seconds=600) as easel:
        waiting = [asyncio.create_task(easel.draw(a_chart())) for _ in range(3)]
        await asyncio.sleep(0)
        with pytest.raises(Busy):
            await easel.draw(a_chart())
        for one in waiting:
            one.cancel()
        assert all(
            isinstance(one, asyncio.CancelledError)
            for one in await asyncio.gather(*waiting, return_exceptions=True)
        )
        assert easel.pid is None


@pytest.mark.parametrize(
    ("program", "says"), [(NEVER, "within"), (ENDS, "went down"), (LIES, "bytes"), (MISSING, "nowhere")]
)
async def test_a_program_that_does_not_answer_is_ended_and_the_next_chart_tries_anew(
    program: tuple[str, ...], says: str
) -> None:
    async with workshop(program=program, seconds=0.5 if program is NEVER else PATIENCE) as easel:
        for _ in range(2):
            with pytest.raises(Broken, match=says):
                await easel.draw(a_chart())
            assert easel.pid is None


async def test_a_program_that_was_killed_is_started_again() -> None:
    async with workshop() as easel:
        await easel.draw(a_chart())
        pid = easel.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        assert await gone(pid)
        try:
            again = await easel.draw(a_chart())
        except Broken:  # the word of its end was still on its way
            again = await easel.draw(a_chart())
        assert again.startswith(PNG)
        assert easel.pid not in {pid, None}


async def test_who_waits_no_longer_leaves_no_answer_for_the_next() -> None:
    async with workshop() as easel:
        light = await easel.draw(a_chart())
        waiting = asyncio.create_task(easel.draw(a_chart(dark=True)))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        assert await easel.draw(a_chart()) == light


async def test_it_ends_when_nobody_asks_for_a_while() -> None:
    async with workshop(idle=0.1) as easel:
        await easel.draw(a_chart())
        pid = easel.pid
        assert pid is not None
        assert await gone(pid)
        assert easel.pid is None
        assert (await easel.draw(a_chart())).startswith(PNG)


async def test_after_the_end_nothing_is_started_any_more() -> None:
    easel = Workshop(program=MISSING)
    await easel.close()
    with pytest.raises(Broken, match="stopped"):
        await easel.draw(a_chart())


async def test_it_ends_with_a_bot_that_is_killed() -> None:
    script = (
        "import asyncio\n"
        "from bot.charts import Workshop\n"
        "from tests.charts.charts import a_chart\n"
        "async def main():\n"
        "    easel = Workshop()\n"
        "    await easel.draw(a_chart())\n"
        "    print(easel.pid, flush=True)\n"
        "    while True:\n"
        "        await easel.draw(a_chart())\n"
        "asyncio.run(main())\n"
    )
    bot = await asyncio.create_subprocess_exec(sys.executable, "-c", script, stdout=subprocess.PIPE)
    assert bot.stdout is not None
    told = [await bot.stdout.readline(), await bot.stdout.readline()]  # its log comes first
    pid = int(told[-1])
    assert runs(pid)
    bot.kill()
    await bot.communicate()
    assert await gone(pid)


async def test_tokens_are_not_passed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TELEGRAM_TOKEN", "12345:secret")
    shown = tmp_path / "environment"
    script = f"import os, sys; open({str(shown)!r}, 'w').write(repr(dict(os.environ))); sys.stdin.buffer.read(1)"
    async with workshop(program=(sys.executable, "-c", script)) as easel:
        with pytest.raises(Broken):
            await easel.draw(a_chart())
    assert "PATH" in shown.read_text()
    assert "secret" not in shown.read_text()


def run(*frames: bytes) -> subprocess.CompletedProcess[bytes]:
    """Feed the program, and let it go when it has answered."""
    return subprocess.run(PROGRAM, input=b"".join(frames), capture_output=True, timeout=30, check=False)


def test_a_request_that_is_too_large_is_answered_and_ends_the_program() -> None:
    program = subprocess.Popen(PROGRAM, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert program.stdin is not None
    assert program.stdout is not None
    program.stdin.write(wire.LENGTH.pack(wire.LARGEST_REQUEST + 1))
    program.stdin.flush()
    (length,) = wire.LENGTH.unpack(program.stdout.read(wire.LENGTH.size))
    assert program.stdout.read(length) == wire.ERROR + b"The request is too large."
    assert program.wait(timeout=PATIENCE) == 0
    program.stdin.close()
    program.stdout.close()


@pytest.mark.parametrize(
    "said", [b"", b"\x00", wire.LENGTH.pack(500) + b"half"], ids=["nothing", "a byte", "half"]
)
def test_input_that_breaks_off_ends_the_program(said: bytes) -> None:
    ran = run(said)
    assert (ran.returncode, ran.stdout) == (0, b"")
