"""An announced session begins soon."""

from __future__ import annotations

from bot.domain import MINUTE
from bot.domain.outside import clean
from bot.domain.story import Story
from bot.ports.message import Line, Message
from bot.texts.alerts.common import TITLE_LIMIT, hosts, name
from bot.texts.words import Words, bold


def write(story: Story, words: Words) -> Message:
    """Tell what begins, when, and in how many minutes from now."""
    due = story.session.started_at
    assert due is not None
    called = name(story.name)
    title = clean(story.session.title or "", limit=TITLE_LIMIT)
    length = due - story.at
    # To the second is more than an announced time is worth.
    left = words.duration(max(1, round(length / MINUTE)) * MINUTE)
    when = _when(story, due, words)
    if title and title.casefold() != called.casefold():
        said = words.say(
            "In {left}: {title} – {name}, {when}", left=left, title=bold(title), name=called, when=when
        )
    else:
        said = words.say("In {left}: {name}, {when}", left=left, name=bold(called), when=when)
    who = hosts(story.session, words)
    return Message(symbol="⏰", title=said, lines=(words.say("With {hosts}", hosts=who),) if who else ())


def _when(story: Story, due: int, words: Words) -> Line:
    """Return the time of day, and the day if it is another one."""
    date = words.date(due)
    if date.text == words.date(story.at).text:
        return words.say("at {time}", time=words.time(due))
    return words.say("at {time} on {date}", time=words.time(due), date=date)
