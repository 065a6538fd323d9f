"""Plays a file of readings as if it happened now: the sample session, recorded data, tests.

A file begins when its watch was made: the first reading then lies at that moment, and each call tells what
came since the last one, so that no reading is skipped and a restart repeats none.
"""

from __future__ import annotations

import asyncio
import json
import stat
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from bot.domain import SECOND
from bot.domain.outside import may_be_broken, whole_document
from bot.domain.reading import Answer, Failure, Metric, Reading, State, Trouble, is_figure
from bot.domain.sentence import N_
from bot.ports.purse import Purse
from bot.ports.source import Ask, BadAddress, Description, Told

DAILY_PLATFORMS = frozenset({"json", "prometheus", "hashtag"})
UNITS = {
    "x": "participants",
    "hashtag": "posts",
    "icecast": "listeners",
    "azuracast": "listeners",
    "stage": "listeners",
    "json": "count",
    "prometheus": "count",
}
DEFAULT_UNIT = "viewers"
DEFAULT_INTERVAL_SECONDS = 60
#: Years in which a reading may lie: databases and calendars have bounds.
EARLIEST, LATEST = 1971, 2999
#: An id whose own lines follow one another this closely, in poll intervals, was there in between.
STILL_THERE = 1.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """A replay file, read and checked.

    Attributes:
        interval: Milliseconds between readings.
        answers: In order of time; lines of the same moment are one answer.
        daily: Its platform knows no starts and ends, and no line of it says one.
        metric: The figure that ladders stand on.
        note: The header's own word on the data.
    """

    platform: str
    watch: str
    unit: str
    interval: int
    timezone: str
    daily: bool
    metric: Metric
    note: str | None
    answers: tuple[Answer | Failure, ...]


class Replay:
    """The source ``replay:<file>``."""

    platform = "replay"
    public = False
    batch = 100
    for_operators = True
    example = "replay:recordings/friday.jsonl"
    purse: Purse | None = None

    def __init__(self) -> None:
        self._read: dict[str, Recording] = {}

    def recognises(self, url: str) -> str | None:
        """Recognise nothing: a file's name is not an address of its own."""
        return None

    async def describe(self, reference: str, now: int) -> Description:
        """Read the file and say what it holds.

        Raises:
            BadAddress: It cannot be read, or a line of it is wrong; the message says which and why.
        """
        path = _absolute(reference)
        self._read.pop(path, None)
        recording = await self._recording(path)
        return Description(
            reference=path,
            name=recording.watch,
            unit=recording.unit,
            metric=recording.metric,
            daily=recording.daily,
            platform=recording.platform,
            interval=recording.interval,
            timezone=recording.timezone,
            note=recording.note,
        )

    async def read(self, asks: Sequence[Ask], now: int) -> list[Told]:
        """Return what each file tells between the last call and now."""
        return [await self._tell(ask, now) for ask in asks]

    async def check(self) -> str | None:
        """Find nothing wrong: there is nothing to set up."""
        return None

    async def close(self) -> None:
        """Hold nothing open."""

    async def _recording(self, path: str) -> Recording:
        if path not in self._read:
            self._read[path] = await asyncio.to_thread(load, Path(path))
        return self._read[path]

    async def _tell(self, ask: Ask, now: int) -> Told:
        try:
            recording = await self._recording(ask.reference)
        except BadAddress as error:
            return Told(answers=(error.failure(now),))
        answers = recording.answers
        shift = ask.started - answers[0].at
        since = ask.since - shift if ask.since is not None else answers[0].at - 1
        first = bisect_right(answers, since, key=lambda one: one.at)
        last = bisect_right(answers, now - shift, key=lambda one: one.at)
        return Told(
            answers=[replace(one, at=one.at + shift) for one in answers[first:last]],
            again_at=answers[last].at + shift if last < len(answers) else None,
            over=last == len(answers),
        )


def _absolute(reference: str) -> str:
    return str(Path(reference).expanduser().absolute())


def load(path: Path) -> Recording:
    """Read a replay file.

    Raises:
        BadAddress: The file cannot be read, or a line is wrong; the message names the line.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # reading a pipe or a device may never end
            raise BadAddress(N_("{name} cannot be read: it is not an ordinary file."), name=path.name)
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise BadAddress(
            N_("{name} cannot be read: {strerror}."), name=path.name, strerror=error.strerror
        ) from error
    except UnicodeDecodeError as error:
        raise BadAddress(N_("{name} is not UTF-8 text."), name=path.name) from error
    except ValueError as error:
        raise BadAddress(N_("That is not the name of a file.")) from error
    numbered = [(n, line) for n, line in enumerate(text.split("\n"), 1) if line.strip()]
    if not numbered:
        raise BadAddress(
            N_("{name} is empty: its first line must be a header like {header}"), name=path.name, header=_HEADER
        )
    lines: list[dict[str, Any]] = []
    for number, line in numbered:
        try:
            value = json.loads(line, parse_constant=_no_constant)
            if _is_broken(line):
                raise ValueError("it holds half a character (a lone surrogate), or NUL")  # noqa: TRY301
            if not isinstance(value, dict):
                raise ValueError("a line must be a JSON object")  # noqa: TRY004, TRY301
            lines.append(_header(value) if not lines else _line(value, lines[0]["daily_platform"]))
        except (ValueError, RecursionError) as error:
            reason = f"not JSON ({error.msg})" if isinstance(error, json.JSONDecodeError) else error
            raise BadAddress(
                N_("{name}, line {number}: {reason}."), name=path.name, number=number, reason=str(reason)
            ) from error
        if len(lines) > 2 and lines[-1]["at"] < lines[-2]["at"]:
            raise BadAddress(
                N_("{name}, line {number}: it is earlier than the line before it."), name=path.name, number=number
            )
    if len(lines) == 1:
        raise BadAddress(N_("{name} holds no reading after its header."), name=path.name)
    return _recording(lines[0], lines[1:])


_HEADER = (
    '{"replay": 1, "platform": "x", "watch": "name", "unit": "participants", "interval": 30, '
    '"timezone": "Asia/Karachi"}'
)


def _is_broken(line: str) -> bool:
    """Tell whether a JSON text writes what databases do not take: a character that does not exist, or NUL."""
    if not may_be_broken(line):
        return False
    document = json.loads(line)
    return bool(document != whole_document(document))


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not a number that can be counted")


def _header(value: dict[str, Any]) -> dict[str, Any]:
    if value.get("replay") != 1:
        raise ValueError(f"the first line must be a header like {_HEADER}")
    platform = _text(value, "platform", required=True)
    assert platform is not None
    interval = value.get("interval", DEFAULT_INTERVAL_SECONDS)
    if not is_figure(interval) or interval <= 0:
        raise ValueError('"interval" must be a number of seconds above 0')
    timezone = _text(value, "timezone") or "UTC"
    try:
        ZoneInfo(timezone)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(f'"timezone" {timezone!r} is not known: write one like "Asia/Karachi"') from error
    return {
        "platform": platform.lower(),
        "watch": _text(value, "watch", required=True),
        "unit": _text(value, "unit") or UNITS.get(platform.lower(), DEFAULT_UNIT),
        "interval": round(interval * SECOND),
        "timezone": timezone,
        "note": _text(value, "note"),
        "daily_platform": platform.lower() in DAILY_PLATFORMS,
    }


def _line(value: dict[str, Any], daily_platform: bool) -> dict[str, Any]:  # noqa: FBT001
    at = _moment(value.get("at"))
    if "error" in value:
        words = [trouble.value for trouble in Trouble]
        if value["error"] not in words:
            raise ValueError(f'"error" must be one of {", ".join(words)}')
        return {"at": at, "failure": Failure(at=at, trouble=Trouble(value["error"]))}
    state = value.get("state")
    if state == "offline":
        return {"at": at}
    if state not in list(State):
        raise ValueError('"state" must be scheduled, live, ended or offline')
    session = _text(value, "session")
    if session is None:
        if not daily_platform:
            raise ValueError('"session" is missing: the platform\'s id of the session')
        session = "day"
    hosts = value.get("hosts") or []
    if not isinstance(hosts, list) or not all(isinstance(host, str) for host in hosts):
        raise ValueError('"hosts" must be a list of names')
    concurrent = _figure(value, "concurrent")
    reading = Reading(
        session=session,
        state=State(state),
        title=_text(value, "title"),
        hosts=tuple(hosts),
        url=_text(value, "url"),
        concurrent=concurrent,
        reason="not given in the recording" if concurrent is None else None,
        tuned_in=_figure(value, "tuned_in"),
        views=_figure(value, "views"),
        posts=_figure(value, "posts"),
    )
    return {"at": at, "reading": reading}


def _text(value: dict[str, Any], name: str, *, required: bool = False) -> str | None:
    text = value.get(name)
    if text is None or text == "":
        if required:
            raise ValueError(f'"{name}" is missing')
        return None
    if not isinstance(text, str):
        raise ValueError(f'"{name}" must be text')  # noqa: TRY004
    return text


def _figure(value: dict[str, Any], name: str) -> float | None:
    figure = value.get(name)
    if figure is None:
        return None
    if not is_figure(figure):
        raise ValueError(f'"{name}" must be a number of 0 or more, or null')
    return figure


def _moment(text: object) -> int:
    if not isinstance(text, str):
        raise ValueError('"at" is missing: a time like "2022-04-20T17:00:00Z"')  # noqa: TRY004
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f'"at" {text!r} is not a time like "2022-04-20T17:00:00Z"') from error
    if moment.tzinfo is None:
        raise ValueError(f'"at" {text!r} names no zone: write it like "2022-04-20T17:00:00Z"')
    if not EARLIEST <= moment.year <= LATEST:
        raise ValueError(f'"at" {text!r} is not between the years {EARLIEST} and {LATEST}')
    return round(moment.timestamp() * SECOND)


def _recording(header: dict[str, Any], lines: list[dict[str, Any]]) -> Recording:
    readings = [(line["at"], line["reading"]) for line in lines if "reading" in line]
    told_states = any("reading" not in line and "failure" not in line for line in lines) or any(
        reading.state is not State.LIVE for _, reading in readings
    )
    gives = [metric for metric in Metric if any(getattr(r, metric) is not None for _, r in readings)]
    return Recording(
        platform=header["platform"],
        watch=header["watch"],
        unit=header["unit"],
        interval=header["interval"],
        timezone=header["timezone"],
        daily=header["daily_platform"] and not told_states,
        metric=gives[0] if gives else Metric.CONCURRENT,
        note=header["note"],
        answers=tuple(_answers(lines, header["interval"])),
    )


def _answers(lines: list[dict[str, Any]], interval: int) -> list[Answer | Failure]:
    """Join lines of the same moment, and look ahead for ids that are told of between each other's lines."""
    spans = _spans(lines, STILL_THERE * interval)
    answers: list[Answer | Failure] = []
    for at, group in groupby(lines, key=lambda line: line["at"]):
        same = list(group)
        failures = [line["failure"] for line in same if "failure" in line]
        readings = tuple(line["reading"] for line in same if "reading" in line)
        if failures and not readings:
            answers.append(failures[0])
            continue
        named = {reading.session for reading in readings}
        still = frozenset(
            key
            for key, ranges in spans.items()
            if readings and key not in named and any(first < at < last for first, last in ranges)
        )
        answers.append(Answer(at=at, readings=readings, still=still))
    return answers


def _spans(lines: list[dict[str, Any]], longest: float) -> dict[str, list[tuple[int, int]]]:
    """Return for each id the stretches in which it surely was live, from neighbouring live lines of its own."""
    spans: dict[str, list[tuple[int, int]]] = {}
    last: dict[str, int] = {}
    for line in lines:
        reading = line.get("reading")
        if reading is None:
            if "failure" not in line:
                last.clear()  # offline: nothing was live
            continue
        key, at = reading.session, line["at"]
        if reading.state is not State.LIVE:
            last.pop(key, None)
            continue
        if key in last and 0 < at - last[key] <= longest:
            known = spans.setdefault(key, [])
            # Stretches that meet are one: a long file is looked up in them at every line.
            begin = known.pop()[0] if known and known[-1][1] == last[key] else last[key]
            known.append((begin, at))
        last[key] = at
    return spans
