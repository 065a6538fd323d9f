"""Whose account a handle is: looked up once, for money, and kept for ever."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bot.ports.memory import Memory
from bot.ports.source import SourceError
from bot.sources.x.answers import Account, account_of, data_of, users_in
from bot.sources.x.plan import chunks
from bot.sources.x_api import PERHAPS_CHARGED, USER_PRICE, XApi, objects

USERS_PATH = "/2/users/by"
#: Under this subject the memory holds accounts by handle.
KNOWN_USERS = "x user"


class Accounts:
    """Accounts by handle."""

    def __init__(self, api: XApi, memory: Memory) -> None:
        self._api = api
        self._memory = memory

    async def knows(self, handle: str) -> bool:
        """Tell whether a handle was looked up before."""
        return handle in await self._memory.get(KNOWN_USERS, [handle])

    async def find(
        self, handles: Iterable[str | None], now: int, failed: list[SourceError]
    ) -> dict[str, Account | SourceError]:
        """Return accounts by handle, those in memory for nothing; add errors of whole questions to ``failed``."""
        wanted = list(dict.fromkeys(one for one in handles if one is not None))
        kept = await self._memory.get(KNOWN_USERS, wanted)
        found: dict[str, Account | SourceError] = {}
        for handle, text in kept.items():
            account = account_of(text)
            if account is not None:
                found[handle] = account
        new = [one for one in wanted if one not in found]
        can = self._api.affordable(now, USER_PRICE)
        found.update((one, self._api.spent_out(now)) for one in new[can:])
        for chunk in chunks(new[:can]):
            try:
                found.update(await self._looked_up(chunk, now))
            except SourceError as error:
                failed.append(error)
                found.update(dict.fromkeys(chunk, error))
        return found

    async def _looked_up(self, handles: Sequence[str], now: int) -> dict[str, Account | SourceError]:
        """Look handles up, for money, and keep what is found.

        Raises:
            SourceError: There was no answer.
        """
        with self._api.reserved(now, USER_PRICE * len(handles)):
            try:
                body = await self._api.get(USERS_PATH, {"usernames": ",".join(handles)}, now)
                users = data_of(body)
            except PERHAPS_CHARGED:  # each may have cost; it does not say whom it names
                await self._api.pay(now, USER_PRICE, (f"handle:{one}" for one in handles))
                raise
            await self._api.pay(now, USER_PRICE, (f"user:{one.get('id')}" for one in objects(users)))
        found = users_in(body, handles)
        accounts = {handle: one for handle, one in found.items() if isinstance(one, Account)}
        if accounts:
            await self._memory.put(KNOWN_USERS, {handle: one.text() for handle, one in accounts.items()})
        return found
