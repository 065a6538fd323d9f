"""A real browser, steered as its developer tools are: headless Chromium over its own protocol."""

from __future__ import annotations

import asyncio
import base64
import re
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from tests.tour.camera import chromium

SECONDS = 60
PHONE, SCREEN = 390, 1000
_SWITCHES = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"),
    *("--disable-sync", "--hide-scrollbars", "--remote-debugging-port=0", "about:blank"),
)


@dataclass
class Tab:
    """One page of the browser.

    Attributes:
        asked: All addresses that it asked for.
        wrong: What it complained of: errors, and what the page's policy forbade.
    """

    socket: aiohttp.ClientWebSocketResponse
    asked: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    _number: int = 0
    _waiting: dict[int, asyncio.Future[dict[str, Any]]] = field(default_factory=dict)
    _events: dict[str, asyncio.Event] = field(default_factory=dict)

    async def listen(self) -> None:
        async for message in self.socket:
            said = message.json()
            if "id" in said:
                self._waiting.pop(said["id"]).set_result(said)
                continue
            method, params = said["method"], said.get("params", {})
            if method == "Network.requestWillBeSent":
                self.asked.append(params["request"]["url"])
            elif method == "Log.entryAdded":
                self.wrong.append(params["entry"]["text"])
            elif method == "Runtime.exceptionThrown":
                self.wrong.append(str(params["exceptionDetails"]))
            self._events.setdefault(method, asyncio.Event()).set()

    async def does(self, method: str, **params: Any) -> dict[str, Any]:
        """Let the browser do something, and return what came of it."""
        self._number += 1
        done = self._waiting[self._number] = asyncio.get_running_loop().create_future()
        await self.socket.send_json({"id": self._number, "method": method, "params": params})
        answer = await asyncio.wait_for(done, SECONDS)
        assert "error" not in answer, answer
        result: dict[str, Any] = answer["result"]
        return result

    async def looks(self, *, width: int = SCREEN, dark: bool = False, scripts: bool = True) -> None:
        """Set how pages are looked at from now on."""
        await self.does(
            "Emulation.setDeviceMetricsOverride", width=width, height=800, deviceScaleFactor=2, mobile=width < 500
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        await self.does("Emulation.setEmulatedMedia", features=[scheme])
        await self.does("Emulation.setScriptExecutionDisabled", value=not scripts)

    async def opens(self, address: str) -> None:
        """Open a page, and wait until it is there."""
        loaded = self._events.setdefault("Page.loadEventFired", asyncio.Event())
        loaded.clear()
        await self.does("Page.navigate", url=address)
        await asyncio.wait_for(loaded.wait(), SECONDS)

    async def says(self, script: str) -> Any:
        """Return what a line of script in the page comes to."""
        answer = await self.does("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    async def until(self, script: str) -> Any:
        """Wait until a line of script in the page is true; while the page changes, it is not."""
        watching = f"""new Promise(done => {{
            const look = () => document.body && ({script}) ? done(true) : setTimeout(look, 20)
            look()
        }})"""
        async with asyncio.timeout(SECONDS):
            while True:
                try:
                    return await self.says(watching)
                except AssertionError:  # the page gave way to another
                    continue

    async def picture(self) -> bytes:
        """Return a picture of the whole page, as PNG."""
        height = await self.says("Math.ceil(document.body.getBoundingClientRect().height)")
        width = await self.says("innerWidth")
        shot = await self.does(
            "Page.captureScreenshot",
            captureBeyondViewport=True,
            clip={"x": 0, "y": 0, "width": width, "height": height, "scale": 1},
        )
        return base64.b64decode(shot["data"])


@asynccontextmanager
async def browser() -> AsyncIterator[Tab]:
    """Give a tab of a browser that ends with the block."""
    program = chromium()
    assert program is not None, "apt-get install chromium"
    with tempfile.TemporaryDirectory(prefix="milepost-browser-", ignore_cleanup_errors=True) as folder:
        process = await asyncio.create_subprocess_exec(
            program,
            f"--user-data-dir={folder}",
            *_SWITCHES,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            port = await asyncio.wait_for(_port(process), SECONDS)
            async with aiohttp.ClientSession() as client:
                async with client.get(f"http://127.0.0.1:{port}/json/list") as answer:
                    (page,) = [one for one in await answer.json() if one["type"] == "page"]
                async with client.ws_connect(page["webSocketDebuggerUrl"], max_msg_size=0) as socket:
                    tab = Tab(socket)
                    listening = asyncio.create_task(tab.listen())
                    for part in ("Page", "Network", "Runtime", "Log"):
                        await tab.does(f"{part}.enable")
                    yield tab
                    listening.cancel()
        finally:
            process.kill()
            await process.communicate()


async def _port(process: asyncio.subprocess.Process) -> str:
    assert process.stderr is not None
    while True:
        line = (await process.stderr.readline()).decode(errors="replace")
        assert line, "chromium did not start"
        found = re.search(r"ws://127\.0\.0\.1:(\d+)/", line)
        if found is not None:
            return found[1]
