"""Why a text that a chat wrote cannot be used, and where in it the mistake is."""

from __future__ import annotations


class Refused(Exception):
    """A text cannot be used.

    Attributes:
        why: What is wrong: a message id of the catalogs.
        word: What it speaks of.
        known: What there is instead.
        line, column: Where, from 1; None where it is the whole text.
        near: The line of the text before and behind that place.
    """

    def __init__(
        self, why: str, *, word: str = "", known: tuple[str, ...] = (), source: str = "", at: int | None = None
    ) -> None:
        super().__init__(why.replace("{word}", word))
        self.why = why
        self.word = word
        self.known = known
        self.line: int | None = None
        self.column: int | None = None
        self.near = ("", "")
        if at is not None and 0 <= at <= len(source):
            before = source[:at]
            start = before.rfind("\n") + 1
            self.line, self.column = before.count("\n") + 1, at - start + 1
            self.near = (before[start:], source[at:].partition("\n")[0])
