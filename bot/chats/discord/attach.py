"""Pictures and files that go with a message: read, measured, and put into a request.

https://docs.discord.com/developers/reference#uploading-files
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import Sequence
from typing import Any

import discord
import structlog

from bot.domain.outside import clean
from bot.domain.sentence import N_, Sentence
from bot.ports.message import Message

log = structlog.get_logger(__name__)

Json = dict[str, Any]

#: The picture by the name that an embed knows it by.
CHART = "chart.png"
SHOWN = f"attachment://{CHART}"
MOST_ALT = 1024
MOST_NAME = 100
#: Bytes of a request, whatever a server's boosts allow a file, with room for the text.
#: https://docs.discord.com/developers/resources/message#create-message
MOST_IN_ALL = 24 << 20
#: Bytes of a file where nothing else is known: https://docs.discord.com/developers/reference#uploading-files
MOST = 10 << 20


async def load(message: Message, *, most: int) -> tuple[list[discord.File], str | None]:
    """Return what goes with a message, and in a sentence why something of it cannot.

    The files are open: ``close`` is for whoever sends them.

    Args:
        most: Bytes of a file.
    """
    most = min(most, MOST_IN_ALL)
    made: list[discord.File] = []
    left: str | None = None
    room = MOST_IN_ALL
    if message.picture is not None:
        png = message.picture.png
        if len(png) <= min(most, room):
            alt = clean(message.picture.alt, limit=MOST_ALT)
            made.append(discord.File(io.BytesIO(png), filename=CHART, description=alt or None))
            room -= len(png)
        else:
            left = _too_large("picture", most)
    if message.file is not None:
        name = clean(message.file.name.replace("/", "_").replace("\\", "_"), limit=MOST_NAME) or "file"
        try:
            size = (await asyncio.to_thread(message.file.path.stat)).st_size
            if size <= min(most, room):
                made.append(await asyncio.to_thread(discord.File, message.file.path, filename=name))
            else:
                left = _too_large("file", most)
        except OSError as error:
            log.warning("a file to send is not there", why=error.strerror)
            left = N_("The file is no longer there")
    return made, left


def shows(files: Sequence[discord.File]) -> bool:
    """Tell whether the picture is among the files."""
    return any(one.filename == CHART for one in files)


def listed(files: Sequence[discord.File]) -> list[Json]:
    """Return what a message's body says of the files that come with it: no others stay, if it is an edit."""
    return [
        {"id": number, "filename": one.filename}
        | ({"description": one.description} if one.description is not None else {})
        for number, one in enumerate(files)
    ]


def dress(body: Json, files: Sequence[discord.File], *, editing: bool) -> Json:
    """Return a message's body with what comes with it; an edit drops what came with it before."""
    if shows(files):
        first, *others = body["embeds"]
        body = body | {"embeds": [first | {"image": {"url": SHOWN}}, *others]}
    return body | {"attachments": listed(files)} if files or editing else body


def form(body: Json, files: Sequence[discord.File]) -> list[Json]:
    """Return the parts of a request that carries files."""
    parts: list[Json] = [{"name": "payload_json", "value": discord.utils._to_json(body)}]  # noqa: SLF001 - as it sends others
    for number, one in enumerate(files):
        parts.append(
            {
                "name": f"files[{number}]",
                "value": one.fp,
                "filename": one.filename,
                "content_type": "application/octet-stream",
            }
        )
    return parts


def close(files: Sequence[discord.File]) -> None:
    """Let go of files."""
    for one in files:
        one.close()


def _too_large(what: str, most: int) -> str:
    log.warning("a picture or file is too large for Discord", what=what, most=most)
    too_large = (
        N_("The picture is larger than Discord takes here: {size} MB")
        if what == "picture"
        else N_("The file is larger than Discord takes here: {size} MB")
    )
    return Sentence(too_large, size=most >> 20)
