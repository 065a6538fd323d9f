"""Writes what a chat is owed: the story of a delivery, in the chat's own words, as a post."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import structlog

from bot.domain import HOUR
from bot.domain.alerts import CALLS_NOBODY, MENDS
from bot.domain.alerts import card as card_kind
from bot.domain.alerts import close as close_kind
from bot.domain.alerts import ended as ended_kind
from bot.domain.alerts import milestone as milestone_kind
from bot.domain.alerts import record as record_kind
from bot.domain.card import Shown
from bot.domain.digest import comes_alone, fresh
from bot.domain.reading import State
from bot.domain.story import Story
from bot.ports.chat import Post, Target
from bot.ports.easel import DrawError, Easel
from bot.ports.message import Button, Picture
from bot.services import charting, publishing
from bot.services import story as stories
from bot.texts import charting as drawn
from bot.texts import digest, own, reader
from bot.texts.words import Words
from storage import cards, held, published, watches, wordings
from storage import chats as chat_store
from storage.chats import Subscription
from storage.database import Database
from storage.sending import Owed

log = structlog.get_logger(__name__)

#: What was held overnight says of these that they happened earlier.
TELL_LATE = {milestone_kind.KIND, record_kind.KIND, close_kind.KIND}
RECAPS = {ended_kind.KIND, card_kind.KIND}
#: One is called at most so often, however much happens.
MENTION_EVERY = HOUR


class Writer:
    """Turns deliveries into posts.

    Args:
        installation: See ``bot.ports.chat.Post``.
        easel: Draws the charts of recaps; None for recaps without.
        public_url: Where readers find the pages, if that is known.
    """

    def __init__(
        self,
        database: Database,
        clock: Callable[[], int],
        *,
        installation: str,
        easel: Easel | None = None,
        public_url: str = "",
    ) -> None:
        self._easel = easel
        self._public_url = public_url
        self._database = database
        self._clock = clock
        self._installation = installation

    async def post(self, owed: Owed) -> Post | None:
        """Return a delivery as the chat will read it, or None if nobody wants it any more."""
        if owed.digest_id is not None and not comes_alone(owed.kind, owed.key):
            return await self._digest(owed, owed.digest_id)
        post = await self._alone(owed)
        return post if post is None or owed.digest_id is None else replace(post, tells=(owed.id,))

    async def _alone(self, owed: Owed) -> Post | None:
        if owed.kind != card_kind.KIND:
            now = self._clock()
            story = await stories.tell(self._database, owed, now=now)
            return None if story is None else await self._write(owed, story, now)
        written = await self.card(owed)
        # A card that comes too late is none; one that was held overnight is the recap by now.
        if written is None or (written[0].over and owed.digest_id is None):
            return None
        async with self._database.write() as connection:
            await cards.note_shown(
                connection,
                subscription_id=owed.subscription_id,
                session_id=owed.session_id,
                shown=written[0].text(),
            )
        return written[1]

    async def _digest(self, owed: Owed, digest_id: int) -> Post | None:
        """Return what was held in quiet hours and is still worth telling, as one post."""
        now = self._clock()
        async with self._database.read() as connection:
            held_ones = {one.id: one for one in await held.told_by(connection, digest_id)}
        told = [
            (one.id, story)
            for one in held_ones.values()
            if (story := await stories.tell(self._database, one, now=now)) is not None
        ]
        chosen = [(id_, replace(story, late=story.kind in TELL_LATE)) for id_, story in fresh(told, now=now)]
        alone = len(chosen) == 1
        posts = [
            (id_, story, post)
            for id_, story in chosen
            if (post := await self._write(held_ones[id_], story, now, chart=alone)) is not None
        ]
        if not posts:
            return None
        tells = tuple(id_ for id_, *_ in posts)
        last = replace(posts[-1][2], delivery=owed.id, fact=_fact(owed), mention=None, tells=tells)
        if len(posts) == 1:
            return last
        async with self._database.read() as connection:
            chat = await chat_store.by_id(connection, owed.chat_id)
        words = reader.of_chat(chat, timezone=posts[0][1].timezone)
        message = digest.write([(story.at, post.message) for _, story, post in posts], words)
        facts = {"kind": "digest", "at": stories.iso(now), "alerts": [post.facts for *_, post in posts]}
        return replace(last, message=words.directed(message), facts=facts, replaces=None, answers=None)

    async def recap(self, owed: Owed) -> Post | None:
        """Return a recap as it stands now; None if nobody wants it any more."""
        now = self._clock()
        story = await stories.tell(self._database, owed, now=now)
        if story is None or story.session.state is not State.ENDED:
            return None
        return await self._write(owed, replace(story, at=now, since_end=True), now)

    async def card(self, owed: Owed) -> tuple[Shown, Post] | None:
        """Return a card as it stands, with what a reader sees of it; None if nobody wants it any more."""
        now = self._clock()
        story = await stories.tell(self._database, owed, now=now)
        post = None if story is None else await self._write(owed, story, now)
        return None if story is None or post is None else (stories.shown(story), post)

    async def _write(self, owed: Owed, story: Story, now: int, *, chart: bool = True) -> Post | None:
        async with self._database.read() as connection:
            chat = await chat_store.by_id(connection, owed.chat_id)
            subscription = await chat_store.subscription_by_id(connection, owed.subscription_id)
            mentioned = None
            if subscription is not None and subscription.mention is not None:
                mentioned = await chat_store.called_at(connection, subscription)
            text = await wordings.of_kind(connection, owed.chat_id, story.kind)
            linked = self._public_url and story.kind in RECAPS and chat.platform != publishing.CONSOLE
            has_page = linked and owed.watch_id in await published.by_chat(connection, owed.chat_id)
        muted = (
            subscription is not None and subscription.muted_until is not None and subscription.muted_until > now
        )
        if (subscription is None or muted) and owed.kind not in MENDS:
            return None
        words = reader.of_chat(chat, timezone=story.timezone)
        message = own.write(story, words, text)
        if has_page:
            address = publishing.session_address(self._public_url, owed.session_id)
            page = Button(words.text("Page"), url=address)
            message = replace(message, buttons=(*message.buttons, page))
        if chart and story.kind in RECAPS and story.session.state is State.ENDED and subscription is not None:
            message = replace(message, picture=await self._chart(owed, story, subscription, words))
        rested = mentioned is None or owed.at - mentioned >= MENTION_EVERY
        calls = rested and not story.late and story.replaces is None and story.kind not in CALLS_NOBODY
        return Post(
            delivery=owed.id,
            fact=_fact(owed),
            installation=self._installation,
            target=Target(chat=owed.chat_key, topic=owed.topic or None),
            message=words.directed(message),
            stamp=words.clock(story.at).text,
            replaces=story.replaces,
            facts=stories.facts(story),
            mention=subscription.mention if subscription is not None and calls else None,
            answers=story.answers,
        )

    async def _chart(self, owed: Owed, story: Story, subscription: Subscription, words: Words) -> Picture | None:
        """Return the chart of a recap; a recap without one is better than none."""
        if self._easel is None:
            return None
        async with self._database.read() as connection:
            watch = (await watches.by_ids(connection, [owed.watch_id]))[owed.watch_id]
        plot = await charting.plot(
            self._database,
            name=story.name,
            watch=watch,
            session=story.session,
            chat_id=owed.chat_id,
            ladder=subscription.ladder,
        )
        if not plot.course.enough:
            return None
        try:
            png = await self._easel.draw(drawn.chart(plot, words))
        except DrawError as error:
            log.warning("the chart of a recap was not drawn", why=str(error))
            return None
        return Picture(png=png, alt=drawn.alt(plot, words))


def _fact(owed: Owed) -> str:
    """Return what no other alert has, and a resend has, too."""
    return f"{owed.session_id} {owed.key} {owed.at}"
