"""Pictures and files that go with a message: how large they may be, and which were sent where."""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from dataclasses import dataclass, replace

import structlog

from bot.domain.outside import clean
from bot.domain.sentence import N_, Sentence
from bot.ports.message import File, Message, Picture
from bot.texts import reader

log = structlog.get_logger(__name__)

#: Bytes: https://core.telegram.org/bots/api#sending-files
PHOTO = 10 << 20
FILE = 50 << 20
CHART = "chart.png"
LONGEST_NAME = 60
#: Pictures remembered, to change only what differs.
REMEMBERED = 10_000

Piece = Picture | File


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What became of a message.

    Attributes:
        key: Its number.
        lacks: What the bot may not send there, and what an admin must do; None if all was sent.
        beside: What is still to follow, in reply.
    """

    key: str
    lacks: str | None = None
    beside: tuple[Piece, ...] = ()


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture that was sent: the message that it is in, and what it was."""

    key: int
    digest: bytes


class Pictures:
    """The pictures of messages: in them, or in a reply to them."""

    def __init__(self) -> None:
        self._shown: OrderedDict[tuple[str, str], Shown] = OrderedDict()

    def of(self, chat: str, key: str) -> Shown | None:
        """Return a message's picture, if one is remembered."""
        return self._shown.get((chat, key))

    def note(self, chat: str, key: str, number: int, picture: Picture) -> None:
        """Remember a message's picture, which is in the message ``number``."""
        self._shown[chat, key] = Shown(number, digest(picture))
        self._shown.move_to_end((chat, key))
        while len(self._shown) > REMEMBERED:
            self._shown.popitem(last=False)

    def forget(self, chat: str, key: str) -> Shown | None:
        """Forget a message's picture, and return it."""
        return self._shown.pop((chat, key), None)


def noted(message: Message, why: str | None, *, asked: bool) -> Message:
    """Return an answer with a line on what is missing in it."""
    if why is None or not asked:
        return message
    words = reader.of_person(message.language)
    line = words.say("⚠️ {why}", why=words.told(why))
    return replace(message, lines=(*message.lines, line))


async def size(piece: Piece) -> int | None:
    """Return how many bytes something has; None if it is not there."""
    if isinstance(piece, Picture):
        return len(piece.png)
    try:
        return (await asyncio.to_thread(piece.path.stat)).st_size
    except OSError:
        return None


def most(piece: Piece) -> int:
    """Return how many bytes something may have."""
    return PHOTO if isinstance(piece, Picture) else FILE


async def fitting(message: Message) -> tuple[list[Piece], str | None]:
    """Return what of a message's pieces Telegram takes, and in a sentence why not the others."""
    fit: list[Piece] = []
    why: str | None = None
    for piece in (message.picture, message.file):
        if piece is None:
            continue
        bytes_, limit = await size(piece), most(piece)
        what = "picture" if isinstance(piece, Picture) else "file"
        if bytes_ is None:
            why = N_("The picture is no longer there") if what == "picture" else N_("The file is no longer there")
        elif bytes_ > limit:
            too_large = (
                N_("The picture is larger than Telegram takes from a bot: {size} MB")
                if what == "picture"
                else N_("The file is larger than Telegram takes from a bot: {size} MB")
            )
            why = Sentence(too_large, size=limit >> 20)
        else:
            fit.append(piece)
            continue
        log.warning("a picture or file cannot be sent", what=what, bytes=bytes_)
    return fit, why


def filename(file: File) -> str:
    """Return a name that is one, whoever chose it."""
    return clean(file.name.replace("/", "_").replace("\\", "_"), limit=LONGEST_NAME) or "file"


def digest(picture: Picture) -> bytes:
    """Return what tells a picture from others."""
    return hashlib.sha256(picture.png).digest()
