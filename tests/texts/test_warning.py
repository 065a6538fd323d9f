from __future__ import annotations

import pytest

from bot.ports.message import plain_text
from bot.texts import warning
from bot.texts.words import Words


@pytest.mark.parametrize(
    ("place", "title"),
    [
        (None, "Alerts of Night Radio come to Fans without pictures and files."),
        ("<#1>", "Alerts of Night Radio come to <#1> in Fans without pictures and files."),
    ],
)
def test_who_set_alerts_up_is_told_that_they_come_without_pictures_and_why(place: str | None, title: str) -> None:
    why = "i may not send photos: allow me to send photos"
    told = warning.without("Night Radio", chat="Fans", place=place, why=why, words=Words())
    assert plain_text(told.title) == title
    assert [plain_text(line) for line in told.lines] == ["I may not send photos: allow me to send photos."]
