"""A record that was told is none, or is one after all: its post is edited, and answered where it called somebody.

It goes to those who were told and to nobody else, whatever they have chosen since; nobody subscribes to it. Each
post has a correction of its own, made when a value is doubted, the book changes or a source takes a figure back.
Whether the record stands is looked up when the correction is written.
"""

from __future__ import annotations

from typing import NamedTuple

from bot.domain import DAY
from bot.domain.alert import Alert
from bot.domain.measure import Measure
from bot.domain.session import Session

KIND = "correction"
WORTH = 14 * DAY
#: A record of the book that was known too late corrects what was told so long before.
LOOKS_BACK = 7 * DAY
_ANSWER = "answer"


class Key(NamedTuple):
    """What a correction corrects.

    Attributes:
        alert_id: The alert that told the record, or the recap in which it stands.
        chat_id: In which chat.
        number: 1 for the first correction of a post; more where it was corrected before.
        answers: It answers the post, rather than taking its place.
    """

    alert_id: int
    chat_id: int
    number: int
    answers: bool = False

    @property
    def text(self) -> str:
        """The key as it is kept with the alert."""
        end = f":{_ANSWER}" if self.answers else ""
        return f"{KIND}@{self.alert_id}:{self.chat_id}:{self.number}{end}"

    @property
    def edit(self) -> Key:
        """The correction that takes the post's place."""
        return self._replace(answers=False)


def read_key(text: str) -> Key:
    """Read what ``Key.text`` wrote."""
    alert_id, chat_id, number, *end = text.removeprefix(f"{KIND}@").split(":")
    return Key(int(alert_id), int(chat_id), int(number), end == [_ANSWER])


def alert(session: Session, key: Key, *, at: int, measure: Measure | None, value: float | None) -> Alert:
    """Correct one post of one chat.

    Args:
        measure, value: What the post told.
    """
    return Alert(kind=KIND, session=session, at=at, key=key.text, measure=measure, value=value)
