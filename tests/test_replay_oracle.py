"""What `milepost replay --json` prints, against the slow oracle: the whole pipeline on any small files."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import Sequence
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from bot import play
from bot.samples import RECORD_BOOK, SPACE
from tests.domain.test_oracle import files
from tests.oracle import Line, moment, replay

KINDS = ["ended", "started", "record", "milestone"]
MEASURES = ["peak", "tuned_in", "posts", "views", "average", "airtime", None]


def printed(recordings: Sequence[list[Line]], book: Sequence[Line]) -> list[Line]:
    """Play files through the real pipeline and read what it prints."""
    out = StringIO()
    with tempfile.TemporaryDirectory(prefix="milepost-oracle-") as folder:
        paths = []
        for number, lines in enumerate(recordings):
            paths.append(Path(folder, f"{number}.jsonl"))
            paths[-1].write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
        book_path = Path(folder, "book.json")
        book_path.write_text(json.dumps(list(book)), encoding="utf-8")
        asyncio.run(play.replay(paths, out=out, as_json=True, record_book=book_path if book else None))
    return [json.loads(line) for line in out.getvalue().splitlines()]


def figures(told: Line) -> Line:
    """Leave what the oracle knows too, and forgive the last digits of broken numbers."""
    kept = {
        key: pytest.approx(value) if key in {"average", "coverage"} and value is not None else value
        for key, value in told.items()
        if key not in {"previous", "records", "at", "peak_at", "late"}
    }
    kept["at"] = moment(told["at"])
    if told.get("peak_at") is not None:
        kept["peak_at"] = moment(told["peak_at"])
    if "previous" in told:
        kept["previous"] = previous(told)
    if "records" in told:
        kept["records"] = sorted(
            (
                (one["measure"], one["scope"], pytest.approx(one["value"]), previous(one))
                for one in told["records"]
            ),
            key=lambda record: MEASURES.index(record[0]),
        )
    return kept


def previous(record: Line) -> Any:
    before = record["previous"]
    book = (before["holder"], before["date"]) if before["imported"] else None
    return before["imported"], book, pytest.approx(before["value"])


def place(told: Line) -> tuple[Any, ...]:
    """Order what is told at one moment: across sessions the design leaves it open."""
    return (
        moment(told["at"]),
        told["watch"],
        KINDS.index(told["kind"]),
        told["session"],
        MEASURES.index(told["measure"]),
        told["value"] or 0,
    )


def order(told: Line) -> tuple[Any, ...]:
    """What must rise within one moment and session."""
    return KINDS.index(told["kind"]), MEASURES.index(told["measure"])


def compare(recordings: Sequence[list[Line]], book: Sequence[Line] = ()) -> None:
    got, expected = printed(recordings, book), replay(list(recordings), book)
    ours, theirs = sorted(got, key=place), sorted(expected, key=place)
    assert [place(told) for told in ours] == [place(told) for told in theirs]
    for mine, other in zip(ours, theirs, strict=True):
        assert figures(mine) == figures(other)
    times = [moment(told["at"]) for told in got]
    assert times == sorted(times)
    for at in set(times):
        for session in {(told["watch"], told["session"]) for told in got}:
            same = [t for t in got if (moment(t["at"]), (t["watch"], t["session"])) == (at, session)]
            assert same == sorted(same, key=order)
        kinds = [told["kind"] for told in got if moment(told["at"]) == at]
        assert kinds == sorted(kinds, key=lambda kind: (kind != "ended", 0))  # whose end makes room comes first


BOOKS = st.lists(
    st.fixed_dictionaries(
        {
            "measure": st.sampled_from(["peak", "peak", "tuned_in", "average"]),
            "scope": st.sampled_from(["platform", "platform", "chat"]),
            "platform": st.sampled_from(["x", "x", "twitch"]),
            "value": st.sampled_from([0.5, 9.5, 60.5, 100.5, 260.5, 1300.5, 90_000.5]),
            "holder": st.sampled_from(["A", "B"]),
            "date": st.sampled_from([None, "2021-05-01"]),
            "disputed": st.booleans(),
            "at_least": st.booleans(),
        }
    ),
    max_size=3,
    unique_by=lambda entry: (entry["measure"], entry["platform"], entry["value"]),
)


@settings(max_examples=12, deadline=None)
@given(files(), BOOKS)
def test_one_file_tells_what_the_oracle_tells(lines: list[Line], book: list[Line]) -> None:
    compare([lines], book)


@settings(max_examples=10, deadline=None)
@given(
    files(name="one"),
    files(name="two", shift=250),
    files(name="three", shift=500, platform="twitch"),
    st.booleans(),
    BOOKS,
)
def test_several_files_tell_what_the_oracle_tells(
    one: list[Line], two: list[Line], three: list[Line], third: bool, book: list[Line]
) -> None:
    compare([one, two, three] if third else [one, two], book)


@settings(max_examples=4, deadline=None)
@given(files(platform="json", name="one"), files(platform="json", name="two", shift=250))
def test_days_of_numbers_tell_what_the_oracle_tells(one: list[Line], two: list[Line]) -> None:
    compare([one, two])


@settings(max_examples=2, deadline=None, phases=[Phase.reuse, Phase.generate])
@given(files(long=True), BOOKS)
def test_streams_over_days_tell_what_the_oracle_tells(lines: list[Line], book: list[Line]) -> None:
    compare([lines], book)


def test_a_session_that_grew_after_its_end_is_a_rival_with_what_it_grew_to() -> None:
    header = {"replay": 1, "platform": "x", "watch": "w", "unit": "participants", "interval": 60}
    minutes: list[tuple[int, Line]] = [
        (0, {"session": "a", "state": "live", "tuned_in": 400}),
        (1, {"state": "offline"}),
        (7, {"state": "offline"}),
        (9, {"session": "a", "state": "ended", "tuned_in": 500}),
        (20, {"session": "b", "state": "live", "tuned_in": 450}),
        (21, {"session": "b", "state": "live", "tuned_in": 550}),
    ]
    lines = [{"at": f"2026-03-28T20:{minute:02d}:00Z"} | line for minute, line in minutes]
    told = [(one["kind"], one["value"]) for one in printed([[header, *lines]], ()) if one["session"] == "b"]
    assert told == [("started", None), ("milestone", 450), ("record", 550)]


def test_the_sample_session_tells_what_the_oracle_tells() -> None:
    lines = [json.loads(line) for line in SPACE.read_text(encoding="utf-8").splitlines()]
    compare([lines], json.loads(RECORD_BOOK.read_text(encoding="utf-8")))
