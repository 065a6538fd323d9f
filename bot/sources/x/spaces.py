"""Questions for Spaces: what creators host, and Spaces by their ids, a hundred a call.

The documents disagree on how the creator of a Space is asked for: pages show ``creator_id`` among
``space.fields``, the specification has it among ``expansions`` only. The pages' form is sent first, because what
expansions bring along may cost $0.010 a user; where X refuses it, or leaves the creator out, the other follows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from bot.ports.source import SourceError
from bot.sources.x.answers import Account, Later, Outcome, data_of, hosted_in, space_of, spaces_in
from bot.sources.x.plan import Plan, chunks
from bot.sources.x_api import PERHAPS_CHARGED, SPACE_PRICE, USER_PRICE, Refused, XApi, objects

SPACES_PATH, CREATORS_PATH = "/2/spaces", "/2/spaces/by/creator_ids"
#: Seconds between two calls for creators: X allows one a second.
CREATORS_EVERY = 1.05
_SPEC_FIELDS = (
    "created_at,ended_at,id,is_ticketed,lang,participant_count,scheduled_start,started_at,state,subscriber_count,"
    "title,updated_at"
)
#: How a Space is asked for: as pages show it, as the specification has it, and without its creator.
WAYS: tuple[dict[str, str], ...] = (
    {"space.fields": f"{_SPEC_FIELDS},creator_id,host_ids,speaker_ids"},
    {"space.fields": _SPEC_FIELDS, "expansions": "creator_id", "user.fields": "name,username"},
    {"space.fields": _SPEC_FIELDS},
)
#: A refusal that names one of these is about the fields.
FIELD_NAMES = ("space.fields", "expansions", "user.fields", "creator_id", "host_ids", "speaker_ids")
#: Milliseconds after which a question that was put wrongly is put otherwise.
SOON = 1_100


class Spaces:
    """Questions in the way that X takes."""

    def __init__(self, api: XApi) -> None:
        self._api = api
        #: Which of ``WAYS`` X takes.
        self._way = 0

    async def hosted(
        self, plan: Plan, accounts: Mapping[str, Account], now: int, failed: list[SourceError]
    ) -> dict[str, Outcome]:
        """Ask what creators host, 100 a call; all but the first hundred wait for their second."""
        found: dict[str, Outcome] = {}
        names = {one.id: one.name for one in accounts.values()}
        for chunk in chunks(plan.creators):
            wait = self._api.turn(CREATORS_PATH, every=CREATORS_EVERY)
            if wait:
                found |= dict.fromkeys(chunk, Later(wait))
                continue
            try:
                body = await self._ask(CREATORS_PATH, {"user_ids": ",".join(chunk)}, now)
                if body is None:
                    found |= dict.fromkeys(chunk, Later(SOON))
                    continue
                hosted = hosted_in(body, {one: frozenset(plan.known.get(one, ())) for one in chunk}, names)
                await self._pay_for(body, now)
                found |= hosted
                if self._way == 0 and any(
                    space_of(one) and "creator_id" not in one for one in objects(data_of(body))
                ):
                    self._way = 1
            except SourceError as error:
                if isinstance(error, PERHAPS_CHARGED):  # at the most each hosts one that was not paid for
                    await self._api.pay(now, SPACE_PRICE, (f"creator:{one}" for one in chunk))
                failed.append(error)
                found |= dict.fromkeys(chunk, error)
        return found

    async def looked_up(self, ids: Iterable[str], now: int, failed: list[SourceError]) -> dict[str, Outcome]:
        """Ask for Spaces by their ids, 100 a call."""
        found: dict[str, Outcome] = {}
        for chunk in chunks(list(dict.fromkeys(ids))):
            try:
                body = None
                while body is None:  # as often as there are ways to ask
                    body = await self._ask(SPACES_PATH, {"ids": ",".join(chunk)}, now)
                spaces = spaces_in(body, chunk)
                await self._pay_for(body, now)
                found |= spaces
            except SourceError as error:
                if isinstance(error, PERHAPS_CHARGED):
                    await self._api.pay(now, SPACE_PRICE, (f"space:{one}" for one in chunk))
                failed.append(error)
                found |= dict.fromkeys(chunk, error)
        return found

    async def _ask(self, path: str, ids: Mapping[str, str], now: int) -> Any:
        """Ask for Spaces in the way that X takes; None where it refused that way, and another is left.

        Raises:
            SourceError: It answered otherwise than with Spaces.
        """
        way = self._way
        try:
            return await self._api.get(path, {**ids, **WAYS[way]}, now)
        except Refused as error:
            if way + 1 == len(WAYS) or not any(name in error.said for name in FIELD_NAMES):
                raise
            self._way = max(self._way, way + 1)
            return None

    async def _pay_for(self, body: object, now: int) -> None:
        """Charge for the Spaces of an answer, and for users that came along with them."""
        listed = body if isinstance(body, dict) else {}
        spaces = objects(listed.get("data"))
        included = listed.get("includes")
        users = objects(included.get("users")) if isinstance(included, dict) else []
        await self._api.pay(now, SPACE_PRICE, (f"space:{one.get('id')}" for one in spaces))
        await self._api.pay(now, USER_PRICE, (f"user:{one.get('id')}" for one in users))
