"""Where lines are printed: with signs that its encoding has, and errors that the port knows."""

from __future__ import annotations

import sys
from typing import TextIO

from bot.domain import MINUTE
from bot.ports.chat import TryLater


class Unread(TryLater):
    """Whoever read what is printed has gone, as ``head`` does after its lines."""


class Out:
    """Standard output, wherever it leads at the time (a prompt puts itself there), or another file.

    Attributes:
        lost: Why something was not printed, the first time; None if all was.
    """

    def __init__(self, file: TextIO | None = None) -> None:
        self.lost: TryLater | None = None
        self._file = file

    @property
    def file(self) -> TextIO | None:
        """The file to print to; a program that was started without standard output has none."""
        return self._file or sys.stdout

    @property
    def is_terminal(self) -> bool:
        """Tell whether a person reads it, and not a file or a program."""
        return self.file is not None and not self.file.closed and self.file.isatty()

    def takes(self, text: str) -> bool:
        """Tell whether the encoding has all signs of a text."""
        try:
            text.encode(self._encoding)
        except UnicodeEncodeError:
            return False
        return True

    def print(self, text: str) -> None:
        """Print a text, with a question mark for each sign that the encoding does not have.

        Raises:
            TryLater: It was not printed.
        """
        try:
            if self.file is None:
                raise ValueError("it is closed")  # noqa: TRY301 - as a file that was closed later says it
            self.file.write(text.encode(self._encoding, "replace").decode(self._encoding))
            self.file.flush()
        except (OSError, ValueError) as error:
            kind = Unread if isinstance(error, BrokenPipeError) else TryLater
            why = getattr(error, "strerror", None) or error
            failure = kind(f"Standard output cannot be written: {why}", retry_after=MINUTE)
            self.lost = self.lost or failure
            raise failure from error

    @property
    def _encoding(self) -> str:
        return getattr(self.file, "encoding", None) or "utf-8"
