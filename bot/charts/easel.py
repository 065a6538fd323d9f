"""The bot's side of drawing: starts the program when it is needed, and never leaves it behind."""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import structlog

import bot
from bot.charts import wire
from bot.domain.chart import Chart
from bot.ports.easel import Broken, Busy, Refused

log = structlog.get_logger(__name__)

#: What the program gets of the bot's environment: no token is among it.
_PASSED_ON = ("HOME", "LANG", "LC_ALL", "MPLCONFIGDIR", "PATH", "PYTHONPATH", "TMPDIR", "XDG_CACHE_HOME")
PROGRAM = (sys.executable, "-m", "bot.charts")


class Workshop:
    """An easel in a program of its own, which draws one chart after another.

    Args:
        seconds: What takes longer is given up, and the program with it.
        idle: After so many seconds without a chart the program is ended.
        most: At most so many charts wait or are drawn at a time.
        program: The command line that starts it.
    """

    def __init__(
        self, *, seconds: float = 20, idle: float = 60, most: int = 16, program: Sequence[str] = PROGRAM
    ) -> None:
        self._seconds = seconds
        self._idle = idle
        self._most = most
        self._program = tuple(program)
        self._turn = asyncio.Lock()
        self._waiting = 0
        self._process: Process | None = None
        self._rest: asyncio.TimerHandle | None = None
        self._closed = False

    @property
    def pid(self) -> int | None:
        """The program's process, while there is one."""
        return None if self._process is None else self._process.pid

    async def draw(self, chart: Chart) -> bytes:
        """Return a chart as a PNG.

        Raises:
            Busy: Too many charts wait already.
            Refused: The program says that this is no chart.
            Broken: The program did not answer in time, or went down.
        """
        request = wire.written(chart)
        if len(request) > wire.LARGEST_REQUEST:
            raise Refused(f"A chart of {len(request)} bytes is too large.")
        if self._waiting >= self._most:
            raise Busy(f"{self._waiting} charts wait already.")
        self._waiting += 1
        try:
            async with self._turn:
                return await self._ask(request)
        finally:
            self._waiting -= 1

    async def close(self) -> None:
        """End the program, and whatever it is drawing."""
        self._closed = True
        await self._end()

    async def _ask(self, request: bytes) -> bytes:
        if self._closed:
            raise Broken("The bot is being stopped.")
        if self._rest is not None:
            self._rest.cancel()
            self._rest = None
        whole = False
        try:
            async with asyncio.timeout(self._seconds):
                kind, answer = await self._exchange(request)
            whole = True
        except TimeoutError:
            raise Broken(f"No picture within {self._seconds:g} s.") from None
        except (OSError, asyncio.IncompleteReadError, wire.Malformed) as error:
            raise Broken(f"The drawing program went down: {str(error) or type(error).__name__}") from error
        finally:
            if not whole:  # also when nobody waits for it any more: its answer would be taken for the next one
                await self._end()
        self._rest = asyncio.get_running_loop().call_later(self._idle, self._let_go)
        if kind == wire.PNG:
            return answer
        raise Refused(answer.decode(errors="replace"))

    async def _exchange(self, request: bytes) -> tuple[bytes, bytes]:
        process = self._process
        if process is None or process.returncode is not None:
            process = self._process = await self._start()
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(wire.frame(request))
        await process.stdin.drain()
        (length,) = wire.LENGTH.unpack(await process.stdout.readexactly(wire.LENGTH.size))
        if not 1 <= length <= wire.LARGEST_ANSWER:
            raise wire.Malformed(f"an answer of {length} bytes")
        answer = await process.stdout.readexactly(length)
        return answer[:1], answer[1:]

    async def _start(self) -> Process:
        process = await asyncio.create_subprocess_exec(
            *self._program,
            stdin=PIPE,
            stdout=PIPE,
            stderr=DEVNULL,
            env={name: value for name in _PASSED_ON if (value := os.environ.get(name)) is not None},
            cwd=Path(bot.__file__).parent.parent,
            start_new_session=True,  # what is typed at the bot's terminal is not meant for it
        )
        log.debug("the drawing program starts", pid=process.pid)
        return process

    def _let_go(self) -> None:
        """End the program because nobody needs it: it ends with its input."""
        self._rest = None
        process, self._process = self._process, None
        if process is not None and process.stdin is not None:
            process.stdin.close()
            log.debug("the drawing program rests", pid=process.pid)

    async def _end(self) -> None:
        if self._rest is not None:
            self._rest.cancel()
            self._rest = None
        process, self._process = self._process, None
        if process is None:
            return
        with suppress(ProcessLookupError):
            process.kill()
        await asyncio.shield(process.wait())
