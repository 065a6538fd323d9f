"""The pages of ``milepost run``, as a process of its own."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from pathlib import Path

import aiohttp

from tests.test_run import running


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as one:
        port: int = one.getsockname()[1]
        return port


async def test_the_pages_are_served_while_it_runs_and_it_ends_well(tmp_path: Path) -> None:
    address = f"127.0.0.1:{free_port()}"
    async with (
        running(tmp_path, HTTP_ADDRESS=address, TELEGRAM_TOKEN="", DISCORD_TOKEN="", PUBLIC_URL="") as _,
        aiohttp.ClientSession() as reader,
        reader.get(f"http://{address}/", headers={"Accept-Language": "es"}) as answer,
    ):
        assert answer.status == 200
        assert '<html lang="es"' in await answer.text()


async def test_a_port_that_is_taken_is_said_at_the_start(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "bot", "run"),
            stdin=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            env={
                **os.environ,
                "DATABASE_URL": f"sqlite:///{tmp_path}/milepost.db",
                "HTTP_ADDRESS": f"127.0.0.1:{port}",
            },
        )
        _, errors = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 1
    assert f"HTTP_ADDRESS: nothing can be served at 127.0.0.1, port {port}" in errors.decode()
    assert "Traceback" not in errors.decode()
