from __future__ import annotations

import json
import os
import socket
from pathlib import Path
from typing import Any

import pytest

from bot.domain import MINUTE
from bot.domain.reading import Answer, Failure, Metric, State
from bot.ports.source import Ask, BadAddress
from bot.sources.replay import Recording, Replay, load

HEADER = {"replay": 1, "platform": "x", "watch": "w", "interval": 30, "timezone": "Asia/Karachi"}
START = 1_650_474_000_000


def line(second: int, session: str | None = "a", **more: Any) -> dict[str, Any]:
    at = f"2022-04-20T17:{second // 60:02}:{second % 60:02}Z"
    return {"at": at, **({"session": session, "state": "live"} if session else {}), **more}


def write(folder: Path, *lines: object, header: dict[str, Any] | None = None) -> Path:
    path = folder / "file.jsonl"
    written = [one if isinstance(one, str) else json.dumps(one) for one in (header or HEADER, *lines)]
    path.write_text("\n".join(written), encoding="utf-8")
    return path


def read(folder: Path, *lines: object, **header: Any) -> Recording:
    return load(write(folder, *lines, header=HEADER | header))


def test_a_header_with_the_least_has_sensible_rest(tmp_path: Path) -> None:
    found = load(write(tmp_path, line(0, concurrent=1), header={"replay": 1, "platform": "Twitch", "watch": "w"}))
    assert (found.platform, found.unit, found.interval, found.timezone) == ("twitch", "viewers", MINUTE, "UTC")


def test_lines_of_one_moment_are_one_answer(tmp_path: Path) -> None:
    found = read(tmp_path, line(0, "a"), line(0, "b"), line(30, "a"))
    assert [len(one.readings) for one in found.answers if isinstance(one, Answer)] == [2, 1]


def test_ids_told_of_by_turns_are_both_there(tmp_path: Path) -> None:
    found = read(tmp_path, *(line(s, "ab"[s // 15 % 2]) for s in range(0, 120, 15)))
    still = [one.still for one in found.answers if isinstance(one, Answer)]
    assert still[1] == {"a"}
    assert still[2] == {"b"}


def test_an_id_that_missed_its_turn_is_not_still_there(tmp_path: Path) -> None:
    found = read(tmp_path, line(0, "a"), line(30, "b"), line(60, "a"))
    assert all(not one.still for one in found.answers if isinstance(one, Answer))


def test_offline_and_ended_end_the_looking_ahead(tmp_path: Path) -> None:
    found = read(tmp_path, line(0, "a"), line(10, None, state="offline"), line(20, "b"), line(30, "a"))
    assert all(not one.still for one in found.answers if isinstance(one, Answer))


@pytest.mark.parametrize("trouble", ["unavailable", "rate_limited", "denied", "garbage"])
def test_an_error_line_is_a_failure(tmp_path: Path, trouble: str) -> None:
    (found,) = read(tmp_path, line(0, None, error=trouble)).answers
    assert isinstance(found, Failure)
    assert found.trouble == trouble


@pytest.mark.parametrize(
    ("platform", "daily"), [("json", True), ("prometheus", True), ("hashtag", True), ("x", False)]
)
def test_platforms_without_starts_and_ends_have_days(tmp_path: Path, platform: str, *, daily: bool) -> None:
    assert read(tmp_path, line(0), platform=platform).daily is daily


@pytest.mark.parametrize("told", [line(30, None, state="offline"), line(30, state="ended")])
def test_a_number_whose_recording_tells_starts_and_ends_has_sessions(tmp_path: Path, told: object) -> None:
    assert not read(tmp_path, line(0), told, platform="json").daily


def test_a_number_without_an_id_has_one(tmp_path: Path) -> None:
    (found,) = read(tmp_path, line(0, None, state="live", concurrent=4), platform="json").answers
    assert isinstance(found, Answer)
    assert found.readings[0].session


@pytest.mark.parametrize(
    ("figures", "metric"),
    [
        ({"concurrent": 1, "tuned_in": 2}, Metric.CONCURRENT),
        ({"tuned_in": 2}, Metric.TUNED_IN),
        ({"posts": 2}, Metric.POSTS),
        ({"views": 2, "concurrent": None}, Metric.VIEWS),
        ({}, Metric.CONCURRENT),
    ],
)
def test_the_ladder_stands_on_the_figure_that_the_file_gives(
    tmp_path: Path, figures: dict[str, Any], metric: Metric
) -> None:
    assert read(tmp_path, line(0, **figures)).metric is metric


def test_scheduled_and_ended_are_states(tmp_path: Path) -> None:
    found = read(tmp_path, line(0, state="scheduled"), line(30, state="ended", tuned_in=7))
    states = [one.readings[0].state for one in found.answers if isinstance(one, Answer)]
    assert states == [State.SCHEDULED, State.ENDED]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ("{", "not JSON"),
        ("[1]", "must be a JSON object"),
        ('{"at": NaN}', "NaN"),
        (line(0, "a", concurrent=-1), '"concurrent" must be a number of 0 or more'),
        (line(0, "a", concurrent="5"), '"concurrent" must be a number'),
        (line(0, "a", concurrent=True), '"concurrent" must be a number'),
        (line(0, "a", tuned_in=2**60), '"tuned_in" must be a number'),
        (line(0, "a", state="paused"), '"state" must be'),
        (line(0, None), '"state" must be'),
        (line(0, None, state="live"), '"session" is missing'),
        (line(0, "a", at=5), '"at" is missing'),
        (line(0, "a", at="yesterday"), "is not a time"),
        (line(0, "a", at="2022-04-20T17:00:00"), "names no zone"),
        (line(0, "a", title=5), '"title" must be text'),
        (line(0, "a", hosts="PTI"), '"hosts" must be a list'),
        (line(0, None, error="tired"), '"error" must be one of'),
        ("[" * 100_000, "not JSON"),
        ('{"at": "2022-04-20T17:00:00Z", "session": "\\ud800", "state": "live"}', "half a character"),
        (line(0, "a", at="0001-01-01T00:00:00+05:00"), "between the years"),
        (line(0, "a", at="9999-12-31T23:59:59-05:00"), "between the years"),
    ],
)
def test_a_bad_line_is_refused_by_its_number(tmp_path: Path, bad: object, reason: str) -> None:
    with pytest.raises(BadAddress) as caught:
        read(tmp_path, line(0), bad)
    assert str(caught.value).startswith("file.jsonl, line 3: ")
    if not str(bad).startswith("[["):
        assert reason in str(caught.value)


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ({"replay": 2}, "must be a header"),
        ({"watch": None}, '"watch" is missing'),
        ({"platform": ""}, '"platform" is missing'),
        ({"interval": 0}, '"interval" must be'),
        ({"interval": "30"}, '"interval" must be'),
        ({"timezone": "Mars/Base"}, "is not known"),
        ({"timezone": "../../etc/passwd"}, "is not known"),
    ],
)
def test_a_bad_header_is_refused(tmp_path: Path, header: dict[str, Any], reason: str) -> None:
    with pytest.raises(BadAddress, match="line 1: ") as caught:
        read(tmp_path, line(0), **header)
    assert reason in str(caught.value)


def test_time_must_not_run_backwards(tmp_path: Path) -> None:
    with pytest.raises(BadAddress, match="line 3: it is earlier than the line before"):
        read(tmp_path, line(30), line(0))


@pytest.mark.parametrize("content", ["", "\n\n", json.dumps(HEADER)])
def test_a_file_without_readings_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "file.jsonl"
    path.write_text(content)
    with pytest.raises(BadAddress):
        load(path)


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "file.jsonl"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadAddress, match="not UTF-8"):
        load(path)
    with pytest.raises(BadAddress, match="cannot be read"):
        load(tmp_path)


@pytest.mark.parametrize("kind", ["pipe", "link to a pipe", "socket", "device"])
def test_what_is_not_an_ordinary_file_is_refused_without_being_read(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "file.jsonl"
    with socket.socket(socket.AF_UNIX) as server:
        match kind:
            case "pipe":
                os.mkfifo(path)
            case "link to a pipe":
                os.mkfifo(tmp_path / "pipe")
                path.symlink_to(tmp_path / "pipe")
            case "socket":
                server.bind(str(path))
            case "device":
                path.symlink_to("/dev/zero")
        with pytest.raises(BadAddress, match=r"file\.jsonl cannot be read: it is not an ordinary file"):
            load(path)


def test_a_link_to_a_file_is_followed(tmp_path: Path) -> None:
    link = tmp_path / "link.jsonl"
    link.symlink_to(write(tmp_path, line(0, concurrent=1)))
    assert len(load(link).answers) == 1


def test_windows_line_ends_and_a_byte_order_mark_are_fine(tmp_path: Path) -> None:
    path = tmp_path / "file.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + f"{json.dumps(HEADER)}\r\n{json.dumps(line(0))}\r\n".encode())
    assert len(load(path).answers) == 1


async def test_each_reading_is_told_once_whatever_the_pace_of_asking(tmp_path: Path) -> None:
    path = write(tmp_path, *(line(second, concurrent=second) for second in range(0, 600, 30)))
    for pace in (10_000, 30_000, 95_000, 700_000):
        source, since, heard = Replay(), None, []
        for now in range(START, START + 800_000, pace):
            (told,) = await source.read([Ask(reference=str(path), since=since, started=START)], now)
            heard += [one.at for one in told.answers]
            since = heard[-1] if heard else None
        assert heard == list(range(START, START + 600_000, 30_000))
        assert told.over


async def test_it_begins_when_its_watch_was_made(tmp_path: Path) -> None:
    path = write(tmp_path, line(0, concurrent=1), line(30, concurrent=2))
    (told,) = await Replay().read([Ask(reference=str(path), started=5_000_000)], 5_000_000)
    assert [one.at for one in told.answers] == [5_000_000]
    assert told.again_at == 5_030_000
