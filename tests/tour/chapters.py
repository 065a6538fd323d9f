"""The tour itself: what happens, told once for both platforms."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime
from pathlib import Path

from bot.domain import HOUR, SECOND
from tests.tour.scene import Chapter
from tests.tour.stage import Stage, stage
from tests.tour.station import HOST, Broadcast

ZONE = "Europe/Berlin"
#: A Friday, 20:00 in Berlin.
FRIDAY = int(datetime(2025, 5, 9, 18, tzinfo=UTC).timestamp()) * SECOND
SATURDAY = FRIDAY + 24 * HOUR
SUNDAY = SATURDAY + 24 * HOUR
#: The night after it, 23:00 in Berlin.
NIGHT = SUNDAY + 27 * HOUR
ADDRESS = f"icecast:https://{HOST}/live"
BOOKED = '1,200 peak "Late Show" on icecast 2024-11-02 https://example.org/report'
COMPARED = {"a": "Radio Lahore", "b": "Night Radio"}
HOSTILE = "<b>FREE</b> **coins** [click](https://evil.example) @everyone <t:0:R> &lt;"

BROADCASTS = [
    Broadcast(
        "/live", FRIDAY - HOUR, [(0, 80), (70, 300), (100, 1080), (125, 1120), (140, 400), (145, 300)], "Warm-up"
    ),
    Broadcast(
        "/live",
        SATURDAY + HOUR,
        [(0, 130), (6, 170), (11, 700), (20, 1040), (26, 1110), (27, 1240), (32, 1340), (50, 900), (75, 400)],
        "The Midnight Session",
    ),
    Broadcast(
        "/urdu",
        SUNDAY + 3 * HOUR,
        [(0, 400), (30, 1900), (55, 4300), (70, 3900), (110, 700)],
        "پاکستان تحریک انصاف کا جلسہ 🎙️",
        name="Radio Lahore",
    ),
    Broadcast(
        "/urdu",
        NIGHT + HOUR,
        [(0, 800), (30, 2900), (55, 5300), (70, 4900), (110, 700)],
        "رات کی محفل",
        name="Radio Lahore",
    ),
    Broadcast(
        "/live",
        NIGHT + 8 * HOUR,
        [(0, 130), (20, 640), (45, 600), (300, 500)],
        "The Morning After",
        name="Night Radio",
    ),
    Broadcast("/guest", SUNDAY + HOUR, [(0, 20), (60, 20)], HOSTILE, name="Guest Mount"),
]


def outline() -> list[Chapter]:
    """Return the chapters, still empty."""
    return [
        Chapter(
            "first-contact",
            "First contact",
            "Ann adds Milepost: it says in three lines what it does and what to type first, and `/help` lists the "
            "rest.",
        ),
        Chapter(
            "watching",
            "Watching",
            "`/watch` tries an address for real and says what it will report; a wrong one is answered with right "
            "ones, and a record from elsewhere is entered with its source.",
        ),
        Chapter(
            "alerts",
            "A session",
            "Nobody types anything: the start, the milestones, the record that beats an imported one, the recap.",
        ),
        Chapter(
            "asking",
            "Asking",
            "While it is live, anybody asks for the figures; every one says how it was measured.",
        ),
        Chapter(
            "pictures",
            "A picture",
            "`/chart` draws a session: what was passed and when, the session before as a faint line, light or "
            "dark, in any script; `tall` fills a phone.",
        ),
        Chapter(
            "card",
            "One card",
            "A chat that wants no posts has one message a session: it is edited while it is live, and becomes the "
            "recap. Here it is at three moments.",
        ),
        Chapter(
            "comparing",
            "Comparing",
            "Side by side, the best of all, and everything that was: like with like, and nothing else.",
        ),
        Chapter(
            "choosing",
            "Choosing",
            "An admin chooses which alerts come where, at which milestones, and whom they call; `/test` shows how "
            "it will look, and calls nobody.",
        ),
        Chapter(
            "trust",
            "Trust",
            "`/deliveries` accounts for every alert, only admins change anything, and `/forget` asks before it "
            "deletes.",
        ),
        Chapter(
            "hostile",
            "A hostile title",
            "Whatever a stream calls itself arrives as the plain text that it is: no markup, no link of its own, "
            "and nobody called but whom the admin chose.",
            raw=True,
        ),
        Chapter(
            "settings",
            "Settings",
            "`/settings` is a menu: what is set, and behind each button what it does. Two taps change a thing, in "
            "the same message; who may not is told so alone.",
        ),
        Chapter(
            "quiet",
            "Quiet hours",
            "A chat sleeps when it wants to: what came overnight is one digest in the morning, without what has "
            "gone stale; records may be let through, with or without a sound.",
        ),
        *(
            Chapter(f"in-{name.lower()}", f"In {name}", sentence)
            for name, sentence in (
                ("Spanish", "The same bot for a radio station in Madrid."),
                ("Korean", "The same bot for a fan club in Seoul."),
                ("Urdu", "The same bot for a newsroom in Lahore: from right to left, in lakh and crore."),
            )
        ),
    ]


async def play() -> list[Chapter]:
    """Let it all happen, and return what showed."""
    with tempfile.TemporaryDirectory(prefix="milepost-tour-") as folder:
        async with stage(Path(folder), now=FRIDAY, chapters=outline()) as scene:
            scene.station.broadcasts += BROADCASTS
            await _friday(scene)
            await _saturday(scene)
            await _sunday(scene)
            return scene.chapters


async def _friday(scene: Stage) -> None:
    await scene.at(FRIDAY)
    async with scene.chapter("first-contact"):
        await scene.invite()
        await scene.both("/help", "help", {}, channel=scene.general)
    await scene.until(5)
    async with scene.chapter("watching"):
        wrong = f"https://{HOST}/live"
        await scene.both(f"/watch {wrong}", "watch", {"address": wrong})
        await scene.both(f"/watch {ADDRESS}", "watch", {"address": ADDRESS})
        await scene.both(f"/settings timezone {ZONE}", "settings", {"setting": "timezone", "value": ZONE})
        await scene.both(f"/record add {BOOKED}", "record", {"action": "add", "details": BOOKED})
    await scene.until(105)  # the evening sets the baseline; it is not shown


async def _saturday(scene: Stage) -> None:
    async with scene.chapter("alerts"):
        await scene.at(SATURDAY + HOUR)
        await scene.until(24)
    async with scene.chapter("asking"):
        await scene.both("/live", "live", {})
        await scene.both("/stats", "stats", {})
    async with scene.chapter("alerts"):
        await scene.until(90)
    async with scene.chapter("asking"):
        await scene.both("/records", "records", {})
    async with scene.chapter("pictures"):
        await scene.both("/chart", "chart", {})
        await scene.both("/chart tall dark", "chart", {"look": "tall dark"})


async def _sunday(scene: Stage) -> None:
    await scene.at(SUNDAY)
    async with scene.chapter("settings"):
        await scene.both("/settings", "settings", {})
        await scene.turns("Patience")
        await scene.taps("5 min", who=scene.ben)
        await scene.turns("1 h")
    async with scene.chapter("choosing"):
        await scene.says(f"/watch {ADDRESS} as Night Radio in @nightradio_news")
        await scene.says("/subscribe Night Radio milestones records at 500 1k 2k in @nightradio_news")
        await scene.uses(
            "subscribe",
            {
                "name": "Night Radio",
                "kinds": "milestones records",
                "ladder": "500 1k 2k",
                "mention": scene.listeners.mention,
                "in": scene.live,
            },
            channel=scene.general,
        )
        await scene.until(1)
        await scene.both("/milestones 500 1k 2k", "milestones", {"thresholds": "500 1k 2k"})
        await scene.until(2)
        await scene.both("/test", "test", {})
        await scene.until(3)
        await scene.both("/mute 2h", "mute", {"time": "2h"})
    await scene.until(10)
    async with scene.chapter("trust"):
        await scene.both("/deliveries", "deliveries", {})
        await scene.until(11)
        await scene.says("/unwatch Night Radio", who=scene.ben)
        await scene.taps("Mute", who=scene.ben)
        await scene.presses("Mute", who=scene.guest)
        await scene.until(12)
        await scene.both("/forget", "forget", {})
    guest = f"icecast:https://{HOST}/guest"
    await scene.both(f"/watch {guest} as Guest Mount", "watch", {"address": guest, "name": "Guest Mount"})
    await scene.uses("subscribe", {"name": "Guest Mount", "mention": scene.listeners.mention})
    async with scene.chapter("hostile"):
        await scene.at(SUNDAY + HOUR)
        await scene.until(4)
        await scene.both("/stats Guest Mount", "stats", {"name": "Guest Mount"})
    urdu = f"icecast:https://{HOST}/urdu"
    await scene.both(f"/watch {urdu} as Radio Lahore", "watch", {"address": urdu, "name": "Radio Lahore"})
    card = {"name": "Radio Lahore", "style": "card"}
    async with scene.chapter("card"):
        await scene.both("/subscribe Radio Lahore as card", "subscribe", card)
    await scene.at(SUNDAY + 3 * HOUR)
    async with scene.chapter("card"):
        await scene.until(6)
        await scene.look()
        await scene.until(50)
        await scene.look()
        await scene.until(120)
        await scene.look()
    async with scene.chapter("comparing"):
        await scene.both("/compare Radio Lahore, Night Radio", "compare", COMPARED)
        await scene.both("/top", "top", {})
        await scene.both("/history Night Radio", "history", {"name": "Night Radio"})
    async with scene.chapter("pictures"):
        await scene.both("/chart Radio Lahore", "chart", {"name": "Radio Lahore"})
    await _night(scene)
    await _elsewhere(scene, "Spanish", "es", "Madrid")
    await _elsewhere(scene, "Korean", "ko", "Seoul")
    await _set(scene, "counting", "lakh")
    await _elsewhere(scene, "Urdu", "ur", "Lahore")


async def _set(scene: Stage, setting: str, value: str) -> None:
    await scene.both(f"/settings {setting} {value}", "settings", {"setting": setting, "value": value})


async def _night(scene: Stage) -> None:
    await _set(scene, "style", "posts")
    async with scene.chapter("quiet"):
        await _set(scene, "quiet", "22:00-08:00")
        await _set(scene, "quiet", "records silent")
    await scene.at(NIGHT)
    async with scene.chapter("quiet"):
        await scene.until(9 * 60)


async def _elsewhere(scene: Stage, language: str, code: str, city: str) -> None:
    """Show what there is in another language, to people of another city."""
    async with scene.chapter(f"in-{language.lower()}"):
        await _set(scene, "language", code)
        await _set(scene, "timezone", city)
        await scene.both("/test", "test", {})
        await scene.both("/stats Radio Lahore", "stats", {"name": "Radio Lahore"})
        await scene.both("/records", "records", {})
        await scene.both("/compare Radio Lahore, Night Radio", "compare", COMPARED)
        await scene.both("/settings", "settings", {})
        await scene.both("/watch nothing", "watch", {"address": "nothing"})
