"""What people paste, whatever the platform: every form reaches the right source among all of them."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bot.ports.source import NoAddress, Registry
from bot.sources import SOURCES
from bot.sources.kit import Kit
from bot.sources.web import Web

VIDEO, CHANNEL, SPACE = "dQw4w9WgXcQ", "UCLA_DiR1FfKNvjuUpBHmylQ", "1vOGwAbcdEFGB"

#: By source: what is taken for it without its name in front. Handles and names need one.
PASTED: dict[str, tuple[str, ...]] = {
    "icecast": (
        "https://radio.example.org/status-json.xsl",
        "http://radio.example.org:8000/status-json.xsl?mount=/live",
    ),
    "x": (
        *("https://x.com/ann", "https://x.com/ann?s=21&t=abc", "x.com/ann", "https://www.x.com/ann/"),
        *("https://twitter.com/ann", "https://mobile.twitter.com/ann", "https://m.twitter.com/ann"),
        *("https://mobile.x.com/ann", "https://x.com/ann/status/5", "<https://x.com/ann>", " https://x.com/ann "),
        *(
            f"https://x.com/i/spaces/{SPACE}",
            f"https://x.com/i/spaces/{SPACE}/peek?s=20",
            f"x.com/i/spaces/{SPACE}",
        ),
        *(f"https://twitter.com/i/spaces/{SPACE}", f"http://mobile.twitter.com/i/spaces/{SPACE}"),
    ),
    "hashtag": (
        *("https://x.com/hashtag/tag", "https://twitter.com/hashtag/tag?src=hashtag_click"),
        *("https://mobile.twitter.com/hashtag/tag/", "https://x.com/search?q=%23tag&src=typed_query"),
    ),
    "youtube": (
        *("https://www.youtube.com/@NASA", "https://youtube.com/@NASA?si=abc", "youtube.com/@NASA/live"),
        *("https://m.youtube.com/@NASA/streams", f"https://www.youtube.com/channel/{CHANNEL}"),
        *(f"https://www.youtube.com/watch?v={VIDEO}&t=5", f"https://m.youtube.com/watch?v={VIDEO}"),
        *(
            f"https://youtu.be/{VIDEO}",
            f"youtu.be/{VIDEO}?si=abc",
            f"https://www.youtube.com/live/{VIDEO}?feature=share",
        ),
        *(f"https://www.youtube.com/shorts/{VIDEO}", f"https://www.youtube-nocookie.com/embed/{VIDEO}"),
        *(f"https://studio.youtube.com/video/{VIDEO}/livestreaming", f"https://music.youtube.com/watch?v={VIDEO}"),
    ),
    "twitch": (
        *("https://www.twitch.tv/name", "https://twitch.tv/name", "twitch.tv/name", "https://m.twitch.tv/name"),
        *("https://www.twitch.tv/name/videos", "https://www.twitch.tv/name/v/12345", "https://go.twitch.tv/name"),
        *("https://www.twitch.tv/popout/name/chat", "https://player.twitch.tv/?channel=name&parent=x"),
        "https://www.twitch.tv/name?sr=a",
    ),
    "kick": (
        *("https://kick.com/name", "https://www.kick.com/name", "kick.com/name", "https://kick.com/name/videos"),
        *("https://m.kick.com/name", "https://player.kick.com/name", "https://kick.com/popout/name/chat"),
        "https://kick.com/Some-One?ref=a",
    ),
    "owncast": ("https://live.example.org/embed/video", "https://live.example.org/api/status"),
    "azuracast": (
        *("https://radio.example.org/public/friday", "https://radio.example.org/listen/friday/radio.mp3"),
        "https://radio.example.org/api/nowplaying/friday",
    ),
    "stage": ("https://discord.com/channels/1/123", "https://ptb.discord.com/channels/1/123/9"),
}
#: These have nothing of their own that an address could show.
NAMED_ONLY = {"json", "prometheus", "replay"}


@pytest.fixture
async def registry() -> AsyncIterator[Registry]:
    web = Web()
    yield Registry({name: make(Kit(web=web)) for name, make in SOURCES.items()})
    await web.close()


def test_every_source_is_asked() -> None:
    assert PASTED.keys() | NAMED_ONLY == SOURCES.keys()


@pytest.mark.parametrize(
    ("name", "text"), [pytest.param(name, text, id=text) for name, texts in PASTED.items() for text in texts]
)
def test_a_link_finds_its_source(registry: Registry, name: str, text: str) -> None:
    source, reference = registry.split(text)
    assert source.platform == name
    assert reference
    # No other claims it, so that the order of sources decides nothing.
    stripped = text.strip().strip("<>")
    assert [one for one, it in registry.sources.items() if it.recognises(stripped) is not None] == [name]


@pytest.mark.parametrize("name", SOURCES)
def test_an_address_with_its_name_in_front_is_split_at_the_colon(registry: Registry, name: str) -> None:
    source = registry.sources[name]
    rest = source.example.partition(":")[2]
    for text in (source.example, f" {name.upper()}:{rest} ", f"<{source.example}>"):
        found, reference = registry.split(text)
        assert found is source
        assert reference.strip() == rest


@pytest.mark.parametrize(
    "text", ["@ann", "ann", "#tag", VIDEO, SPACE, "https://example.org/live.mp3", "", " ", "http://[", "x:", "::"]
)
def test_what_could_be_anybodys_is_nobodys(registry: Registry, text: str) -> None:
    with pytest.raises(NoAddress):
        registry.split(text)
