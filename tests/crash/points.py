"""Where the program is killed: at the statements of its database, and at the requests that its servers see."""

from __future__ import annotations

import os
import re
import signal
from typing import Any, NamedTuple

import sqlalchemy as sa

#: What the program writes, stage by stage.
STATEMENTS = {
    "claim": re.compile(r"UPDATE watch SET due_at=.* RETURNING", re.DOTALL),
    "session": re.compile(r"INSERT INTO session \("),
    "sample": re.compile(r"INSERT INTO sample\b"),
    "tally": re.compile(r"(UPDATE|INSERT INTO) tally\b"),
    "alert": re.compile(r"INSERT INTO alert\b"),
    "delivery": re.compile(r"INSERT INTO delivery\b"),
    "lease": re.compile(r"UPDATE delivery SET .*\battempts=", re.DOTALL),
    "settle": re.compile(r"UPDATE delivery SET .*\bmessage_key=", re.DOTALL),
}
#: Before and after the statement, before and after the commit of its transaction.
MOMENTS = ("before", "after", "commit", "done")
#: A request has come, it is done but not answered, the answer has left.
REQUESTS = {
    "source": ("asked", "answered"),
    "telegram": ("asked", "stored", "answered"),
    "discord": ("asked", "stored", "answered"),
}


class Point(NamedTuple):
    """A named point: a statement and a moment of it, or a server and a moment of a request to it."""

    place: str
    moment: str

    @property
    def at_server(self) -> bool:
        return self.place in REQUESTS

    def __str__(self) -> str:
        return f"{self.place} {self.moment}"


#: In the order of the pipeline.
POINTS = (
    *(Point("claim", moment) for moment in MOMENTS),
    *(Point("source", moment) for moment in REQUESTS["source"]),
    *(Point("session", moment) for moment in ("before", "after")),
    *(Point("sample", moment) for moment in ("before", "after")),
    *(Point("tally", moment) for moment in ("before", "after")),
    *(Point("alert", moment) for moment in ("before", "after")),
    *(Point("delivery", moment) for moment in MOMENTS),
    *(Point("lease", moment) for moment in MOMENTS),
    *(Point("telegram", moment) for moment in REQUESTS["telegram"]),
    *(Point("discord", moment) for moment in REQUESTS["discord"]),
    *(Point("settle", moment) for moment in MOMENTS),
)


def die() -> None:
    """Kill this process as nothing can prevent."""
    os.kill(os.getpid(), signal.SIGKILL)


def lay(point: Point, *, at_pass: int) -> None:
    """Kill this process when it comes to a statement's point for the n-th time."""
    statement = STATEMENTS[point.place]
    left = at_pass

    def come() -> None:
        nonlocal left
        left -= 1
        if left <= 0:
            die()

    def before(connection: sa.Connection, _cursor: Any, sql: str, *_: Any) -> None:
        if statement.search(sql) is None:
            return
        if point.moment == "before":
            come()
        elif point.moment in {"commit", "done"}:
            connection.info["crash"] = True

    def after(_connection: sa.Connection, _cursor: Any, sql: str, *_: Any) -> None:
        if point.moment == "after" and statement.search(sql) is not None:
            come()

    def commit(connection: sa.Connection) -> None:
        if connection.info.get("crash") and point.moment == "commit":
            connection.info["crash"] = False
            come()

    def checkin(_dbapi: Any, record: Any) -> None:
        if record is not None and record.info.pop("crash", False) and point.moment == "done":
            come()

    sa.event.listen(sa.Engine, "before_cursor_execute", before)
    sa.event.listen(sa.Engine, "after_cursor_execute", after)
    sa.event.listen(sa.Engine, "commit", commit)
    sa.event.listen(sa.Pool, "checkin", checkin)
