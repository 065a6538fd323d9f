"""The lists of commands that Telegram shows as one types "/", by kind of chat and by language.

They are set where they changed. A menu only shows: who may give a command is asked when it is given.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence

import structlog
from telegram import (
    Bot,
    BotCommand,
    BotCommandScope,
    BotCommandScopeAllChatAdministrators,
    BotCommandScopeAllGroupChats,
    BotCommandScopeAllPrivateChats,
    BotCommandScopeChat,
)
from telegram.error import BadRequest, NetworkError, RetryAfter, TelegramError

from bot.chats.telegram.errors import in_seconds, summary
from bot.domain.outside import clean
from bot.ports.command import Declaration, Who
from bot.texts.catalog import ENGLISH, languages, translations

log = structlog.get_logger(__name__)

#: https://core.telegram.org/bots/api#botcommand , https://core.telegram.org/bots/api#setmycommands
DESCRIPTION = 256
MOST = 100
LANGUAGE = 2
#: Seconds until the next try, where the connection is lost.
AGAIN = 10.0

#: Who sees what; operators' commands are only in the menus of operators.
SCOPES: tuple[tuple[BotCommandScope, frozenset[Who]], ...] = (
    (BotCommandScopeAllPrivateChats(), frozenset({Who.EVERYONE, Who.ADMINS})),
    (BotCommandScopeAllGroupChats(), frozenset({Who.EVERYONE})),
    (BotCommandScopeAllChatAdministrators(), frozenset({Who.EVERYONE, Who.ADMINS})),
)


async def show(bot: Bot, commands: Sequence[Declaration], *, operators: Sequence[str] = ()) -> None:
    """Bring the menus up to date, however long it takes; what is refused is logged, as commands work without.

    Args:
        operators: Those who run this bot: each sees all commands in the private chat.
    """
    for scope, who in SCOPES:
        try:
            await _in_all_languages(bot, [command for command in commands if command.who in who], scope)
        except TelegramError as error:
            log.warning("telegram did not take the menus", why=summary(error))
            break
    for operator in filter(str.isdecimal, operators):
        await show_operator(bot, commands, operator)


async def show_operator(bot: Bot, commands: Sequence[Declaration], operator: str) -> None:
    """Bring the menu of one of those who run this bot up to date."""
    try:
        await _in_all_languages(bot, commands, BotCommandScopeChat(operator))
    except TelegramError as error:  # most of all of who has not written to the bot yet
        log.debug("telegram did not take an operator's menu", why=summary(error))


async def _in_all_languages(bot: Bot, commands: Sequence[Declaration], scope: BotCommandScope) -> None:
    for language, catalog in _languages():
        menu = [BotCommand(command.name, _about(command, catalog)) for command in commands[:MOST]]
        await _show(bot, menu, scope, language)


async def _show(bot: Bot, menu: list[BotCommand], scope: BotCommandScope, language: str | None) -> None:
    while True:
        try:
            if list(await bot.get_my_commands(scope, language)) != menu:
                await bot.set_my_commands(menu, scope, language)
        except RetryAfter as error:
            await asyncio.sleep(in_seconds(error))
        except BadRequest:
            raise
        except NetworkError:
            await asyncio.sleep(AGAIN)
        else:
            return


def _languages() -> Iterator[tuple[str | None, str]]:
    """Yield Telegram's language codes with the catalogs that serve them; English is what all others see."""
    yield None, ENGLISH
    seen = {ENGLISH}
    for catalog in sorted(languages(), key=len):
        code = catalog.partition("_")[0].lower()
        if len(code) == LANGUAGE and code not in seen:
            seen.add(code)
            yield code, catalog


def _about(command: Declaration, catalog: str) -> str:
    return clean(translations(catalog).gettext(command.about), limit=DESCRIPTION) or f"/{command.name}"
