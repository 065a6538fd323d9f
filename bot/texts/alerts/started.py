"""A session is on the air."""

from __future__ import annotations

from bot.domain import MINUTE
from bot.domain.story import Story
from bot.ports.message import Message
from bot.texts.alerts.common import about, name
from bot.texts.words import Words, bold

#: A start that the source dates this much earlier was not seen as it happened.
JUST_NOW = 2 * MINUTE


def write(story: Story, words: Words) -> Message:
    """Tell that a session is live."""
    lines = []
    what = about(story.session, words, called=story.name)
    if what is not None:
        lines.append(what)
    begun = story.session.started_at
    if begun is not None and story.at - begun > JUST_NOW:
        lines.append(words.say("On the air since {time}.", time=words.time(begun)))
    return Message(
        symbol="🔴",
        title=words.say("{name} is live", name=bold(name(story.name))),
        lines=tuple(lines),
    )
