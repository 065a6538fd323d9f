"""Live cards: made where a chat wants one, edited while there is something new, turned into the recap at the end.

The post itself is a delivery like any other. What follows is an edit, and edits need no book: what a card shows
is noted after it was edited, so after a kill the same edit is made again, which no reader sees. This stage alone
edits cards; nothing can come in between. Edits give way to posts: there are only so many a tick, those that waited
longest first, so each card is edited less often the more there are.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

import structlog

from bot.domain import HOUR, MINUTE, SECOND
from bot.domain.alerts import card as kind
from bot.domain.card import Shown, differs, read
from bot.ports.chat import Chat, MessageGone, Partly, Post, SendError, Target, TryLater, lane
from storage import cards, outbox, sessions
from storage.cards import Card
from storage.database import Database
from storage.sending import Owed

log = structlog.get_logger(__name__)

#: So many edits may leave in a tick for each platform: a small part of what its limits allow.
EDITS_A_TICK = 20
#: A card is looked at no sooner than this after it was edited, and one that is old no sooner than that: platforms
#: let messages of over an hour be edited less often.
SHORTEST = 15 * SECOND
OLD, SHORTEST_WHEN_OLD = HOUR, MINUTE
#: One that is a recap already changes only where figures go on growing.
SHORTEST_WHEN_OVER = 10 * MINUTE
#: So long after an edit nothing else is edited in the same place, as edits count as messages there.
BETWEEN = 10 * SECOND
#: A card is buried under so many messages, and comes anew no sooner than this after it came.
BURIED, AGAIN = 20, 10 * MINUTE
LONGEST_SEND_SECONDS = 20
AT_ONCE = 500

#: Writes a card as it stands: what a reader sees, and the post; None if nobody wants it any more.
Show = Callable[[Owed], Awaitable[tuple[Shown, Post] | None]]


class Cards:
    """The stage that keeps cards true.

    Args:
        owed: Set when deliveries were made.
    """

    def __init__(self, database: Database, chats: Mapping[str, Chat], show: Show, *, owed: asyncio.Event) -> None:
        self._database = database
        self._chats = chats
        self._show = show
        self._owed = owed
        #: When something was last edited in each lane.
        self._edited: dict[tuple[str, str], int] = {}
        #: Cards that could not be edited, of which the log knows.
        self._refused: set[tuple[int, int]] = set()

    async def tick(self, now: int) -> None:
        """Make the cards that are wanted, and edit those that have something new to show."""
        while await self._make(now):
            self._owed.set()
        self._edited = {key: at for key, at in self._edited.items() if now - at < BETWEEN}
        for chat in list(self._chats.values()):
            if chat.pace.held() == 0:
                await self._tend(chat, now)

    async def _make(self, now: int) -> bool:
        async with self._database.read() as connection:
            wanted = await cards.wanted(connection, now, limit=AT_ONCE)
            known = await sessions.by_ids(connection, {id_ for id_, _ in wanted}) if wanted else {}
        if not wanted:
            return False
        owed = [(kind.alert(known[id_], at=now), taker) for id_, taker in wanted]
        async with self._database.write() as connection:
            await cards.make(connection, [(taker.subscription_id, id_) for id_, taker in wanted])
            await outbox.owe(connection, owed, now=now)
        return True

    async def _tend(self, chat: Chat, now: int) -> None:
        """Edit cards of one platform, at most one in a lane."""
        async with self._database.read() as connection:
            found = await cards.open_ones(
                connection, chat.platform, now, before=now - SHORTEST, limit=EDITS_A_TICK
            )
        blocked, chosen, idle = chat.pace.blocked(), [], []
        for one in found:
            place = (chat.platform, lane(chat, _target(one)))
            if not one.styled:
                async with self._database.write() as connection:
                    await cards.note_over(connection, one)
            elif one.muted or _is_too_soon(one, now):
                idle.append(one)
            elif place not in self._edited and place[1] not in blocked:
                self._edited[place] = now
                chosen.append(one)
        results = await asyncio.gather(*(self._one(chat, one, now) for one in chosen))
        idle += [one for one, edited in zip(chosen, results, strict=True) if not edited]
        if idle:
            async with self._database.write() as connection:
                await cards.note_looked(connection, idle, now)

    async def _one(self, chat: Chat, one: Card, now: int) -> bool:
        """Look at one card; tell whether it was edited or needs no further look."""
        target = _target(one)
        if one.older_key is not None:
            await self._remove(chat, target, one.older_key)
        written = await self._show(_as_owed(one, now))
        if written is None:
            return False
        shown, post = written
        if not shown.over and one.resend and await self._is_buried(chat, one, now):
            await self._post_again(one, now)
            return True
        if not differs(read(one.shown), shown):
            self._edited.pop((chat.platform, lane(chat, target)), None)
            if one.older_key is None:
                return False
        elif not await self._edit(chat, one, replace(post, replaces=one.message_key, mention=None, silent=True)):
            return False
        async with self._database.write() as connection:
            await cards.note(
                connection, one, shown=shown.text(), now=now, over=shown.over, message_key=one.message_key
            )
        return True

    async def _edit(self, chat: Chat, one: Card, post: Post) -> bool:
        """Edit a card's post; tell whether that went well."""
        place = lane(chat, post.target)
        if await chat.pace.turn(place, group=chat.is_group(post.target.chat)) or chat.platform not in self._chats:
            return False
        try:
            async with asyncio.timeout(LONGEST_SEND_SECONDS):
                await chat.send(post)
        except Partly:
            return True
        except TryLater as error:
            if not error.alone:
                chat.pace.hold(error.retry_after / SECOND, None if error.everywhere else place)
        except MessageGone:
            async with self._database.write() as connection:
                await cards.note_gone(connection, one)
        except (SendError, TimeoutError) as error:  # the next look tries again
            if _pair(one) not in self._refused:
                self._refused.add(_pair(one))
                log.info("a card could not be edited", platform=chat.platform, why=str(error) or "no answer")
        else:
            self._refused.discard(_pair(one))
            return True
        return False

    async def _is_buried(self, chat: Chat, one: Card, now: int) -> bool:
        if now - one.posted_at < AGAIN:
            return False
        count = chat.buried(_target(one), one.message_key)
        return count is not None and count >= BURIED

    async def _post_again(self, one: Card, now: int) -> None:
        """Owe a buried card anew; the old post is removed once the new one is there."""
        async with self._database.write() as connection:
            session = (await sessions.by_ids(connection, {one.owed.session_id})).get(one.owed.session_id)
            if session is None:
                return
            await cards.post_again(connection, one)
            taker = outbox.Taker(one.owed.subscription_id, one.owed.chat_id, one.owed.topic)
            await outbox.owe(connection, [(kind.alert(session, at=now, number=one.number + 1), taker)], now=now)
        self._owed.set()

    async def _remove(self, chat: Chat, target: Target, key: str) -> None:
        try:
            async with asyncio.timeout(LONGEST_SEND_SECONDS):
                await chat.remove(target, key)
        except (SendError, TimeoutError) as error:  # it stays above the new one: no harm
            log.info("an old card could not be removed", platform=chat.platform, why=str(error) or "no answer")


def _target(one: Card) -> Target:
    return Target(chat=one.owed.chat_key, topic=one.owed.topic or None)


def _pair(one: Card) -> tuple[int, int]:
    return one.owed.subscription_id, one.owed.session_id


def _is_too_soon(one: Card, now: int) -> bool:
    edited = one.edited_at if one.edited_at is not None else one.posted_at
    if one.over:
        return now - edited < SHORTEST_WHEN_OVER
    if not one.live:  # what has ended is told now
        return False
    return now - one.posted_at > OLD and now - edited < SHORTEST_WHEN_OLD


def _as_owed(one: Card, now: int) -> Owed:
    """Return a card as if it were owed now, which is how its words are found."""
    return replace(
        one.owed,
        key=kind.key(one.number),
        at=now,
        late=one.over,
        expires_at=now + kind.WORTH,
    )
