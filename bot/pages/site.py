"""The addresses of the site, and how pages go out: in the reader's language, packed, only if they have changed."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import lru_cache
from hashlib import sha256
from importlib.resources import files

from aiohttp import web
from multidict import CIMultiDict

from bot.domain import SECOND
from bot.pages.kept import FRESH, Kept, Page, Public
from bot.pages.language import chosen, preferred
from bot.pages.server import HEADERS, NOTHING, Answer, Route, Trouble
from bot.pages.views import CSS, Asked, Writer

#: Deeper addresses are none of ours, and are answered as if they were not deeper.
_DEEPEST = 8
#: What is not said where no body follows.
_OF_THE_BODY = {"Content-Type", "Content-Encoding"}
_SCRIPT = (files("bot.pages") / "templates" / "live.js").read_bytes()
_SCRIPT_TAG = sha256(_SCRIPT).hexdigest()[:20]
_POLICY = (
    "default-src 'none'; "
    f"style-src 'sha256-{b64encode(sha256(CSS.encode()).digest()).decode()}'; "
    "script-src 'self'; connect-src 'self'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

Write = Callable[[Asked], Awaitable[tuple[int, str]]]


class Site:
    """Answers readers.

    Args:
        clock: Tells the present moment.
    """

    def __init__(self, writer: Writer, clock: Callable[[], int]) -> None:
        self._writer = writer
        self._kept = Kept(clock, Public(writer.database, clock))

    def routes(self) -> list[Route]:
        """Return the addresses that there are."""
        return [
            Route(re.compile(r"/"), self._now),
            Route(re.compile(r"/records"), self._book),
            Route(re.compile(r"/s/([1-9][0-9]{0,17})"), self._session),
            Route(re.compile(r"/w/([1-9][0-9]{0,17})"), self._watch),
            Route(re.compile(r"/live\.js"), self._script),
        ]

    @property
    def trouble(self) -> Trouble:
        """What answers where no page does."""
        return self._trouble

    async def close(self) -> None:
        """Write no more pages."""
        await self._kept.close()

    async def _now(self, request: web.BaseRequest, _: re.Match[str]) -> Answer:
        return await self._page(request, self._writer.now)

    async def _book(self, request: web.BaseRequest, _: re.Match[str]) -> Answer:
        return await self._page(request, self._writer.book)

    async def _session(self, request: web.BaseRequest, found: re.Match[str]) -> Answer:
        return await self._page(request, lambda asked: self._writer.session(asked, int(found[1])))

    async def _watch(self, request: web.BaseRequest, found: re.Match[str]) -> Answer:
        return await self._page(request, lambda asked: self._writer.watch(asked, int(found[1])))

    async def _script(self, request: web.BaseRequest, _: re.Match[str]) -> Answer:
        sent = {
            **HEADERS,
            "Content-Security-Policy": NOTHING,
            "Cache-Control": "public, max-age=3600",
            "ETag": f'W/"{_SCRIPT_TAG}"',
        }
        if _has(request, _SCRIPT_TAG):
            return Answer(status=304, headers=sent)
        return Answer(body=_SCRIPT, headers={**sent, "Content-Type": "text/javascript; charset=utf-8"})

    async def _trouble(self, request: web.BaseRequest, status: int) -> Answer:
        asked = _asked(request, "/" * min(_DEEPEST, max(0, request.path.count("/") - 1)))
        page = await self._kept.get((status, asked), lambda: self._failed(asked, status))
        answer = _out(request, page)
        if status == 405:
            answer.headers["Allow"] = "GET, HEAD"
        if status >= 500:
            answer.headers["Cache-Control"] = "no-store"
        return answer

    async def _failed(self, asked: Asked, status: int) -> tuple[int, str, str]:
        return (*self._writer.trouble(asked, status), asked.language)

    async def _page(self, request: web.BaseRequest, write: Write) -> Answer:
        asked = _asked(request, request.path.removeprefix("/"))

        async def written() -> tuple[int, str, str]:
            return (*await write(asked), asked.language)

        return _out(request, await self._kept.get(asked, written))


def _asked(request: web.BaseRequest, path: str) -> Asked:
    by_hand = chosen(request.query.get("lang")) if request.query_string else None
    return Asked(
        path=path, language=by_hand or preferred(request.headers.get("Accept-Language", "")), chosen=by_hand
    )


def _out(request: web.BaseRequest, page: Page) -> Answer:
    """Return the answer with a page, or that the reader has it already."""
    packed = _takes_gzip(request.headers.get("Accept-Encoding", ""))
    ready = page.ready.get(packed)
    if ready is None:
        ready = page.ready[packed] = _ready(page, packed=packed)
    if page.status == 200 and _is_known(request, page):
        return Answer(status=304, headers={name: ready[name] for name in ready if name not in _OF_THE_BODY})
    return Answer(status=page.status, body=page.packed if packed else page.body, headers=ready)


def _ready(page: Page, *, packed: bool) -> CIMultiDict[str]:
    """Return what is sent before a page."""
    changed = datetime.fromtimestamp(page.changed_at // SECOND, tz=UTC)
    return CIMultiDict(
        {
            **HEADERS,
            "Content-Security-Policy": _POLICY,
            "Cache-Control": f"public, max-age={FRESH // SECOND}",
            "ETag": f'W/"{page.tag}"',
            "Last-Modified": format_datetime(changed, usegmt=True),
            "Vary": "Accept-Encoding, Accept-Language",
            "Content-Language": page.language.replace("_", "-"),
            "Content-Type": "text/html; charset=utf-8",
            **({"Content-Encoding": "gzip"} if packed else {}),
        }
    )


def _is_known(request: web.BaseRequest, page: Page) -> bool:
    if "If-None-Match" in request.headers:
        return _has(request, page.tag)
    since = request.if_modified_since
    return since is not None and page.changed_at // SECOND <= since.timestamp()


def _has(request: web.BaseRequest, tag: str) -> bool:
    return any(one.value in {tag, "*"} for one in request.if_none_match or ())


@lru_cache(maxsize=256)
def _takes_gzip(accepted: str) -> bool:
    for part in accepted.lower().split(","):
        name, _, weight = part.strip().partition(";")
        if name.strip() in {"gzip", "*"}:
            return weight.replace(" ", "") not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}
    return False
