"""Where numbers come from: one file a platform.

To add one: a file here with a class that fills ``bot.ports.source.Source``, one line in ``SOURCES``, and one
line in ``tests/contracts/test_source.py``, whose suite then holds it to the port's rules.
"""

from __future__ import annotations

from collections.abc import Callable

from bot.ports.source import Source
from bot.sources.icecast import Icecast
from bot.sources.json import Json
from bot.sources.prometheus import Prometheus
from bot.sources.replay import Replay
from bot.sources.web import Web

#: Each makes its source from the one HTTP client that all share.
SOURCES: dict[str, Callable[[Web], Source]] = {
    "icecast": Icecast,
    "json": Json,
    "prometheus": Prometheus,
    "replay": lambda web: Replay(),
}
