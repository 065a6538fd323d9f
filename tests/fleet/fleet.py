"""Several real processes on one PostgreSQL, between a feed that knows what is true and chats that keep books."""

from __future__ import annotations

import asyncio
import os
import re
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web

from tests.servers.discord import DiscordServer, generous
from tests.servers.pages import serving
from tests.servers.telegram import Chat, TelegramServer, User

#: Seconds that anything may take before it counts as lost: a takeover, twice, on a busy machine.
PATIENCE = 90
#: What the feed climbs to, rung by rung.
RUNGS = tuple(digit * 10**zeros for zeros in range(1, 8) for digit in (1, 2, 5))
LADDER = " ".join(map(str, RUNGS))
#: Chats of each platform.
CHATS = 3
REACHED = re.compile(r"reached ([\d,.]+)(k|M)?")


class World:
    """The feed, both chats, and the processes between."""

    def __init__(
        self, url: str, folder: Path, *, name: str, telegram: TelegramServer, discord: DiscordServer
    ) -> None:
        self.name = name
        self.url = url
        self.folder = folder
        self.telegram = telegram
        self.discord = discord
        self.authority = ""
        self.value = 1
        self.asked = 0
        self.processes: list[tuple[asyncio.subprocess.Process, str]] = []
        self._started = 0
        self._logs: dict[int, Path] = {}
        self.groups = []
        for number in range(CHATS):
            ann = telegram.world.user(f"Ann {number}")
            self.groups.append((telegram.world.private(ann), ann))
        guild = discord.world.guild("Radio")
        self.owner = guild.owner
        self.channels = [guild.text(f"channel-{number}") for number in range(CHATS)]

    async def feed(self, request: web.BaseRequest) -> web.Response:
        self.asked += 1
        return web.json_response({"live": True, "figure": self.value})

    # --- processes

    async def start(self, roles: str) -> None:
        self._started += 1
        path = self.folder / f"log{self._started}.txt"
        with path.open("w") as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "bot",
                "run",
                "--roles",
                roles,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=log,
                env={
                    **os.environ,
                    "DATABASE_URL": self.url,
                    "TELEGRAM_TOKEN": self.telegram.token,
                    "TELEGRAM_API_URL": self.telegram.url,
                    "DISCORD_TOKEN": self.discord.token,
                    "DISCORD_API_URL": self.discord.api_url,
                    "ALLOWED_PRIVATE_HOSTS": self.authority,
                    "POLL_INTERVAL_SECONDS": "1",
                    "OPERATORS": f"telegram:{self.groups[0][1].id}",
                },
            )
        self._logs[process.pid] = path
        self.processes.append((process, roles))

    async def kill(self, number: int) -> str:
        """Kill a process, and return what it did."""
        process, roles = self.processes.pop(number)
        process.kill()
        await process.wait()
        return roles

    async def stop(self) -> list[int | None]:
        """End all processes as a service manager does, and return how they ended."""
        for process, _ in self.processes:
            if process.returncode is None:
                process.terminate()
        async with asyncio.timeout(PATIENCE):
            await asyncio.gather(*(process.wait() for process, _ in self.processes))
        return [process.returncode for process, _ in self.processes]

    def logs(self) -> str:
        return "\n".join(
            f"--- {path.name}\n{path.read_text()[-4_000:]}" for path in sorted(self.folder.glob("log*.txt"))
        )

    def holder(self, lease: str) -> int:
        """Return the number, among those that run, of the process that holds a lease."""
        for number, (process, _) in enumerate(self.processes):
            lines = [line for line in self.log_of(process).splitlines() if lease in line and "leases were" in line]
            if lines and "taken" in lines[-1]:
                return number
        raise AssertionError(f"nobody holds {lease}\n{self.logs()}")

    def log_of(self, process: asyncio.subprocess.Process) -> str:
        return self._logs[process.pid].read_text()

    # --- people

    async def until(self, question: Callable[[], bool], what: str) -> float:
        """Wait until something is so; return how many seconds that took."""
        began = time.monotonic()
        while not question():
            if time.monotonic() - began > PATIENCE:
                raise AssertionError(f"{what} never came\n{self.logs()}")
            await asyncio.sleep(0.05)
        return time.monotonic() - began

    async def set_up(self) -> None:
        """Have every chat watch the feed, by commands that people type."""
        address = f"json:http://{self.authority}/feed#figure live-when live as {self.name}"
        for chat, ann in self.groups:
            assert "Now watching" in await self._answer(chat, ann, f"/watch {address}")
            await self._answer(chat, ann, f"/subscribe {self.name} only milestones at {LADDER}")
        await self.until(lambda: "watch" in self.discord.commands.names(), "Discord's menu")
        for channel in self.channels:
            used = await self.discord.interaction(channel, self.owner, "watch", {"address": address})
            await used.message(PATIENCE)
            used = await self.discord.interaction(
                channel, self.owner, "subscribe", {"name": self.name, "kinds": f"only milestones at {LADDER}"}
            )
            await used.message(PATIENCE)

    async def ask(self, text: str) -> str:
        """Return what the first person is answered in private."""
        return await self._answer(*self.groups[0], text)

    async def _answer(self, chat: Chat, user: User, text: str) -> str:
        before = len(chat.sent)
        await self.telegram.say(chat, user, text)
        await self.until(lambda: len(chat.sent) > before, f"an answer to {text}")
        return chat.sent[-1].text

    def told(self) -> dict[str, list[int]]:
        """Return which milestones each chat was told of, in order."""
        found = {f"t{chat.id}": [_rung(one.text) for one in chat.sent] for chat, _ in self.groups}
        for channel in self.channels:
            texts = [" ".join(str(e.get("title")) for e in one.embeds) for one in channel.messages]
            found[f"d{channel.id}"] = [_rung(text) for text in texts]
        return {chat: [rung for rung in rungs if rung] for chat, rungs in found.items()}

    async def heard(self, rung: int) -> float:
        """Wait until every chat was told of a rung; return how many seconds that took."""
        return await self.until(
            lambda: all(rung in told for told in self.told().values()), f"{rung}, in {self.told()},"
        )

    def copies(self) -> dict[str, int]:
        """Return how many posts told what had been told before, by platform."""
        found: Counter[str] = Counter()
        for chat, told in self.told().items():
            found[chat[0]] += len(told) - len(set(told))
            assert [rung for i, rung in enumerate(told) if rung not in told[:i]] == sorted(set(told)), told
        return dict(found)


def _rung(text: str) -> int:
    found = REACHED.search(text)
    if found is None:
        return 0
    return round(float(found[1].replace(",", "")) * {"k": 1e3, "M": 1e6, None: 1}[found[2]])


@asynccontextmanager
async def world(url: str, folder: Path, roles: Sequence[str], *, name: str = "Alpha") -> AsyncIterator[World]:
    """Give a world in which processes of these roles run and the feed is watched."""
    async with TelegramServer(limits=None) as telegram, DiscordServer(limits=generous()) as discord:
        made = World(url, folder, name=name, telegram=telegram, discord=discord)
        async with serving(made.feed) as pages:
            made.authority = pages.authority
            try:
                await asyncio.gather(*map(made.start, roles))
                await made.set_up()
                yield made
            finally:
                for process, _ in made.processes:
                    if process.returncode is None:
                        process.kill()
                        await process.wait()
