"""Keeps the connection: asks for updates while the token is good, and says once when that fails or works again.

The library's ``Updater`` does not do here: it tells neither when the connection is back nor that the token was
revoked (its task just ends), and asks without a pause for ever for an update that it cannot read. It is a loop
around ``Bot.get_updates`` with the same waits.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, TypeVar

import structlog
from telegram import Bot, Update, User
from telegram.error import Conflict, InvalidToken, RetryAfter, TelegramError

from bot.chats.telegram.errors import in_seconds, summary
from bot.chats.telegram.rival import ALARM, SOON, WHO, Rival

log = structlog.get_logger(__name__)

T = TypeVar("T")

#: Edits of messages are not asked for: a command counts as it was first typed.
UPDATES = ["message", "channel_post", "callback_query", "my_chat_member"]
#: How long Telegram holds an answer open while there is nothing to tell, in seconds.
HOLD = timedelta(seconds=25)
#: Seconds between tries while Telegram cannot be reached: more each time, as the library waits.
FIRST_WAIT, FACTOR, LONGEST_WAIT = 1.0, 1.5, 30.0
#: Added to how long Telegram asks to wait.
SLACK = 0.5
#: How long the last request may take, which tells Telegram what was read.
LAST = 0.6

NOT_TAKEN = "TELEGRAM_TOKEN is not accepted by {host}: copy it anew from @BotFather, then start again"


class Poll:
    """Long polling.

    Args:
        host: Where Telegram is, for the log.
        opened: Told once who the bot is; returns what takes every update, in order.
    """

    def __init__(self, bot: Bot, *, host: str, opened: Callable[[User], Callable[[Update], None]]) -> None:
        self._bot = bot
        self._host = host
        self._opened = opened
        self._offset: int | None = None
        self._known = False
        self._lost = False
        self._rival = Rival()
        #: The last request was refused because of another's.
        self._rivalled = False

    @property
    def connected(self) -> bool:
        """Whether Telegram gives the updates to this program."""
        return self._known and not (self._lost or self._rivalled or self._rival.lasts)

    async def run(self) -> None:
        """Listen until cancelled, or until the token is no good."""
        try:
            me = await self._persist(self._bot.get_me)
            await self._persist(self._bot.delete_webhook)  # Telegram gives updates to one of both only
            self._known = True
            log.info("telegram listens", bot=f"@{me.username}")
            take = self._opened(me)
            while True:
                for update in await self._persist(self._fetch):
                    self._offset = update.update_id + 1
                    take(update)
        except InvalidToken:
            self._known = False
            why = NOT_TAKEN.format(host=self._host)
            log.error("telegram refuses this bot", why=why)  # noqa: TRY400 - the frames hold the token

    async def confirm(self) -> None:
        """Tell Telegram what was read, so that it is not read again after a restart."""
        if self._offset is None or self._lost:
            return
        try:
            async with asyncio.timeout(LAST):
                await self._bot.get_updates(offset=self._offset, limit=1, timeout=0, allowed_updates=UPDATES)
        except (TelegramError, TimeoutError) as error:
            log.debug("telegram was not told what was read", why=summary(error))

    async def _persist(self, action: Callable[[], Awaitable[T]]) -> T:
        """Do something, again and again until it works."""
        wait = FIRST_WAIT
        while True:
            pause = wait
            try:
                result = await action()
            except RetryAfter as error:
                pause = in_seconds(error) + SLACK
            except Conflict:
                self._rivalled = True
                if self._rival.met():
                    log.warning(ALARM, host=self._host, why=WHO)
                if not self._rival.lasts:
                    pause = wait = SOON
            except InvalidToken as error:
                # "Not Found" may also be said by a proxy whose server is just starting.
                if not self._known or error.message == "Unauthorized":
                    raise
                self._down(summary(error))
            except Exception as error:  # noqa: BLE001 - also what the library makes of answers that are not Telegram's
                self._down(summary(error))
            else:
                self._up()
                return result
            await asyncio.sleep(pause)
            wait = min(FACTOR * wait, LONGEST_WAIT)

    def _down(self, why: str) -> None:
        if not self._lost:
            log.warning("telegram cannot be reached; trying again until it is back", host=self._host, why=why)
        self._lost = True

    def _up(self) -> None:
        if self._lost:
            log.info("telegram is back", host=self._host)
        self._lost = self._rivalled = False
        if self._rival.gone():
            log.info("no other program reads this bot's messages any more", host=self._host)

    async def _fetch(self) -> tuple[Update, ...]:
        # After a break, an answer at once tells that it is over.
        hold = timedelta() if self._lost or self._rivalled else HOLD
        try:
            return await self._bot.get_updates(offset=self._offset, timeout=hold, allowed_updates=UPDATES)
        except TelegramError:
            raise
        except Exception as error:  # noqa: BLE001 - what the library raises for an update that it cannot read
            log.warning("telegram sent an update that cannot be read", why=type(error).__name__)
            return await self._fetch_readable()

    async def _fetch_readable(self) -> tuple[Update, ...]:
        """Read updates one by one and leave out those that cannot be read."""
        # In small letters: for a name that is its own the library warns.
        raw: list[dict[str, Any]] = await self._bot.do_api_request(
            "getupdates", api_kwargs={"offset": self._offset, "timeout": 0, "allowed_updates": UPDATES}
        )
        updates = []
        for one in raw:
            self._offset = one["update_id"] + 1
            try:
                updates.append(Update.de_json(one, self._bot))
            except Exception:  # noqa: BLE001, S112 - said above
                continue
        return tuple(updates)
