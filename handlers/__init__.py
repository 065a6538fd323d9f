"""The commands: one file each, written once for every chat.

To add one: a file here with a ``COMMAND``, and its line in ``COMMANDS``.
"""

from __future__ import annotations

from handlers import (
    chart,
    compare,
    deliveries,
    export,
    forget,
    help,  # noqa: A004 - the command's name
    history,
    live,
    milestones,
    mute,
    record,
    records,
    settings,
    start,
    stats,
    status,
    subscribe,
    test,
    tie,
    top,
    unsubscribe,
    untie,
    unwatch,
    watch,
    watches,
)
from handlers.command import Command

#: In the order in which ``/help`` and the chats' menus show them.
COMMANDS: tuple[Command, ...] = (
    start.COMMAND,
    help.COMMAND,
    live.COMMAND,
    stats.COMMAND,
    chart.COMMAND,
    records.COMMAND,
    top.COMMAND,
    compare.COMMAND,
    history.COMMAND,
    export.COMMAND,
    watch.COMMAND,
    unwatch.COMMAND,
    watches.COMMAND,
    subscribe.COMMAND,
    unsubscribe.COMMAND,
    mute.COMMAND,
    milestones.COMMAND,
    test.COMMAND,
    settings.COMMAND,
    record.COMMAND,
    tie.COMMAND,
    untie.COMMAND,
    deliveries.COMMAND,
    forget.COMMAND,
    status.COMMAND,
)
