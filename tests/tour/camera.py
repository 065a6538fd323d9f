"""Pictures of pages: chromium draws them, ffmpeg makes them small where it is there."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.tour.page import WIDTH

#: Colours of a picture: text is grey on white or white on grey, and some emoji.
COLOURS = 80
SECONDS = 120
MEASURE = """<script>
document.title = `tall:${Math.ceil(document.querySelector("main").getBoundingClientRect().bottom)}`
</script>"""


def chromium() -> str | None:
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def picture(markup: str, to: Path) -> None:
    """Draw a page as tall as it is."""
    with tempfile.TemporaryDirectory(prefix="milepost-camera-") as folder:
        measured, shown, drawn = (Path(folder) / name for name in ("measured.html", "page.html", "drawn.png"))
        measured.write_text(markup.replace("</body>", f"{MEASURE}</body>"), encoding="utf-8")
        shown.write_text(markup, encoding="utf-8")
        found = re.search(r"<title>tall:(\d+)</title>", _run(folder, measured, 800, "--dump-dom"))
        assert found is not None, "chromium did not measure the page"
        _run(folder, shown, int(found[1]), f"--screenshot={drawn}", "--force-device-scale-factor=2")
        _shrink(drawn, to)


def _run(folder: str, page: Path, height: int, *wanted: str) -> str:
    program = chromium()
    assert program is not None, (
        "chromium is not installed: apt-get install chromium fonts-noto-core fonts-noto-color-emoji"
    )
    switches = (
        *("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"),
        *("--disable-sync", "--hide-scrollbars", f"--user-data-dir={folder}/profile"),
    )
    line = [program, *switches, f"--window-size={WIDTH},{height}", *wanted, page.as_uri()]
    return subprocess.run(line, capture_output=True, text=True, check=True, timeout=SECONDS).stdout


def _shrink(drawn: Path, to: Path) -> None:
    """Keep a picture with few colours, which is a third of the size and looks the same."""
    ffmpeg = shutil.which("ffmpeg")
    if ffmpeg is None:
        shutil.copyfile(drawn, to)
        return
    few = f"split[a][b];[a]palettegen=max_colors={COLOURS}:reserve_transparent=0[p];[b][p]paletteuse=dither=none"
    line = [ffmpeg, "-v", "error", "-y", "-i", str(drawn), "-filter_complex", few, "-pred", "none"]
    line += ["-compression_level", "100", "-bitexact", str(to)]
    subprocess.run(line, check=True, timeout=SECONDS)
