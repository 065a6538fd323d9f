"""Pages that were written a moment ago: a thousand readers cost one writing in some seconds."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, field

from multidict import CIMultiDict

from bot.domain import SECOND
from storage import published
from storage.database import Database

#: So long a page is as good as new.
FRESH = 5 * SECOND
#: What other processes have taken back is noticed after so long; what this one has, at once.
NOTICED = SECOND
#: Pages that are kept; those asked for longest ago go first.
MOST = 500
#: Pages that are written at the same time: chats ask the same database, and go first.
AT_ONCE = 2
#: A page that takes longer to write is given up.
LONGEST_SECONDS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page as it goes out.

    Attributes:
        status: Of HTTP.
        packed: The same body, as gzip.
        tag: Tells this text from any other.
        changed_at: Since when it reads so.
        language: In which it is written.
        ready: What is sent before it, by whether it is packed: the same for every reader.
    """

    status: int
    body: bytes
    packed: bytes
    tag: str
    changed_at: int
    language: str
    ready: dict[bool, CIMultiDict[str]] = field(default_factory=dict, compare=False)


@dataclass(slots=True)
class _Entry:
    page: Page
    written_at: int


class Public:
    """What is public at this moment; asked again only where it may have changed.

    Args:
        clock: Tells the present moment.
    """

    def __init__(self, database: Database, clock: Callable[[], int]) -> None:
        self._database = database
        self._clock = clock
        self._marks: Hashable = None
        self._asked_at = 0
        self._commits = -1
        self._asking: asyncio.Task[None] | None = None

    async def marks(self) -> Hashable:
        """Return what is another value as soon as this process has made something public, or taken it back."""
        commits = self._database.commits
        while self._commits < commits or not 0 <= self._clock() - self._asked_at < NOTICED:
            if self._asking is None:
                self._asking = asyncio.create_task(self._ask(), name="what is public")
            await asyncio.shield(self._asking)
        return self._marks

    async def close(self) -> None:
        """Ask nothing more."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.gather(self._asking, return_exceptions=True)

    async def _ask(self) -> None:
        commits, asked_at = self._database.commits, self._clock()
        try:
            async with self._database.read() as connection:
                self._marks = await published.marks(connection)
        finally:
            self._asking = None
        self._commits, self._asked_at = commits, asked_at


class Kept:
    """The pages written last, each for a few seconds, and no longer than what is on them is public.

    Args:
        clock: Tells the present moment.
    """

    def __init__(self, clock: Callable[[], int], public: Public) -> None:
        self._clock = clock
        self._public = public
        self._entries: OrderedDict[Hashable, _Entry] = OrderedDict()
        self._writing: dict[Hashable, asyncio.Task[Page]] = {}
        self._gate = asyncio.Semaphore(AT_ONCE)

    async def get(self, key: Hashable, write: Callable[[], Awaitable[tuple[int, str, str]]]) -> Page:
        """Return a page, written by ``write`` (as status, text, language) if it is not fresh any more.

        Who comes while it is being written waits for that; a reader who leaves does not end it for the others.

        Raises:
            TimeoutError: It takes too long.
        """
        async with asyncio.timeout(LONGEST_SECONDS):
            key = (await self._public.marks(), key)
        entry = self._entries.get(key)
        if entry is not None and 0 <= self._clock() - entry.written_at < FRESH:
            self._entries.move_to_end(key)
            return entry.page
        task = self._writing.get(key)
        if task is None:
            task = asyncio.create_task(self._write(key, write), name="page")
            self._writing[key] = task
            task.add_done_callback(lambda _: self._writing.pop(key, None))
        return await asyncio.shield(task)

    async def close(self) -> None:
        """Write nothing more."""
        await self._public.close()
        tasks = list(self._writing.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _write(self, key: Hashable, write: Callable[[], Awaitable[tuple[int, str, str]]]) -> Page:
        async with asyncio.timeout(LONGEST_SECONDS), self._gate:
            written_at = self._clock()
            status, text, language = await write()
        body = text.encode("utf-8", errors="replace")
        tag = hashlib.sha256(body).hexdigest()[:20]
        before = self._entries.pop(key, None)
        if before is not None and before.page.tag == tag:
            page = before.page
        else:
            page = Page(
                status=status,
                body=body,
                packed=gzip.compress(body, 6, mtime=0),
                tag=tag,
                changed_at=written_at,
                language=language,
            )
        self._entries[key] = _Entry(page, written_at)
        while len(self._entries) > MOST:
            self._entries.popitem(last=False)
        return page
