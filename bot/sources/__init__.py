"""Where numbers come from: one file a platform, or one package where a file would grow too long.

To add one: a file here with a class that fills ``bot.ports.source.Source``, one line in ``SOURCES``, and one
line in ``tests/contracts/test_source.py``, whose suite then holds it to the port's rules.
"""

from __future__ import annotations

from collections.abc import Callable

from bot.ports.source import Source
from bot.sources.azuracast import AzuraCast
from bot.sources.hashtag import Hashtag
from bot.sources.icecast import Icecast
from bot.sources.json import Json
from bot.sources.kick import Kick
from bot.sources.kit import Kit
from bot.sources.owncast import Owncast
from bot.sources.prometheus import Prometheus
from bot.sources.replay import Replay
from bot.sources.stage import Stage
from bot.sources.twitch import Twitch
from bot.sources.x import X
from bot.sources.youtube import YouTube

#: Each makes its source from what all share: the HTTP client, the operator's keys, a memory. In the order in which
#: people are shown their addresses.
SOURCES: dict[str, Callable[[Kit], Source]] = {
    "icecast": lambda kit: Icecast(kit.web),
    "x": X,
    "youtube": YouTube,
    "twitch": Twitch,
    "kick": Kick,
    "owncast": lambda kit: Owncast(kit.web),
    "azuracast": lambda kit: AzuraCast(kit.web),
    "hashtag": Hashtag,
    "json": lambda kit: Json(kit.web),
    "prometheus": lambda kit: Prometheus(kit.web),
    "stage": Stage,
    "replay": lambda kit: Replay(),
}
