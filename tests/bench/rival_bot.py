"""A bot as its rivals work: one request a session, one JSON file, one message after another.

Written after what public bots do (Red-DiscordBot's streams, streamer-alerts), and kind to them: it keeps one
connection, spares what has not changed, keeps to the platforms' limits, and waits out a 429. Run by
``tests.bench.rival`` with the path of its settings, a JSON file.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from bisect import bisect_right
from pathlib import Path
from typing import Any

import aiohttp

READY = "the rival runs"
TRIES = 3
A_SECOND = {"telegram": 30, "discord": 50}


class RivalBot:
    """Asks, compares, writes down, tells."""

    def __init__(self, settings: dict[str, Any], http: aiohttp.ClientSession) -> None:
        self._settings, self._http = settings, http
        self._file = Path(settings["file"])
        self._state: dict[str, Any] = {"sessions": {}, "told": {}}
        if self._file.exists():
            self._state = json.loads(self._file.read_text())
        self._next = dict.fromkeys(A_SECOND, 0.0)

    async def cycle(self) -> None:
        """Ask for each session by itself."""
        for id_ in self._settings["sessions"]:
            async with self._http.get(
                f"{self._settings['feed']}/streams", params={"user_id": id_}, headers=self._settings["headers"]
            ) as response:
                listed = (await response.json())["data"]
            if listed:
                await self._take(id_, listed[0]["viewer_count"])

    async def _take(self, id_: str, viewers: int) -> None:
        known = self._state["sessions"].setdefault(id_, {"last": None, "peak": None})
        if viewers == known["last"]:
            return
        new = known["peak"] is None
        known["last"], known["peak"] = viewers, max(viewers, known["peak"] or 0)
        rung = self._settings["rungs"][bisect_right(self._settings["rungs"], known["peak"]) - 1]
        if new:  # what it was before is no news
            self._state["told"][f"{id_}:{rung}"] = []
        self._save()
        if id_ in self._settings["followed"]:
            await self._tell(id_, rung)

    async def _tell(self, id_: str, rung: int) -> None:
        """Tell every place, one after another, unless it was announced: some message of it is known."""
        if f"{id_}:{rung}" in self._state["told"]:
            return
        for platform, place in self._settings["places"]:
            sent = await self._send(platform, place, f"{rung:,} people are listening now.")
            self._state["told"].setdefault(f"{id_}:{rung}", []).append(sent)
            self._save()

    async def _send(self, platform: str, place: str, text: str) -> str | None:
        url, headers, body = self._settings["telegram"], {}, {"chat_id": place, "text": text}
        if platform == "discord":
            url = f"{self._settings['discord']}/channels/{place}/messages"
            headers, body = self._settings["discord_headers"], {"content": text}
        for _ in range(TRIES):
            await asyncio.sleep(max(0.0, self._next[platform] - time.monotonic()))
            self._next[platform] = time.monotonic() + 1 / A_SECOND[platform]
            async with self._http.post(url, json=body, headers=headers) as response:
                answer = await response.json()
                if response.status != 429:
                    return str(answer.get("id") or answer.get("result", {}).get("message_id"))
                await asyncio.sleep(answer.get("retry_after") or answer["parameters"]["retry_after"])
        return None

    def _save(self) -> None:
        self._file.write_text(json.dumps(self._state))


async def main(settings: dict[str, Any]) -> None:
    async with aiohttp.ClientSession() as http:
        bot = RivalBot(settings, http)
        print(READY, file=sys.stderr, flush=True)
        while True:
            began = time.monotonic()
            await bot.cycle()
            await asyncio.sleep(max(0.0, began + settings["interval"] - time.monotonic()))


if __name__ == "__main__":
    asyncio.run(main(json.loads(Path(sys.argv[1]).read_text())))
