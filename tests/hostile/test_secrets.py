"""The real program with telling tokens, among servers that fail in every way and repeat what they hear.

Nothing that is printed, logged, stored, measured or told in a chat may hold one of them.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from bot.settings import SettingsError, load
from storage.database import Database, DatabaseError
from tests.hostile.liars import liars
from tests.hostile.party import party
from tests.servers.discord import DiscordServer
from tests.servers.pages import free_port, serving
from tests.servers.telegram import TelegramServer, refuse

ROOT = Path(__file__).parents[2]
READY_SECONDS, LAST_SECONDS = 60, 15
SECRETS = {
    "TELEGRAM_TOKEN": "987654321:AAsecretTelegramSecretTelegramSecret7",
    "DISCORD_TOKEN": "MTsecretDiscord.SecretDiscord.SecretDiscordSecretDiscord7",
    "X_BEARER_TOKEN": "AAAAsecretBearerSecretBearer7",
    "YOUTUBE_API_KEY": "AIzaSecretYoutubeSecretYoutube7",
    "TWITCH_CLIENT_ID": "secrettwitchidsecrettwitchid7",
    "TWITCH_CLIENT_SECRET": "secrettwitchsecretsecrettwitch7",
    "KICK_CLIENT_ID": "SECRETKICKIDSECRETKICKID7",
    "KICK_CLIENT_SECRET": "secretkicksecretsecretkick7",
}
#: What the servers give out for those.
GRANTED = "secretGrantedSecretGranted7"
#: Of the address of a database, and of a page that somebody watches.
PASSWORDS = ("secretDatabasePassword7", "secretUrlPassword7")


def traces() -> set[bytes]:
    """Return what no output may hold: the secrets, the telling parts of them, and as they are sent."""
    whole = {*SECRETS.values(), GRANTED, *PASSWORDS}
    parts = {part for one in whole for part in one.replace(":", ".").split(".") if len(part) > 12}
    coded = {base64.b64encode(one.encode()).decode().rstrip("=")[:24] for one in (*whole, f"ann:{PASSWORDS[1]}")}
    halves = {part[:16] for part in parts}
    return {one.encode() for one in whole | parts | coded | halves}


def assert_tells_no_secret(what: str, told: bytes | str) -> None:
    raw = told.encode(errors="replace") if isinstance(told, str) else told
    for one in traces():
        at = raw.find(one)
        assert at < 0, f"{what} holds {one.decode()}: {raw[max(0, at - 200) : at + 100]!r}"


@asynccontextmanager
async def echoing() -> AsyncIterator[str]:
    """Run a server that repeats what it hears in bodies, headers and redirects, and fails in all ways by turns."""
    turns = count()

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        heard = (
            " ".join(
                [str(request.rel_url), (await request.read()).decode(errors="replace"), *request.headers.values()]
            )
            .replace("\r", " ")
            .replace("\n", " ")[:3_000]
        )
        fields = ("message", "description", "title", "detail", "error_description", "access_token_hint", "reason")
        body = dict.fromkeys(fields, heard) | {
            "ok": False,
            "error_code": 401,
            "error": {"message": heard, "errors": [{"reason": heard, "message": heard}], "status": heard},
            "errors": [{"message": heard, "detail": heard, "title": heard, "type": heard}],
            "data": [{"id": heard, "login": heard, "title": heard}],
            "access_token": GRANTED,
            "expires_in": 3_600,
            "token_type": "bearer",
        }
        text = json.dumps(body)
        if "token" in request.path and "oauth" in request.path and next(turns) % 3:
            return web.json_response({"access_token": GRANTED, "expires_in": 3_600, "token_type": "bearer"})
        headers = {"Content-Type": "application/json", "X-Echo": heard, "Retry-After": "1"}
        match next(turns) % 11:
            case 0 | 1:
                return web.Response(text=text, headers=headers)
            case 2:
                return web.Response(status=301, headers=headers | {"Location": f"/again?said={heard[:500]}"})
            case 3:
                return web.Response(status=302, headers=headers | {"Location": f"ftp://{heard[:500]}"})
            case 4:
                return web.Response(
                    status=200, text=f"<html>{heard}</html>", headers={"Content-Type": "text/html"}
                )
            case 5:
                assert request.transport is not None
                request.transport.abort()
                return web.Response()
            case 6:
                return web.Response(text=text[: len(text) // 2], headers=headers)
            case turn:
                status = {7: 401, 8: 403, 9: 429, 10: 500}[turn]
                return web.Response(status=status, text=text, headers=headers, reason=heard[:200])

    async with serving(answer) as pages:
        yield pages.url


def environment(folder: Path, echo: str, **more: str) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "SYSTEMROOT") if name in os.environ}
    given = {
        "PYTHONPATH": str(ROOT),
        "DATABASE_URL": f"sqlite:///{folder}/milepost.db",
        "TELEGRAM_API_URL": f"{echo}/telegram",
        "DISCORD_API_URL": f"{echo}/discord",
        "X_API_URL": f"{echo}/x",
        "X_DAILY_BUDGET_USD": "100",
        "YOUTUBE_API_URL": f"{echo}/youtube",
        "TWITCH_API_URL": f"{echo}/twitch",
        "TWITCH_AUTH_URL": f"{echo}/oauth2",
        "KICK_API_URL": f"{echo}/kick",
        "KICK_AUTH_URL": f"{echo}/kick",
        "POLL_INTERVAL_SECONDS": "1",
        "LOG_LEVEL": "debug",
    }
    return kept | given | SECRETS | more


async def program(folder: Path, *arguments: str, **environ: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bot",
        *arguments,
        cwd=folder,
        env=environ,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def ended(process: asyncio.subprocess.Process, *, seconds: float = READY_SECONDS) -> bytes:
    """Wait for a program's end, and return all that it printed."""
    try:
        async with asyncio.timeout(seconds):
            out, errors = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return out + errors


async def prepared(folder: Path, chat: str, echo: str) -> None:
    """Watch something on every platform while all is well; and a page with a password, which is the chat's own."""
    async with liars() as lying, party(folder, now=round(time.time() * 1000), settings=lying.settings) as made:
        for platform, address in lying.addresses.items():
            if platform in {"x", "hashtag", "youtube", "twitch", "kick"}:
                await made.set_up(f"/watch {address}", chat=chat)
    assert echo


def assert_files_hold_no_secret(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            assert_tells_no_secret(path.name, path.read_bytes())


@pytest.mark.parametrize("style", ["text", "json"])
async def test_a_run_among_echoing_servers_tells_no_secret(style: str, tmp_path: Path) -> None:
    async with echoing() as echo, TelegramServer(token=SECRETS["TELEGRAM_TOKEN"]) as telegram:
        ann = telegram.world.user("Ann")
        chat = telegram.world.private(ann)
        await prepared(tmp_path, str(chat.id), echo)
        door = f"127.0.0.1:{free_port()}"
        given = environment(
            tmp_path,
            echo,
            TELEGRAM_API_URL=telegram.url,
            OPERATORS=f"telegram:{ann.id}",
            LOG_FORMAT=style,
            HTTP_ADDRESS=door,
        )
        process = await program(tmp_path, "run", **given)
        printed = bytearray()
        assert process.stderr is not None
        try:
            async with asyncio.timeout(READY_SECONDS):
                while b"milepost runs" not in printed:
                    logged = await process.stderr.readline()
                    assert logged, printed.decode()
                    printed += logged
            draining = asyncio.create_task(_drain(process.stderr, printed))
            token = SECRETS["TELEGRAM_TOKEN"]
            telegram.inject(
                refuse(400, f"Bad Request: {token} {telegram.url}/bot{token}/sendMessage"), "sendMessage"
            )
            for line in (
                "/status",
                "/watches",
                "/status",
                *(f"/watch {one}:bob" for one in ("x", "youtube", "kick")),
            ):
                before = len(chat.sent)
                await telegram.say(chat, ann, line)
                if line != "/status" or before:
                    await telegram.until(lambda before=before: len(chat.sent) > before, seconds=30)  # type: ignore[misc]
            async with aiohttp.ClientSession() as client:
                for path in ("/health", "/metrics", "/ready", "/"):
                    async with client.get(f"http://{door}{path}") as response:
                        assert_tells_no_secret(path, await response.read())
            await asyncio.sleep(2)  # for some readings more; nothing waits for them
            process.send_signal(signal.SIGTERM)
            async with asyncio.timeout(LAST_SECONDS):
                await asyncio.gather(process.wait(), draining)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        assert process.stdout is not None
        printed += await process.stdout.read()
        assert process.returncode == 0, printed.decode()
        assert_tells_no_secret("the log", bytes(printed))
        assert_tells_no_secret("the chat", json.dumps([one.json() for one in chat.sent]))
        assert_files_hold_no_secret(tmp_path)


async def _drain(stream: asyncio.StreamReader, into: bytearray) -> None:
    while data := await stream.read(65_536):
        into += data


async def test_a_run_whose_chats_echo_tells_no_secret(tmp_path: Path) -> None:
    async with echoing() as echo, DiscordServer(token=SECRETS["DISCORD_TOKEN"]) as discord:
        given = environment(tmp_path, echo, DISCORD_API_URL=discord.api_url)
        process = await program(tmp_path, "run", **given)
        try:
            await discord.until(lambda: discord.gateway.connected, 30)
            await asyncio.sleep(2)  # for some faults of the other chat
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGTERM)
        assert_tells_no_secret("the log", await ended(process))
        assert_files_hold_no_secret(tmp_path)


async def test_doctor_tells_no_secret(tmp_path: Path) -> None:
    async with echoing() as echo:
        await prepared(tmp_path, "-1", echo)
        told = await ended(await program(tmp_path, "doctor", **environment(tmp_path, echo)))
        assert b"Settings" in told
        assert_tells_no_secret("doctor", told)


@pytest.mark.parametrize("command", [("run",), ("doctor",), ("export", "x.zip")])
async def test_the_password_of_a_database_that_does_not_answer_is_not_told(
    command: tuple[str, ...], tmp_path: Path
) -> None:
    url = f"postgresql://ann:{PASSWORDS[0]}@127.0.0.1:{free_port()}/milepost?application_name={PASSWORDS[1]}"
    given = environment(tmp_path, f"http://127.0.0.1:{free_port()}", DATABASE_URL=url)
    if command == ("doctor",):  # it would ask every platform, too
        given = {name: value for name, value in given.items() if name not in SECRETS}
    told = await ended(await program(tmp_path, *command, **given))
    assert told
    assert_tells_no_secret(" ".join(command), told)


WRONG = (
    {"DATABASE_URL": f"postgres//ann:{PASSWORDS[0]}@x"},
    {"DATABASE_URL": f"mysql://ann:{PASSWORDS[0]}@x/y"},
    {"DATABASE_URL": f"postgresql://ann:{PASSWORDS[0]}@x:port/y"},
    {"X_DAILY_BUDGET_USD": "many"},
    {"OPERATORS": "nobody"},
)


@pytest.mark.parametrize("wrong", WRONG)
async def test_wrong_settings_are_named_without_secrets(wrong: dict[str, str], tmp_path: Path) -> None:
    given = environment(tmp_path, "http://127.0.0.1:9", **wrong)
    (name,) = wrong
    with pytest.raises((SettingsError, DatabaseError)) as caught:
        await Database(load(given, env_file=None).database_url.get_secret_value()).open()
    assert name in str(caught.value)
    assert_tells_no_secret("the settings", str(caught.value) + repr(caught.value))
