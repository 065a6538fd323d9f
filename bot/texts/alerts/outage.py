"""Figures of a live session are missing, and later: they are back."""

from __future__ import annotations

from bot.domain.story import Story
from bot.ports.message import Message
from bot.texts.alerts.common import name
from bot.texts.trouble import reason
from bot.texts.words import Part, Words, bold


def write(story: Story, words: Words) -> Message:
    """Tell since when there are no figures, why, and what that means; or since when they are back."""
    assert story.since is not None
    called, since = bold(name(story.name)), words.time(story.since)
    if story.back_at is None:
        return Message(
            symbol="📡",
            title=words.say("No figures of {name} since {time}", name=called, time=since),
            lines=(
                *([words.say("{why}", why=why)] if (why := reason(story.why, words)) else []),
                words.say("The session is taken as going on; what is missing counts as unknown."),
            ),
        )
    back, length = words.time(story.back_at), words.duration(story.back_at - story.since)
    fields: dict[str, Part] = {"name": called, "time": back, "length": length}
    if story.session.is_live and story.session.gone_at is None:
        title = words.say("Figures of {name} are back since {time}; {length} are unknown.", **fields)
    else:
        title = words.say("{name} could be read again at {time}; {length} are unknown.", **fields)
    return Message(symbol="📡", title=title)
