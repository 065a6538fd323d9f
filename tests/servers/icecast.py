"""A real Icecast on loopback, with real encoders feeding it and real listeners."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from tests.servers.pages import free_port

INSTALL = "apt-get install icecast2 ffmpeg"
PASSWORD = "hackme"
#: Seconds after which Icecast gives up a source that sends nothing; its default is 10.
SOURCE_TIMEOUT = 2
START_ATTEMPTS, START_SECONDS, FIRST_ROUND_SECONDS = 5, 5, 0.5

CONFIG = """
<icecast>
  <limits><clients>300</clients><sources>8</sources><source-timeout>{source_timeout}</source-timeout></limits>
  <authentication>
    <source-password>{password}</source-password>
    <admin-user>admin</admin-user><admin-password>{password}</admin-password>
  </authentication>
  <hostname>localhost</hostname><location>here</location><admin>nobody@localhost</admin>
  <listen-socket><port>{port}</port><bind-address>127.0.0.1</bind-address></listen-socket>
  <paths>
    <logdir>{folder}</logdir>
    <webroot>/usr/share/icecast2/web</webroot><adminroot>/usr/share/icecast2/admin</adminroot>
  </paths>
  <logging><accesslog>-</accesslog><errorlog>-</errorlog><loglevel>1</loglevel></logging>
  <security><chroot>0</chroot>{owner}</security>
</icecast>
"""
#: Icecast refuses to run as root; it drops to the user that Debian's package makes.
OWNER = "<changeowner><user>icecast2</user><group>icecast</group></changeowner>"


def missing() -> str | None:
    """Return what to do before a real Icecast can run here, or None."""
    return None if all(map(shutil.which, ("icecast2", "ffmpeg"))) else INSTALL


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.kill()  # a stopped process too
    await process.wait()


@dataclass
class Encoder:
    """An ffmpeg that sends a tone to a mount."""

    process: asyncio.subprocess.Process

    def freeze(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    async def stop(self) -> None:
        await _end(self.process)


@dataclass
class IcecastServer:
    """A running server, and all that was connected to it."""

    port: int
    http: aiohttp.ClientSession
    encoders: list[Encoder] = field(default_factory=list)
    listeners: list[aiohttp.ClientResponse] = field(default_factory=list)

    @property
    def authority(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"http://{self.authority}"

    async def send(self, mount: str, *, name: str | None = None, ogg: bool = False, title: str = "") -> Encoder:
        """Put a mount on the air; only Ogg carries a title of its own."""
        codec = ["libvorbis", "-f", "ogg", "-content_type", "audio/ogg"]
        if not ogg:
            codec = ["libmp3lame", "-f", "mp3", "-content_type", "audio/mpeg"]
        process = await asyncio.create_subprocess_exec(
            *("ffmpeg", "-nostdin", "-loglevel", "quiet", "-re", "-f", "lavfi", "-i", "sine=frequency=440"),
            *("-metadata", f"title={title}") if title else (),
            *("-ice_name", name) if name else (),
            *("-ac", "1", "-b:a", "32k", "-c:a", *codec),
            f"icecast://source:{PASSWORD}@{self.authority}{mount}",
        )
        self.encoders.append(encoder := Encoder(process))
        return encoder

    async def listen(self, mount: str, count: int) -> None:
        """Connect listeners, who stay."""
        responses = await asyncio.gather(*(self.http.get(f"{self.url}{mount}") for _ in range(count)))
        self.listeners += responses
        assert {response.status for response in responses} == {200}

    def leave(self, count: int) -> None:
        for _ in range(count):
            self.listeners.pop().close()

    async def name_song(self, mount: str, song: str, **more: str) -> None:
        """Set the title of an MP3 mount, as broadcasters' programs do."""
        authorization = aiohttp.encode_basic_auth("admin", PASSWORD)
        params = {"mount": mount, "mode": "updinfo", "song": song, **more}
        url = f"{self.url}/admin/metadata"
        async with self.http.get(url, params=params, headers={"Authorization": authorization}) as response:
            assert response.status == 200

    async def close(self) -> None:
        self.leave(len(self.listeners))
        await asyncio.gather(*(encoder.stop() for encoder in self.encoders))


async def _started(folder: Path) -> tuple[asyncio.subprocess.Process, int]:
    """Start Icecast; return it and its port once it may be asked.

    Icecast 2.4.4 crashes in up to one start in ten when anybody connects before its statistics thread has made
    its first round, 0.3 seconds after the start (39 of 640 here; 0 of 200 when left alone). Nothing tells that
    this is over, so a fixed time must do, and one that crashed is started anew.
    """
    for _ in range(START_ATTEMPTS):
        port = free_port()
        config = folder / "icecast.xml"
        fields = {"port": port, "folder": folder, "password": PASSWORD, "source_timeout": SOURCE_TIMEOUT}
        config.write_text(CONFIG.format(**fields, owner=OWNER if os.geteuid() == 0 else ""))
        command = ("icecast2", "-c", str(config))
        with (folder / "icecast.log").open("ab") as log:
            process = await asyncio.create_subprocess_exec(*command, stdout=log, stderr=log)
        with suppress(TimeoutError):
            async with asyncio.timeout(START_SECONDS):
                while process.returncode is None:
                    if await _listens(port):
                        break
                    await asyncio.sleep(0.05)
            await asyncio.sleep(FIRST_ROUND_SECONDS)
            if process.returncode is None:
                return process, port
        await _end(process)
    raise AssertionError("Icecast does not start")


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


@asynccontextmanager
async def icecast(folder: Path) -> AsyncIterator[IcecastServer]:
    """Start a server that answers."""
    process, port = await _started(folder)
    # Listeners must not share connections: each is a person.
    connector = aiohttp.TCPConnector(limit=0, force_close=True)
    async with aiohttp.ClientSession(connector=connector) as http:
        server = IcecastServer(port, http)
        try:
            yield server
        finally:
            await server.close()
            await _end(process)
