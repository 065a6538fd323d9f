"""Events that cannot be right: what they were to tell of a server is not known from then on.

The library takes a list that is missing for an empty one and somebody of whom no channel is told for one who left,
and ends the connection at what it cannot read. So whatever rooms hang on is looked at first. What is wrong with it
concerns one server, if it says which: its rooms are unknown, neither empty nor gone, until Discord tells of the
whole server anew.

https://docs.discord.com/developers/events/gateway-events#guild-create (and the other events)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import structlog

log = structlog.get_logger(__name__)

LONGEST_ID = 20
#: Channels without a server.
PRIVATE_KINDS = (1, 3)
#: Whose rooms are in doubt where an event does not say whose it is.
EVERYBODY = 0
CREATED, LEFT, VOICE = "GUILD_CREATE", "GUILD_DELETE", "VOICE_STATE_UPDATE"

Parser = Callable[[Any], None]


class Doubts:
    """What is not known although there is a connection.

    Args:
        renew: Called at each new doubt; a new session would end it.
    """

    def __init__(self, renew: Callable[[], None]) -> None:
        self._renew = renew
        self._servers: set[int] = set()

    def __bool__(self) -> bool:
        """Tell whether there are any."""
        return bool(self._servers)

    def about(self, server: str) -> bool:
        """Tell whether what is known of a server may be wrong."""
        return EVERYBODY in self._servers or (server.isdecimal() and int(server) in self._servers)

    def watch(self, parsers: dict[str, Parser]) -> None:
        """Look at events before and while the library reads them."""
        for event in SOUND:
            parsers[event] = partial(self._heed, event, parsers[event])

    def _heed(self, event: str, parse: Parser, data: Any) -> None:
        sound = SOUND[event](data)
        try:
            parse(data)
        except Exception as error:  # noqa: BLE001 - whatever the library cannot read is wrong
            sound = False
            log.debug("the library cannot read an event", event_type=event, why=repr(error)[:200])
        server = _server(event, data)
        if not sound:
            if server not in self._servers:
                self._servers.add(server)
                log.warning("Discord told of a server in a way that cannot be right", event_type=event)
                self._renew()
        elif event in {CREATED, LEFT}:
            self._servers.discard(server)


def _server(event: str, data: Any) -> int:
    """Return whose an event is."""
    told: Any = data.get("id" if event in {CREATED, LEFT} else "guild_id") if isinstance(data, dict) else None
    return int(told) if _is_id(told) else EVERYBODY


def _is_id(value: object) -> bool:
    """Tell whether something is a snowflake, as a text or a number."""
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) <= LONGEST_ID:
        value = int(value)
    return type(value) is int and 0 < value < 10**LONGEST_ID


def _ids(data: Mapping[str, Any], *names: str) -> bool:
    return all(_is_id(data.get(name)) for name in names)


def _all(told: object, sound: Callable[[Any], bool]) -> bool:
    return isinstance(told, list) and all(isinstance(one, dict) and sound(one) for one in told)


def _channel(told: Mapping[str, Any]) -> bool:
    kind = told.get("type")
    return type(kind) is int and isinstance(told.get("name"), str) and _ids(told, "id")


def _stage(told: Mapping[str, Any]) -> bool:
    return isinstance(told.get("topic"), str) and _ids(told, "id", "channel_id")


def _created(data: Any) -> bool:
    if not isinstance(data, dict) or not _ids(data, "id") or not isinstance(data.get("unavailable", False), bool):
        return False
    return data.get("unavailable") is True or (
        isinstance(data.get("name"), str)
        and _all(data.get("channels"), _channel)
        and _all(data.get("voice_states"), lambda one: _ids(one, "user_id", "channel_id"))
        and _all(data.get("stage_instances"), _stage)
    )


def _left(data: Any) -> bool:
    return isinstance(data, dict) and _ids(data, "id") and isinstance(data.get("unavailable", False), bool)


def _changed(data: Any) -> bool:
    if isinstance(data, dict) and data.get("type") in PRIVATE_KINDS and "guild_id" not in data:
        return True
    return isinstance(data, dict) and _ids(data, "guild_id") and _channel(data)


def _moved(data: Any) -> bool:
    if not isinstance(data, dict) or not _ids(data, "guild_id", "user_id") or "channel_id" not in data:
        return False
    return data["channel_id"] is None or _is_id(data["channel_id"])


def _staged(data: Any) -> bool:
    return isinstance(data, dict) and _ids(data, "guild_id") and _stage(data)


#: By event: whether one is as Discord documents it, as far as rooms hang on it.
SOUND: dict[str, Callable[[Any], bool]] = {
    CREATED: _created,
    LEFT: _left,
    VOICE: _moved,
    **dict.fromkeys(("CHANNEL_CREATE", "CHANNEL_UPDATE", "CHANNEL_DELETE"), _changed),
    **dict.fromkeys(("STAGE_INSTANCE_CREATE", "STAGE_INSTANCE_UPDATE", "STAGE_INSTANCE_DELETE"), _staged),
}
