"""Draws ``docs/demo.svg`` from what the demo really prints: ``python -m tests.picture``."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

DOCS = Path(__file__).parent.parent / "docs"
#: Lines of the transcript that the picture leaves out, to fit a page.
SKIPPED = ("2,500 participants", "5,000 participants", "25,000 participants")
WIDTH = 108


def transcript() -> str:
    """Return what the demo prints when nobody types."""
    run = subprocess.run(
        [sys.executable, "-m", "bot", "demo"],
        capture_output=True,
        text=True,
        check=True,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "FORCE_COLOR": "1"},
    )
    return run.stdout


def draw(printed: str) -> str:
    """Return the transcript as an SVG of a terminal."""
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True)
    console.print(Text("$ make demo", style="bold green"))
    skipping = False
    for line in printed.splitlines():
        text = Text.from_ansi(line)
        if not text.plain.startswith(" "):
            skipping = any(part in text.plain for part in SKIPPED)
        if not skipping:
            console.print(text)
    return console.export_svg(title="Milepost")


def main() -> None:
    """Write the picture."""
    (DOCS / "demo.svg").write_text(draw(transcript()), encoding="utf-8")


if __name__ == "__main__":
    main()
