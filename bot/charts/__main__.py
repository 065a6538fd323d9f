"""The drawing program: charts come in on standard input, pictures go out on standard output.

It ends with its input, at once, whatever it is doing: when the bot is gone, nobody waits for a picture.
"""

from __future__ import annotations

import os
import queue
import sys
import threading
from collections.abc import Callable
from typing import BinaryIO

from bot.charts import wire
from bot.domain.chart import Chart


def main() -> None:
    """Draw what is asked for until the input ends."""
    asked: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what a library prints is no answer
    threading.Thread(target=_listen, args=(sys.stdin.buffer, asked), daemon=True).start()
    draw: Callable[[Chart], bytes] | None = None
    while True:
        payload = asked.get()
        if payload is None:
            _answer(answers, wire.ERROR, b"The request is too large.")
            return  # where the next one begins is not known
        try:
            chart = wire.read(payload)
            if draw is None:
                from bot.charts.drawing import draw as found  # noqa: PLC0415 - a wrong request needs no library

                draw = found
            _answer(answers, wire.PNG, draw(chart))
        except Exception as error:  # noqa: BLE001 - whatever it is, the bot waits for an answer
            kind = "" if isinstance(error, ValueError) else f"{type(error).__name__}: "
            _answer(answers, wire.ERROR, f"{kind}{error}"[:500].encode(errors="replace"))


def _listen(source: BinaryIO, asked: queue.SimpleQueue[bytes | None]) -> None:
    """Pass requests on, None for one that is too large; end the program with its input."""
    while True:
        head = source.read(wire.LENGTH.size)
        if len(head) < wire.LENGTH.size:
            os._exit(0)
        (length,) = wire.LENGTH.unpack(head)
        if length > wire.LARGEST_REQUEST:
            asked.put(None)
            return
        payload = source.read(length)
        if len(payload) < length:
            os._exit(0)
        asked.put(payload)


def _answer(to: BinaryIO, kind: bytes, payload: bytes) -> None:
    try:
        to.write(wire.frame(kind + payload))
        to.flush()
    except BrokenPipeError:
        os._exit(0)


if __name__ == "__main__":
    main()
