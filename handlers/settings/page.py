"""Which of a chat's watches have a page that anybody may read."""

from __future__ import annotations

from collections.abc import Sequence

from bot.ports.message import Line
from bot.services import publishing, watching
from bot.services.watching import Watched
from bot.texts.alerts.common import name
from bot.texts.words import N_, Words, bold, link
from handlers.command import Mistake
from handlers.settings.setting import Asked, Choice, Setting

_ON, _OFF = "on", "off"
#: Watches offered to tap, and pages named with their addresses.
MOST = 10


async def shown(asked: Asked) -> Line:
    return _told(await publishing.public(asked.services, asked.request), asked)


async def change(asked: Asked, typed: str) -> Line:
    before, _, wanted = typed.strip().rpartition(" ")
    if wanted.lower() not in {_ON, _OFF}:
        raise Mistake(asked.words.say("Say on or off, and which watch if not all."), example=SETTING.example)
    found = await publishing.public(asked.services, asked.request)
    if not found:
        raise watching.NoWatches
    chosen = [one for one, _ in found]
    if before.strip():
        chosen = [_picked(chosen, before, asked.words)]
    await publishing.publish(asked.services, asked.request, chosen, public=wanted.lower() == _ON)
    return _told(await publishing.public(asked.services, asked.request), asked)


async def choices(asked: Asked) -> tuple[Choice, ...]:
    words = asked.words
    found = await publishing.public(asked.services, asked.request)
    if not found:
        return ()
    every = all(public for _, public in found)
    none = not any(public for _, public in found)
    offered = [
        Choice(label=words.text("All public"), value=_ON, chosen=every),
        Choice(label=words.text("All private"), value=_OFF, chosen=none),
    ]
    if len(found) > 1:
        for one, public in found[:MOST]:
            label = words.text("{name}: public" if public else "{name}: private", name=name(one.name))
            offered.append(Choice(label=label, value=f"{one.name} {_OFF if public else _ON}", chosen=False))
    return tuple(offered)


async def lines(asked: Asked) -> tuple[Line, ...]:
    words, url = asked.words, asked.services.public_url
    if url is None:
        return (words.say("No pages are served yet: who runs me sets HTTP_ADDRESS and PUBLIC_URL."),)
    told: list[Line] = []
    if url:
        told = [
            words.say(
                "{name}: {address}",
                name=bold(name(one.name)),
                address=link(address, address),
            )
            for one, public in await publishing.public(asked.services, asked.request)
            if public
            for address in (publishing.watch_address(url, one.watch.id),)
        ][:MOST]
    else:
        told = [words.say("Where readers find the pages, I do not know: who runs me sets PUBLIC_URL.")]
    return (*told, words.say("It shows all sessions, also past ones, and nothing else of this chat."))


def _picked(found: Sequence[Watched], typed: str, words: Words) -> Watched:
    try:
        return watching.pick(found, typed)
    except watching.UnknownName as unknown:
        near = unknown.near[0] if unknown.near else found[0].name
        line = words.say("Nothing here is called “{name}”.", name=name(unknown.name))
        raise Mistake(line, example=f"/settings page {near} on") from None


def _told(found: Sequence[tuple[Watched, bool]], asked: Asked) -> Line:
    words = asked.words
    shown = [name(one.name) for one, public in found if public]
    if not shown:
        return words.say("Pages: nothing of this chat is public.")
    if len(shown) == len(found):
        return words.say("Pages: all that is watched here is public.")
    return words.say("Pages: {names} can be read by anybody.", names=_named(shown, words))


def _named(names: Sequence[str], words: Words) -> str:
    if len(names) <= MOST:
        return words.list(names)
    return words.text("{names} and {n} more", names=words.list(names[:MOST]), n=words.exact(len(names) - MOST))


SETTING = Setting(
    key="page",
    label=N_("Pages"),
    about=N_("Whether what is watched here has a page on the web that anybody may read."),
    example="/settings page on",
    shown=shown,
    change=change,
    choices=choices,
    lines=lines,
    other_names=("pages", "public"),
)
