"""What Discord answers when it refuses, in its own words and shapes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Json = dict[str, Any]
Place = Sequence[str | int]

#: Code -> HTTP status and message. A status that the documentation does not name is the one users report.
REFUSALS = {
    10003: (404, "Unknown Channel"),
    10004: (404, "Unknown Guild"),
    10007: (404, "Unknown Member"),
    10008: (404, "Unknown Message"),
    10013: (404, "Unknown User"),
    10015: (404, "Unknown Webhook"),
    10062: (404, "Unknown interaction"),
    10063: (404, "Unknown application command"),
    30015: (400, "Maximum number of attachments in a message reached (10)"),
    30032: (400, "Maximum number of application commands reached (100)"),
    30046: (429, "Maximum number of edits to messages older than 1 hour reached. Try again later"),
    30034: (400, "Max number of daily application command creates has been reached (200)"),
    40005: (413, "Request entity too large"),
    40033: (400, "This message has already been crossposted"),
    40058: (400, "Cannot send a message in a forum channel"),
    40060: (400, "Interaction has already been acknowledged."),
    50001: (403, "Missing Access"),
    50005: (403, "Cannot edit a message authored by another user"),
    50006: (400, "Cannot send an empty message"),
    50007: (403, "Cannot send messages to this user"),
    50008: (400, "Cannot send messages in a non-text channel"),
    50013: (403, "Missing Permissions"),
    50024: (400, "Cannot execute action on this channel type"),
    50027: (401, "Invalid Webhook Token"),
    50033: (400, "Invalid Recipient(s)"),
    50035: (400, "Invalid Form Body"),
    50083: (400, "Thread is archived"),
    50109: (400, "The request body contains invalid JSON."),
    50278: (403, "Cannot send messages to this user due to having no mutual guilds"),
    160002: (400, "Cannot reply without permission to read message history"),
    160005: (403, "Thread is locked"),
}


class ApiError(Exception):
    """An answer other than success."""

    def __init__(self, code: int, *, status: int | None = None, errors: Json | None = None) -> None:
        usual, self.message = REFUSALS[code]
        self.code = code
        self.status = status or usual
        self.errors = errors
        super().__init__(f"{self.status} ({code}): {self.message}")

    @property
    def body(self) -> Json:
        body: Json = {"message": self.message, "code": self.code}
        return body | {"errors": self.errors} if self.errors else body


class Form:
    """Collects what is wrong with a request, as the tree that Discord sends with 50035."""

    def __init__(self) -> None:
        self.errors: Json = {}

    def add(self, place: Place, code: str, message: str) -> None:
        branch = self.errors
        for step in place:
            branch = branch.setdefault(str(step), {})
        branch.setdefault("_errors", []).append({"code": code, "message": message})

    def check(self) -> None:
        if self.errors:
            raise ApiError(50035, errors=self.errors)

    def required(self, place: Place) -> None:
        self.add(place, "BASE_TYPE_REQUIRED", "This field is required")

    def at_most(self, place: Place, value: Any, most: int) -> None:
        """Hold a text or a list to its greatest length."""
        if value is not None and len(value) > most:
            self.add(place, "BASE_TYPE_MAX_LENGTH", f"Must be {most} or fewer in length.")

    def between(self, place: Place, value: Any, least: int, most: int) -> None:
        if not isinstance(value, str):
            self.required(place)
        elif not least <= len(value) <= most:
            self.add(place, "BASE_TYPE_BAD_LENGTH", f"Must be between {least} and {most} in length.")

    def choice(self, place: Place, value: object, choices: Sequence[object]) -> None:
        if value not in choices:
            listed = ", ".join(map(str, choices))
            self.add(place, "BASE_TYPE_CHOICES", f"Value must be one of {{{listed}}}.")
