"""The pages that chats make public, as browsers show them: on a phone, dark, and in each language."""

from __future__ import annotations

import tempfile
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from bot.domain import DAY, HOUR, MINUTE
from storage import records
from storage.database import Database
from storage.records import Entry
from tests.pages.browser import PHONE, Tab, browser
from tests.pages.stand import Site, hill, site

#: A Saturday, 21:00 in Berlin.
EVENING = 1_746_903_600_000


@dataclass(frozen=True, kw_only=True)
class Strip:
    """Pages side by side, as one picture."""

    name: str
    alt: str
    sentence: str
    shots: tuple[tuple[str, bool], ...]


STRIPS = (
    Strip(
        name="page",
        alt="A live session, the same dark and in Urdu, and what is live now, on a phone",
        sentence="`/settings page on` makes what a chat watches public: a page for each session, kept up to date "
        "while it is live, what is live now, and the record book. They need no script, and ask nobody else for "
        "anything.",
        shots=(("s/{live}", False), ("s/{lahore}?lang=ur", True), ("", False)),
    ),
    Strip(
        name="page-languages",
        alt="A session that is over in Spanish, a live one in Korean, and the record book, on a phone",
        sentence="In the reader’s language, light or dark as the reader’s screen is.",
        shots=(("s/{past}?lang=es", False), ("s/{live}?lang=ko", True), ("records", False)),
    ),
)


def manual() -> str:
    """Return the part of the tour's page that shows them."""
    parts = ["## A page to share\n"]
    parts += [f"{one.sentence}\n\n![{one.alt}](tour/{one.name}.png)\n" for one in STRIPS]
    return "\n".join(parts)


async def pictures() -> dict[str, str]:
    """Return a page for the camera for each strip, by name."""
    with tempfile.TemporaryDirectory(prefix="milepost-tour-") as folder:
        database = Database(f"sqlite:///{folder}/site.db", throwaway=True)
        await database.open()
        try:
            async with site(database, now=EVENING - 3 * DAY) as stand, browser() as tab:
                there = await _evening(stand)
                return {one.name: _side_by_side(await _shots(tab, stand, one, there)) for one in STRIPS}
        finally:
            await database.close()


async def _evening(stand: Site) -> dict[str, int]:
    """Let two stations be live, and have been."""
    night = await stand.watch("night", name="Night Radio")
    lahore = await stand.watch(
        "lahore", name="Radio Lahore", platform="youtube", unit="viewers", timezone="Asia/Karachi"
    )
    seoul = await stand.watch("seoul", name="서울의 밤", platform="youtube", unit="viewers", timezone="Asia/Seoul")
    await stand.goes(seoul, hill(100, 3300), start=EVENING - 2 * DAY, title="첫 번째 방송")
    past = await stand.goes(
        night, hill(145, 1120), start=EVENING - DAY, title="Warm-up", hosts=("Ann", "Ben"), without=range(95, 112)
    )
    async with stand.database.write() as connection:
        entry = Entry(
            platform="x", measure="peak", scope=3, value=1200, holder="Late Show", date="2024-11-02",
            link="https://example.org/report", disputed=True, note="One source only",
        )  # fmt: skip
        await records.add(connection, entry, now=EVENING)
    rising = [round(400 + 52 * minute + 90 * (minute % 9) / 9) for minute in range(64)]
    urdu = await stand.goes(
        lahore,
        rising,
        start=EVENING - HOUR,
        ends=False,
        title="پاکستان تحریک انصاف کا جلسہ 🎙️",
        without=range(15, 24),
    )
    live = await stand.goes(
        night, hill(120, 1340)[:82], start=EVENING - 78 * MINUTE, ends=False, title="The Midnight Session",
        hosts=("Ann",), tuned_in=8200,
    )  # fmt: skip
    return {"past": past, "live": live, "lahore": urdu}


async def _shots(tab: Tab, stand: Site, strip: Strip, there: dict[str, int]) -> list[bytes]:
    found = []
    for path, dark in strip.shots:
        await tab.looks(width=PHONE, dark=dark)
        await tab.opens(f"{stand.url}/{path.format(**there)}")
        found.append(await tab.picture())
    return found


def _side_by_side(shots: Sequence[bytes]) -> str:
    """Return a page with pictures beside one another, as the camera takes it."""
    drawn = "".join(f'<img alt="" src="data:image/png;base64,{b64encode(shot).decode()}">' for shot in shots)
    style = (
        "body{margin:0;background:#dfe5eb}main{display:flex;gap:20px;padding:20px;align-items:flex-start}"
        "img{width:calc((1120px - 80px)/3);border-radius:16px}"
    )
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape("Pages")}</title>'
        f"<style>{style}</style></head><body><main>{drawn}</main></body></html>"
    )
