"""What both looks share: times as the reader has them, and faces."""

from __future__ import annotations

from base64 import b64encode
from datetime import UTC, datetime
from html import escape
from zoneinfo import ZoneInfo

from bot.domain import SECOND

#: Where the readers live.
ZONE = "Europe/Berlin"
FACES = {"Milepost": "#4f5bd5", "Ann": "#d9518c", "Ben": "#2f9e6e"}


def clock(at: int) -> str:
    """Return the time of day at the readers' place."""
    return f"{datetime.fromtimestamp(at / SECOND, UTC).astimezone(ZoneInfo(ZONE)):%H:%M}"


def picture(png: bytes, alt: str) -> str:
    """Return a picture that the page itself holds."""
    return f'<img alt="{escape(alt)}" src="data:image/png;base64,{b64encode(png).decode()}">'


def avatar(name: str) -> str:
    """Return a round sign with the first letter of a name, which is not part of the text."""
    colour, letter = FACES.get(name, "#3f7fb5"), escape(name[:1])
    return f'<span class="face" style="background:{colour}" data-letter="{letter}"></span>'
