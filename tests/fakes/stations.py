"""Recordings of several sessions, minute by minute, and a bot that has heard some of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from bot.domain import DAY, HOUR
from tests.talk import Talk

#: Noon of a day in UTC: recordings begin when they are watched.
NOON = 1_700_000_000_000 // DAY * DAY + 12 * HOUR
#: Minutes between two sessions: longer than a session may be gone and still come back.
PAUSE = 7


def recording(
    folder: Path,
    name: str,
    sessions: Sequence[Sequence[int | None]],
    *,
    platform: str = "twitch",
    unit: str = "viewers",
    after: int = 0,
) -> Path:
    """Write sessions one after the other; a reading a minute, None where the figure is hidden.

    Args:
        after: Minutes off the air before the first one.
    """
    lines: list[dict[str, object]] = [
        {"replay": 1, "platform": platform, "watch": name, "interval": 60, "unit": unit}
    ]
    minute = 0

    def offline(minutes: int) -> None:
        nonlocal minute
        for _ in range(minutes):
            lines.append({"at": _at(minute), "state": "offline"})
            minute += 1

    offline(after)
    for number, values in enumerate(sessions):
        for value in values:
            one: dict[str, object] = {
                "at": _at(minute),
                "session": f"{name}{number}",
                "state": "live",
                "concurrent": value,
            }
            lines.append(one)
            minute += 1
        offline(PAUSE)
    path = folder / f"{name.replace(' ', '-')}.jsonl"
    path.write_text("\n".join(json.dumps(line) for line in lines))
    return path


def _at(minute: int) -> str:
    return f"2024-05-01T{minute // 60:02}:{minute % 60:02}:00Z"


async def heard(bot: Talk, path: Path, name: str) -> None:
    assert f"Now watching {name}" in await bot.say(f"/watch replay:{path} as {name}")
