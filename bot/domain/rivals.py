"""Whom a live session must beat, kept in memory: the best of the ended sessions, and the record book.

A tick of 10,000 sessions asks of each whether a record falls. Asked of the database, each answer would cost a
look at all ended sessions of the platform; here it costs two look-ups. What the pages of the book say of a
holder (title, link, day) is left to the database, for a record that is told.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from heapq import nlargest
from typing import NamedTuple

from bot.domain.alerts.record import Field, Rival, Scope, Standing, standing
from bot.domain.measure import Measure

#: The unit of a number that may count anything: what another watch counts under it need not be the same. Sessions
#: of such a watch are compared with one another, and with what the book says of that watch.
BARE = "count"


class Past(NamedTuple):
    """The ended sessions of one watch, for one measure: the best value; how many were observed, and since when."""

    best: float
    sessions: int
    since: int | None


class Best(NamedTuple):
    """The best value of a watch's ended sessions.

    Attributes:
        chat_id: The chat as which sees it, where that doubts one of them.
    """

    watch_id: int
    measure: Measure
    value: float
    chat_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """An entry of the record book.

    Attributes:
        watch_id: Whose it is, for the scope of a watch.
        chat_id: The chat whose entry it is; None for everybody's.
    """

    platform: str
    measure: Measure
    scope: Scope
    watch_id: int | None
    chat_id: int | None
    rival: Rival


class Doubt(NamedTuple):
    """A value of a session that counts no more: in one chat, or (without one) everywhere."""

    chat_id: int | None
    session_id: int
    watch_id: int
    platform: str
    public: bool
    measure: Measure


class Place(NamedTuple):
    """Where a session stands: whose it is, and for which chat (that follows it) and measure it is asked."""

    watch_id: int
    platform: str
    chat_id: int
    measure: Measure


@dataclass(slots=True)
class _Board:
    """All watches of one platform, for one measure."""

    ended: dict[int, Past] = field(default_factory=dict)
    public: set[int] = field(default_factory=set)
    #: The public ones, the best first; made anew when it is asked for after a change.
    ranking: list[int] | None = None
    #: By chat and watch, what is left where the chat doubts one of the watch's sessions.
    doubting: dict[int, dict[int, Past | None]] = field(default_factory=dict)

    def past(self, watch_id: int, chat_id: int) -> Past | None:
        """Return a watch's ended sessions as one chat sees them."""
        own = self.doubting.get(chat_id)
        if own is not None and watch_id in own:
            return own[watch_id]
        return self.ended.get(watch_id)


class Rivals:
    """Everybody's best, by watch; which watches each chat follows; and the record book."""

    def __init__(self) -> None:
        self._boards: dict[tuple[str, Measure], _Board] = defaultdict(_Board)
        self._followed: dict[int, frozenset[int]] = {}
        self._book: dict[tuple[str, Measure], list[Page]] = {}
        #: For a chat, platform and measure: the best two watches that it follows, and the best of the others.
        self._heads: dict[tuple[int, str, Measure], tuple[list[tuple[float, int]], float | None]] = {}
        #: Watches of a bare number.
        self._apart: frozenset[int] = frozenset()

    def set_apart(self, watch_ids: Iterable[int]) -> None:
        """Set whose sessions are rivals of their own watch alone: see ``BARE``."""
        apart = frozenset(watch_ids)
        if apart != self._apart:
            self._apart = apart
            for board in self._boards.values():
                board.ranking = None
            self._heads.clear()

    def note(self, watch_id: int, platform: str, past: Mapping[Measure, Past], *, public: bool) -> None:
        """Set what is known of a watch's ended sessions."""
        for measure in Measure:
            board, value = self._boards[platform, measure], past.get(measure)
            before = board.ended.pop(watch_id, None)
            if value is not None:
                board.ended[watch_id] = value
            if (before and before.best) == (value and value.best):
                continue  # nobody's place changes
            if value is None:
                board.public.discard(watch_id)
            elif public:
                board.public.add(watch_id)
            board.ranking = None
            self._heads.clear()

    def note_doubted(self, doubt: Doubt, past: Past | None) -> None:
        """Set what is left of a watch's ended sessions in a chat that doubts one of them."""
        assert doubt.chat_id is not None
        board = self._boards[doubt.platform, doubt.measure]
        board.doubting.setdefault(doubt.chat_id, {})[doubt.watch_id] = past
        self._heads.clear()

    def forget_doubts(self) -> None:
        """Let every chat see all ended sessions again."""
        for board in self._boards.values():
            board.doubting.clear()
        self._heads.clear()

    def open_book(self, pages: Iterable[Page]) -> None:
        """Set what is booked, and forget which watches each chat follows."""
        self._followed.clear()
        self._book = defaultdict(list)
        for page in pages:
            self._book[page.platform, page.measure].append(page)
        self._heads.clear()

    def knows(self, chat_id: int) -> bool:
        """Tell whether it is known which watches a chat follows."""
        return chat_id in self._followed

    def follow(self, followed: Mapping[int, frozenset[int]]) -> None:
        """Set which watches these chats follow."""
        self._followed.update(followed)

    def with_own(self, platform: str) -> set[int]:
        """Return the chats that have entries of their own in the book of a platform."""
        pages = (page for (of, _), book in self._book.items() if of == platform for page in book)
        return {page.chat_id for page in pages if page.chat_id is not None}

    def best(self, watch_id: int, platform: str, measure: Measure) -> float | None:
        """Return the best value among a watch's own ended sessions."""
        known = self._boards[platform, measure].ended.get(watch_id)
        return None if known is None else known.best

    def floor(self, watch_id: int, platform: str, measure: Measure) -> float | None:
        """Return up to which value a watch's session is no record in any chat, as far as that is known at once."""
        board = self._boards[platform, measure]
        if any(watch_id in own for own in board.doubting.values()):
            return None
        known = board.ended.get(watch_id)
        return None if known is None else known.best

    def top(self, place: Place) -> float | None:
        """Return the record of the widest scope that holds one: the best of all rivals."""
        return max((best for best in self._bests(place) if best is not None), default=None)

    def reach(self, place: Place, value: float) -> tuple[Scope | None, float]:
        """Return the widest scope in which a value beats every rival, and the next rival's value.

        Up to that value (infinity if there is none) the scope stays the same, while the rivals do.
        """
        widest, ahead = None, float("inf")
        for scope, best in zip(Scope, self._bests(place), strict=True):
            if best is None:
                continue
            if value > best:
                if ahead == float("inf"):
                    widest = scope
            else:
                ahead = min(ahead, best)
        return widest, ahead

    def standing(self, place: Place, value: float, reached: Scope) -> tuple[Standing, list[Best]]:
        """Return the record that a value is in the scope that it reached.

        Returns:
            The record, and who may have set the former one; nobody, where that stands in the book and is complete.
        """
        board = self._boards[place.platform, place.measure]
        fields: dict[Scope, Field] = {}
        for scope in list(Scope)[:reached]:  # wider ones need not be counted
            rivals = self._booked(place)[scope]
            members = (board.past(id_, place.chat_id) for id_ in self._members(scope, place, board))
            past = [one for one in members if one is not None]
            if past:
                rivals.append(Rival(value=max(one.best for one in past), holder=""))
            if rivals:
                fields[scope] = Field(
                    best=max(rivals, key=lambda rival: rival.value),
                    sessions=sum(one.sessions for one in past),
                    since=min((one.since for one in past if one.since is not None), default=None),
                )
        found = standing(value, fields)
        assert found is not None
        if found.previous.imported:
            return found, []
        former = found.previous.value
        scope = next(scope for scope, one in fields.items() if one.best is found.previous)
        holders = []
        for id_ in self._members(scope, place, board):
            past_ = board.past(id_, place.chat_id)
            if past_ is not None and past_.best == former:
                doubts = id_ in board.doubting.get(place.chat_id, ())
                holders.append(Best(id_, place.measure, former, place.chat_id if doubts else None))
        return found, holders

    def _members(self, scope: Scope, place: Place, board: _Board) -> list[int]:
        """Return the watches with ended sessions that a scope adds to the narrower ones."""
        followed = self._followed.get(place.chat_id, frozenset())
        if scope is Scope.WATCH:
            return [place.watch_id] if place.watch_id in board.ended else []
        if place.watch_id in self._apart:
            return []
        if scope is Scope.CHAT:
            known = [id_ for id_ in followed if id_ in board.ended]
        else:
            known = [id_ for id_ in board.public if id_ not in followed]
        return [id_ for id_ in known if id_ != place.watch_id and id_ not in self._apart]

    def _booked(self, place: Place) -> dict[Scope, list[Rival]]:
        found: dict[Scope, list[Rival]] = {scope: [] for scope in Scope}
        for page in self._book.get((place.platform, place.measure), ()):
            if page.chat_id is not None and page.chat_id != place.chat_id:
                continue
            scope = booked_for(
                page.scope,
                of=page.watch_id,
                own=page.chat_id is not None,
                watch_id=place.watch_id,
                apart=self._apart,
            )
            if scope is not None:
                found[scope].append(page.rival)
        return found

    def _bests(self, place: Place) -> list[float | None]:
        """Return the best value of each scope's rivals, narrowest first."""
        board = self._boards[place.platform, place.measure]
        own = board.past(place.watch_id, place.chat_id)
        bests: list[float | None] = [None if own is None else own.best, None, None]
        if place.watch_id not in self._apart:
            followed, elsewhere = self._head(place, board)
            bests[1:] = next((value for value, id_ in followed if id_ != place.watch_id), None), elsewhere
        if (place.platform, place.measure) in self._book:
            for scope, rivals in self._booked(place).items():
                known = [rival.value for rival in rivals]
                ours = bests[scope - 1]
                bests[scope - 1] = max(known if ours is None else [*known, ours], default=None)
        return bests

    def _head(self, place: Place, board: _Board) -> tuple[list[tuple[float, int]], float | None]:
        key = (place.chat_id, place.platform, place.measure)
        head = self._heads.get(key)
        if head is None:
            if board.ranking is None:
                board.ranking = sorted(board.public - self._apart, key=lambda id_: -board.ended[id_].best)
            followed = self._followed.get(place.chat_id, frozenset()) - self._apart
            doubting = board.doubting.get(place.chat_id, {})
            known = ((board.past(id_, place.chat_id), id_) for id_ in followed)
            best_two = nlargest(2, ((past.best, id_) for past, id_ in known if past is not None))
            first = next((id_ for id_ in board.ranking if id_ not in followed and id_ not in doubting), None)
            elsewhere = [] if first is None else [board.ended[first].best]
            for id_, past in doubting.items():
                if past is not None and id_ in board.public and id_ not in followed and id_ not in self._apart:
                    elsewhere.append(past.best)
            head = (best_two, max(elsewhere, default=None))
            self._heads[key] = head
        return head


def booked_for(scope: Scope, *, of: int | None, own: bool, watch_id: int, apart: Collection[int]) -> Scope | None:
    """Return the scope in which an entry of the book is a rival of a watch's sessions; None if it is none.

    Args:
        scope: The entry's own.
        of: The watch whose record it is, for the scope of a watch.
        own: It is a chat's own entry, not everybody's.
        apart: Watches of a bare number: see ``BARE``.
    """
    if watch_id in apart:  # what the book says of others, or of all, need not count the same
        return Scope.WATCH if of == watch_id else None
    if scope is not Scope.WATCH or of == watch_id:
        return scope
    if of in apart:
        return None
    # Another watch's own record: to be beaten among this chat's watches, or on the platform.
    return Scope.CHAT if own else Scope.PLATFORM
