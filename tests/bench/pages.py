"""A thousand readers at once of a live session's page, against the same server giving the same bytes and no more.

Both servers are programs of their own, ``python -m tests.bench.pages serve|bare FOLDER``, which print their port
and serve until their input ends; the readers are this one. Without words behind it measures that alone.
"""

from __future__ import annotations

import asyncio
import os
import resource
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory

from aiohttp import web

from bot.domain import MINUTE
from storage.database import Database
from tests.bench.report import Figure, show
from tests.fakes.clock import Clock
from tests.pages.stand import hill, site

READERS = 1_000
ROUNDS = 7
#: Readings of the session on the page: ten hours, one a minute.
READINGS = 600
START = 1_795_000_000_000
GOAL = 1.5
PACKED = "Accept-Encoding: gzip\r\n"
TICK = os.sysconf("SC_CLK_TCK")


def measure() -> list[Figure]:
    """Let all readers come at once, to the page and to the bare server by turns."""
    return asyncio.run(_measure())


async def _measure() -> list[Figure]:
    with TemporaryDirectory() as folder:
        page, path = _start("serve", folder)
        (Path(folder) / "page.bin").write_bytes((await _read(page.port, path, PACKED))[2])
        bare, _ = _start("bare", folder)
        whole = len((await _read(page.port, path, ""))[2])
        packed = len((await _read(page.port, path, PACKED))[2])
        wall: dict[str, list[float]] = {"page": [], "bare": []}
        cpu: dict[str, list[float]] = {"page": [], "bare": []}
        first: dict[str, list[float]] = {"page": [], "bare": []}
        for turn in range(ROUNDS + 1):
            for name, server in (("page", page), ("bare", bare)) if turn % 2 else (("bare", bare), ("page", page)):
                before, began = _cpu(server.program.pid), time.perf_counter()
                answers = await asyncio.gather(*(_read(server.port, path, PACKED) for _ in range(READERS)))
                took, used = time.perf_counter() - began, _cpu(server.program.pid) - before
                assert all(abs(len(body) - packed) < packed / 20 for _, _, body in answers)
                if turn:  # the first turn fills the caches
                    wall[name].append(took)
                    cpu[name].append(used)
                    first[name] += [early for early, _, _ in answers]
        for server in (page, bare):
            server.program.communicate(timeout=20)
    late = {name: quantiles(those, n=20)[18] * 1000 for name, those in first.items()}
    each = {name: sum(those) / len(those) / READERS * 1000 for name, those in cpu.items()}
    return [
        Figure.ratio(
            "1,000 readers at once of a live page, against the same bytes bare: CPU of the server",
            each["page"] / each["bare"],
            goal=GOAL,
            note=f"{each['page']:.2f} ms against {each['bare']:.2f} ms a reader",
        ),
        Figure.ratio(
            "the same: until the last has read all",
            median(wall["page"]) / median(wall["bare"]),
            goal=GOAL,
            note=f"{median(wall['page']):.2f} s against {median(wall['bare']):.2f} s",
        ),
        Figure.ratio(
            "the same: first byte, 19 of 20 readers",
            late["page"] / late["bare"],
            goal=GOAL,
            note=f"{late['page']:.0f} ms against {late['bare']:.0f} ms",
        ),
        Figure(
            name="a live page of 600 readings, as it goes out", value=round(packed / 1024, 1), unit="KB",
            note=f"{whole / 1024:.1f} KB unpacked, one request, no script needed",
        ),
    ]  # fmt: skip


class _Served:
    def __init__(self, program: subprocess.Popen[str], port: int) -> None:
        self.program = program
        self.port = port


def _start(what: str, folder: str) -> tuple[_Served, str]:
    """Start one of the servers, and wait until it says where it is."""
    program = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.pages", what, folder],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert program.stdout is not None
    port, path = program.stdout.readline().split()
    return _Served(program, int(port)), path


async def _read(port: int, path: str, headers: str) -> tuple[float, float, bytes]:
    """Read a page on a connection of its own; return the seconds to the first byte and the last, and the body."""
    began = time.perf_counter()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: a\r\n{headers}Connection: close\r\n\r\n".encode())
    first = await reader.read(1)
    early = time.perf_counter() - began
    body = (first + await reader.read()).partition(b"\r\n\r\n")[2]
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()
    return early, time.perf_counter() - began, body


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


async def _serve(folder: str) -> None:
    """Serve a live session, by a clock that goes on, so that the page is written anew every few seconds."""
    database = Database(f"sqlite:///{folder}/bench.db", throwaway=True)
    await database.open()
    async with site(database, now=START) as stand:
        watch = await stand.watch("night", name="Night Radio")
        await stand.goes(watch, hill(300, 900), start=START, title="Before")
        id_ = await stand.goes(
            watch, hill(READINGS * 2, 1340)[:READINGS], start=START + 400 * MINUTE, ends=False, title="Midnight"
        )
        print(stand.pages.port, f"/s/{id_}", flush=True)
        ticking = asyncio.create_task(_tick(stand.clock))
        await asyncio.to_thread(sys.stdin.read)
        ticking.cancel()
    await database.close()


async def _tick(clock: Clock) -> None:
    while True:
        await asyncio.sleep(1)
        clock.now += 1_000


async def _bare(folder: str) -> None:
    """Serve bytes."""
    body = (Path(folder) / "page.bin").read_bytes()

    async def answer(_request: web.BaseRequest) -> web.Response:
        return web.Response(body=body, content_type="text/html")

    runner = web.ServerRunner(web.Server(answer, access_log=None))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=1_024).start()
    print(runner.addresses[0][1], "/", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await runner.cleanup()


if __name__ == "__main__":
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8_192), hard))
    if sys.argv[1:2] == ["serve"]:
        asyncio.run(_serve(sys.argv[2]))
    elif sys.argv[1:2] == ["bare"]:
        asyncio.run(_bare(sys.argv[2]))
    else:
        show(measure())
