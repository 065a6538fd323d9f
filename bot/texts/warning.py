"""What an admin is told in private when alerts cannot come."""

from __future__ import annotations

from bot.domain.outside import clean
from bot.ports.message import Message
from bot.texts.words import Words, bold

LONGEST = 80


def write(watch: str, chat: str, why: str, words: Words) -> Message:
    """Tell that a watch's alerts cannot come to a chat, and why."""
    return Message(
        symbol="⚠️",
        title=words.say(
            "Alerts of {watch} cannot come to {chat}.",
            watch=bold(clean(watch, limit=LONGEST)),
            chat=bold(clean(chat, limit=LONGEST)),
        ),
        lines=(
            words.say("{why}", why=clean(why, limit=400)),
            words.say(
                "You set them up, so I tell you, once. I go on trying for a while; {watches} there says more.",
                watches="/watches",
            ),
        ),
    )
