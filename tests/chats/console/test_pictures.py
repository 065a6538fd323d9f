"""What a terminal cannot show: put down beside the database, and said where."""

from __future__ import annotations

import io
from pathlib import Path

from bot.chats.console import ConsoleChat
from bot.ports.chat import Post, Target
from bot.ports.message import File, Message, Picture, Span

PICTURE = Picture(png=b"\x89PNG\r\n\x1a\n", alt="At once\x1b[31m, over the hour")


def post(message: Message) -> Post:
    target = Target(chat="console")
    return Post(delivery=1, target=target, message=message, stamp="22:00", replaces=None, facts={})


def made(folder: Path) -> File:
    path = folder / "made.tmp"
    path.write_text("at,at once\n")
    return File(path=path, name="../.night/radio.csv")


def read(path: str) -> bytes:
    return Path(path).read_bytes()


async def test_the_line_names_the_picture_by_its_words_and_where_it_is(tmp_path: Path) -> None:
    out = io.StringIO()
    chat = ConsoleChat(out=out, lines=None, pictures=tmp_path / "data" / "pictures")
    for _ in range(2):
        await chat.send(post(Message(title=(Span("Ended"),), picture=PICTURE)))
    printed = out.getvalue().splitlines()
    assert [line.strip() for line in printed[::2]] == ["22:00  Ended"] * 2
    found = [line.strip().removeprefix("At once[31m, over the hour: ") for line in printed[1::2]]
    assert set(found) == set(map(str, (tmp_path / "data" / "pictures").glob("chart-*.png")))
    assert len(set(found)) == 1  # the same picture is the same file
    assert [read(one) for one in found] == [PICTURE.png] * 2


async def test_a_file_is_moved_there_under_a_name_that_leads_nowhere_else(tmp_path: Path) -> None:
    out = io.StringIO()
    pictures = tmp_path / "pictures"
    file = made(tmp_path)
    await ConsoleChat(out=out, lines=None, pictures=pictures).send(post(Message(title=(Span("37"),), file=file)))
    (found,) = pictures.glob("*/*")
    assert (found.name, found.read_text()) == ("_.night_radio.csv", "at,at once\n")
    assert str(found) in out.getvalue()
    assert not file.path.exists()


async def test_a_folder_that_cannot_be_written_keeps_no_text_back(tmp_path: Path) -> None:
    out = io.StringIO()
    (tmp_path / "pictures").write_text("in the way")
    file = made(tmp_path)
    chat = ConsoleChat(out=out, lines=None, pictures=tmp_path / "pictures")
    await chat.send(post(Message(title=(Span("Ended"),), picture=PICTURE, file=file)))
    assert "Ended" in out.getvalue()
    assert "⚠️" in out.getvalue()
    assert not file.path.exists()
