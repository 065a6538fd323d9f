"""Draws ``docs/tour.md`` and its pictures from what the bot really sends: ``python -m tests.tour``.

``--html FOLDER`` writes the pages there and draws nothing; ``--site`` draws the pages of the site alone.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from bot.logs import set_up_logs
from tests.tour import camera, site
from tests.tour.chapters import play
from tests.tour.page import page, transcript
from tests.tour.scene import Chapter

DOCS = Path(__file__).parent.parent.parent / "docs"
HEAD = """# A tour

What people read, on Telegram (left) and on Discord (right). Nothing here is drawn by hand: `make tour` lets the
real bot work behind both platforms' own protocols, with a made-up radio station and a clock that is moved by hand,
and draws the very messages that it sends. [All of the text](tour/transcript.txt) is there to read and to compare.
"""


def manual(chapters: list[Chapter]) -> str:
    """Return the page that shows the pictures."""
    parts = [HEAD]
    for number, chapter in enumerate(chapters, 1):
        picture = f"![{chapter.title}, on Telegram and on Discord](tour/{file(number, chapter)}.png)"
        parts.append(f"## {chapter.title}\n\n{chapter.sentence}\n\n{picture}\n")
    return "\n".join([*parts, site.manual()])


def file(number: int, chapter: Chapter) -> str:
    return f"{number}-{chapter.name}"


def main() -> None:
    """Write the text, the pictures and the page; or only pages, where that is asked."""
    set_up_logs(style="text", level="warning")
    folder = DOCS / "tour"
    if sys.argv[1:2] == ["--site"]:
        _site(folder)
        return
    chapters = asyncio.run(play())
    pages = {file(number, chapter): page(chapter) for number, chapter in enumerate(chapters, 1)}
    if sys.argv[1:2] == ["--html"]:
        for name, markup in pages.items():
            (Path(sys.argv[2]) / f"{name}.html").write_text(markup, encoding="utf-8")
        return
    folder.mkdir(exist_ok=True)
    for old in folder.glob("*.png"):
        old.unlink()
    (folder / "transcript.txt").write_text(transcript(chapters), encoding="utf-8")
    (DOCS / "tour.md").write_text(manual(chapters), encoding="utf-8")
    for name, markup in pages.items():
        camera.picture(markup, folder / f"{name}.png")
    _site(folder)


def _site(folder: Path) -> None:
    """Draw the pages of the site."""
    for name, markup in asyncio.run(site.pictures()).items():
        camera.picture(markup, folder / f"{name}.png")


if __name__ == "__main__":
    main()
