"""``milepost replay`` and ``demo`` as programs: how they end when they cannot print or store."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.samples import SPACE

#: Seconds that no play of a small file takes, even on a busy machine.
PATIENCE = 60


def play(
    folder: Path,
    *arguments: object,
    stdout: int = subprocess.PIPE,
    before: Callable[[], None] | None = None,
    **environment: str,
) -> subprocess.CompletedProcess[bytes]:
    """Run the program, whose own files lie in ``folder/tmp``; nothing of them may stay."""
    own = folder / "tmp"
    own.mkdir()
    ended = subprocess.run(
        [sys.executable, "-m", "bot", *map(str, arguments)],
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
        env={**os.environ, "TMPDIR": str(own), **environment},
        preexec_fn=before,
        timeout=PATIENCE,
    )
    assert list(own.iterdir()) == []
    own.rmdir()
    return ended


def recording(folder: Path, name: str, readings: int) -> Path:
    path = folder / f"{name}.jsonl"
    lines = [
        {
            "at": f"2026-11-22T{n // 60:02}:{n % 60:02}:00Z",
            "session": "s",
            "state": "live",
            "title": f"Café {name} \x9b 🎧",
            "concurrent": n * 10,
        }
        for n in range(readings)
    ]
    header = {"replay": 1, "platform": "x", "watch": name, "interval": 60}
    path.write_text("\n".join(json.dumps(one) for one in (header, *lines)))
    return path


@pytest.mark.parametrize("command", [["replay", SPACE], ["replay", SPACE, "--json"], ["demo"]])
def test_when_nobody_reads_on_it_ends_quietly(tmp_path: Path, command: list[object]) -> None:
    theirs, ours = os.pipe()
    os.close(theirs)
    try:
        ended = play(tmp_path, *command, stdout=ours)
    finally:
        os.close(ours)
    assert (ended.returncode, ended.stderr) == (141, b"")


@pytest.mark.parametrize("command", [["replay", SPACE], ["replay", SPACE, "--json"], ["demo"]])
def test_what_cannot_be_printed_is_said_in_a_sentence(tmp_path: Path, command: list[object]) -> None:
    with Path("/dev/full").open("wb") as full:
        ended = play(tmp_path, *command, stdout=full.fileno())
    assert ended.returncode == 1
    (line,) = ended.stderr.decode().splitlines()
    assert line.endswith("Standard output cannot be written: No space left on device")


def test_without_standard_output_it_says_so(tmp_path: Path) -> None:
    ended = play(tmp_path, "replay", SPACE, before=lambda: os.close(1))
    assert ended.returncode == 1
    assert b"Standard output cannot be written: it is closed" in ended.stderr


def test_a_terminal_of_few_signs_is_told_all_the_same(tmp_path: Path) -> None:
    file = recording(tmp_path, "friday", 30)
    plain = play(tmp_path, "replay", file, PYTHONIOENCODING="ascii")
    assert (plain.returncode, plain.stderr) == (0, b"")
    assert "Caf? friday" in plain.stdout.decode("ascii")
    figures = [
        play(tmp_path, "replay", file, "--json", PYTHONIOENCODING=encoding).stdout.decode(encoding).splitlines()
        for encoding in ("ascii", "utf-8")
    ]
    assert len(figures[0]) > 3
    assert [json.loads(line) for line in figures[0]] == [json.loads(line) for line in figures[1]]


def test_what_cannot_be_stored_is_said_in_a_sentence(tmp_path: Path) -> None:
    files = [recording(tmp_path, name, 120) for name in ("friday", "saturday")]
    most = 600 * 1024  # enough for the tables, and for some of the readings
    ended = play(
        tmp_path,
        "replay",
        *files,
        before=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (most, most)),
    )
    assert ended.returncode == 1
    said = ended.stderr.decode()
    assert "The play broke off at 2026-11-22T0" in said
    assert "The database could not be reached: " in said.splitlines()[-1]
    assert "disk" in said.splitlines()[-1]
    assert "Traceback" not in said


def test_the_demo_speaks_a_language_that_there_is(tmp_path: Path) -> None:
    refused = play(tmp_path, "demo", "--language", "klingon")
    assert refused.returncode == 1
    assert "I do not speak “klingon” yet; I speak English, Español" in refused.stderr.decode()
    spoken = play(tmp_path, "demo", "--language", "spanish")
    assert spoken.returncode == 0
    assert "oyentes" in spoken.stdout.decode() or "participantes" in spoken.stdout.decode()
