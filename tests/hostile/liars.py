"""All platforms on loopback, in front of which somebody lies: values, documents, statuses and redirects."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from random import Random
from typing import Any

from aiohttp import web

from tests.contracts.test_source import KINDS
from tests.hostile.corpus import DOCUMENTS, TEXTS, VALUES, as_json
from tests.servers.kick import KickServer
from tests.servers.pages import Behaviour, Pages, says, serving
from tests.servers.twitch import TwitchServer
from tests.servers.x import TOKEN, XServer
from tests.servers.youtube import KEY, YouTube

NOW = 1_795_360_546_000


@dataclass
class Liars:
    """What lies in front of every platform.

    Attributes:
        chance: Where the lies come from; None while the truth is told.
        inside: A server that nobody may be led to.
        addresses: What can be watched, by platform.
        settings: What an operator sets to use the platforms.
        told: How many lies there were.
    """

    inside: Pages
    chance: Random | None = None
    addresses: dict[str, str] = field(default_factory=dict)
    settings: dict[str, str] = field(default_factory=dict)
    told: int = 0

    def before(self, answer: Behaviour) -> Behaviour:
        """Return an answer with lies in it, when they are wanted."""

        async def lies(request: web.BaseRequest) -> web.StreamResponse:
            response = await answer(request)
            if self.chance is None or not isinstance(response, web.Response):
                return response
            self.told += 1
            return await self._lie(self.chance, response, request)

        return lies

    async def _lie(self, chance: Random, response: web.Response, request: web.BaseRequest) -> web.StreamResponse:
        body = (response.text or "").encode()
        which = chance.random()
        if which < 0.06:
            status = chance.choice([301, 302, 303, 307, 308])
            where = chance.choice(
                [
                    self.inside.url,
                    f"http://localhost:{self.inside.port}/",
                    "http://169.254.169.254/latest/meta-data",
                ]
            )
            return web.Response(status=status, headers={"Location": where})
        if which < 0.12:
            return await says(chance.choice(DOCUMENTS).encode(errors="surrogatepass"))(request)
        if which < 0.16:
            # Headers of the same lie: a wait that is none, a type that is not what follows.
            headers = {"Retry_After": chance.choice(["-1", "9" * 30, "nan", "Thu, 01 Jan 9999 00:00:00 GMT"])}
            return await says(body, status=chance.choice([429, 503, 200, 404]), **headers)(request)
        if which < 0.20:
            return await says(body[: len(body) // 2])(request)
        try:
            document = json.loads(body)
        except ValueError:
            return await says(_bytes(chance, body))(request)
        return await says(as_json(mutated(chance, document)), status=response.status)(request)


def mutated(chance: Random, document: Any) -> Any:
    """Return a document in which some values are others than they were."""
    for _ in range(chance.randint(1, 4)):
        places = list(_places(document))
        if not places:
            return deepcopy(chance.choice(VALUES))
        holder, key = chance.choice(places)
        holder[key] = chance.choice(TEXTS) if chance.random() < 0.3 else deepcopy(chance.choice(VALUES))
    return document


def _places(part: Any) -> Any:
    if isinstance(part, dict | list):
        for key, value in list(part.items() if isinstance(part, dict) else enumerate(part)):
            yield part, key
            yield from _places(value)


def _bytes(chance: Random, body: bytes) -> bytes:
    changed = bytearray(body or b"{}")
    for _ in range(chance.randint(1, 8)):
        changed[chance.randrange(len(changed))] = chance.randrange(256)
    return bytes(changed)


@asynccontextmanager
async def liars() -> AsyncIterator[Liars]:
    """Run all platforms, which tell the truth until a chance is given."""
    async with AsyncExitStack() as stack:
        made = Liars(await stack.enter_async_context(serving(says("{}"))))

        async def serve(answer: Behaviour) -> Pages:
            return await stack.enter_async_context(serving(made.before(answer)))

        allowed = []
        for kind in KINDS:
            if kind.name == "peertube":
                continue
            answer = says(kind.body(42))
            if kind.name == "prometheus":
                answer = _of_prometheus(kind.body(1), kind.body(42))
            pages = await serve(answer)
            allowed.append(pages.authority)
            made.addresses[kind.name] = f"{kind.name}:{kind.reference(pages.url)}"
        x = XServer()
        x.pages = await serve(x.handle)
        x.space(x.user("ada"), title="Talk")
        youtube = YouTube(Pages())
        youtube.pages.port = (await serve(youtube.handle)).port
        youtube.start(youtube.channel("ada"), NOW)
        twitch, kick = TwitchServer(), KickServer()
        for server in (twitch, kick):
            server.root = (await serve(server.answer)).url
            server.live("ada")
        made.addresses |= {
            "x": "x:@ada",
            "hashtag": "hashtag:#ada",
            "youtube": "youtube:@ada",
            "twitch": "twitch:ada",
            "kick": "kick:ada",
        }
        made.settings = {
            "ALLOWED_PRIVATE_HOSTS": ",".join(allowed),
            "X_BEARER_TOKEN": TOKEN,
            "X_API_URL": x.url,
            "X_DAILY_BUDGET_USD": "1000",
            "YOUTUBE_API_KEY": KEY,
            "YOUTUBE_API_URL": youtube.api,
            **twitch.settings,
            **kick.settings,
        }
        yield made


def _of_prometheus(up: str, figure: str) -> Behaviour:
    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        return await says(up if request.query.get("query") == "up" else figure)(request)

    return answer
