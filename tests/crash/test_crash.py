"""The short form of ``make crash``: the real program is killed beside real servers that keep books."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
#: Seconds after which it hangs; it takes a tenth of that.
PATIENCE = 600
KILLS = 14
RUNS = "random,points,real,clock"


def test_killed_at_random_and_named_points_it_loses_nothing_and_repeats_no_more_than_it_says() -> None:
    # A process of its own: it forks, and a process that runs tests has threads and an event loop.
    done = subprocess.run(
        [sys.executable, "-m", "tests.crash", "--small", "--kills", str(KILLS), "--runs", RUNS],
        check=False,
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG", "TMPDIR"}},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    print(done.stdout, done.stderr)  # with the seed: shown by pytest if it fails
    assert done.returncode == 0
    assert "random moments" in done.stdout
