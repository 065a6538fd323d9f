"""What logs hold of hostile texts: one line a fact, nothing that a terminal obeys, no variables."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SECRET = "AAsecretInALocalVariable"
#: Logs whatever there is of hostile texts: as a field, in an error, by a library, and in a last error.
PROGRAM = """
import logging, sys, warnings
import structlog
from bot.logs import set_up_logs
from tests.hostile.corpus import TEXTS

set_up_logs(style=sys.argv[1], level="debug")
log = structlog.get_logger("hostile")

def fails(text):
    held = "AAsecretIn" + "ALocalVariable"
    raise ValueError(text)

for text in TEXTS:
    log.info("a fact", why=text, many=[text], of={text: text})
    try:
        fails(text)
    except ValueError as error:
        log.exception("it failed", error=error)
        logging.getLogger("library").exception("it failed with %s", text)
fails(TEXTS[0])
"""


@pytest.mark.parametrize("style", ["text", "json"])
async def test_a_line_of_the_log_is_one_whatever_stands_in_it(style: str) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, style, cwd=ROOT, stderr=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(60):
        _, told = await process.communicate()
    assert process.returncode == 1
    text = told.decode()  # UTF-8 throughout
    assert SECRET not in text
    assert '"a fact"' in text or "a fact" in text
    for line in text.removesuffix("\n").split("\n"):
        assert line.isprintable(), ascii(line)
        if style == "json":
            assert {"event", "level", "timestamp"} <= json.loads(line).keys()
        else:
            # Lines of a traceback stand apart: none looks like a fact of its own.
            assert line[:4].isdecimal() == (line[:1] != " "), line
    assert not any(line.startswith("2026-01-01T00:00:00Z [error] forged") for line in text.splitlines())
