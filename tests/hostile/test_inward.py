"""Every source that takes an address: none leads inside, however it is written, and no answer is too much."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from bot.chats.console.render import render
from bot.ports.source import Ask, Garbage, SourceError
from bot.sources.web import Web
from tests.contracts.test_source import KINDS, NOW, Kind, Served, a_stand
from tests.hostile.corpus import DOCUMENTS, INWARD, NO_ADDRESSES, bombs
from tests.hostile.looks import assert_harmless, assert_tells_nothing, bounded
from tests.hostile.party import party
from tests.servers.pages import Behaviour, says, serving

#: Sources of addresses, and how one is written for a host.
BY_ADDRESS = {
    "azuracast": "azuracast:http://{host}/friday",
    "icecast": "icecast:http://{host}/live",
    "json": "json:http://{host}/status.json#n",
    "owncast": "owncast:http://{host}",
    "prometheus": "prometheus:http://{host}#n",
}


@pytest.mark.parametrize("platform", BY_ADDRESS)
async def test_no_spelling_of_an_address_leads_inside(platform: str, tmp_path: Path) -> None:
    async with (
        serving(says("{}")) as four,
        serving(says("{}"), host="::1") as six,
        party(tmp_path) as made,
    ):
        for port in (four.port, six.port):
            for host in INWARD:
                typed = BY_ADDRESS[platform].replace("{host}", host.replace("{port}", str(port)))
                with bounded(typed):
                    async with asyncio.timeout(30):
                        answer = await made.ask(f"/watch {typed}")
                assert answer.symbol in {"🔒", "❔"}, render(answer).plain
                assert_harmless(answer)
                assert_tells_nothing(answer, typed)
        assert four.requests == six.requests == []


@pytest.mark.parametrize("platform", BY_ADDRESS)
async def test_what_is_no_address_is_said_to_be_none(platform: str, tmp_path: Path) -> None:
    async with party(tmp_path) as made:
        for address in NO_ADDRESSES:
            typed = f"{platform}:{address}"
            with bounded(typed):
                async with asyncio.timeout(30):
                    answer = await made.ask(f"/watch {typed}")
            assert answer.symbol in {"🔒", "❔"}, render(answer).plain
            assert_harmless(answer)
            assert_tells_nothing(answer, typed)


async def test_a_name_that_leads_elsewhere_with_each_question_never_leads_inside() -> None:
    """A name is looked up once for a connection, and what that gives is judged: no second answer counts."""
    async with serving(says("secret")) as hidden:
        client = Web(timeout_seconds=5)
        try:
            for name in ("localhost", "LocalHost", "localhost."):  # of two addresses, both inside
                for _ in range(3):
                    with pytest.raises(SourceError):
                        await client.get(f"http://{name}:{hidden.port}/")
        finally:
            await client.close()
        assert hidden.requests == []


@asynccontextmanager
async def stands() -> AsyncIterator[list[tuple[Kind, Served]]]:
    """Run a server for each kind of source."""
    async with asyncio.timeout(120):
        opened = [(kind, a_stand(kind)) for kind in KINDS]
        made = [(kind, await one.__aenter__()) for kind, one in opened]
        try:
            yield made
        finally:
            for _, one in opened:
                await one.__aexit__(None, None, None)


async def asked(stand: Served, answer: Behaviour, what: object) -> None:
    """Ask a source of what answers so; it says what is wrong, or that nothing is known."""
    stand.idle[0].answer = answer
    reference = stand.kind.reference(stand.idle[0].url)
    with bounded(what):
        async with asyncio.timeout(30):
            (told,) = await stand.source.read([Ask(reference=reference, started=NOW)], NOW)
            assert len(told.answers) == 1
            with suppress(SourceError):
                await stand.source.describe(reference, NOW)


async def test_bombs_and_documents_without_end_are_given_up_soon() -> None:
    bodies = {
        **{f"a bomb of {name}": says(raw, Content_Encoding=name) for name, raw in bombs().items()},
        "br, which nobody takes": says(b"\x0b\x02\x80x\x03", Content_Encoding="br"),
        "zstd, which nobody takes": says(b"(\xb5/\xfd$\x01\x09\x00\x00x", Content_Encoding="zstd"),
        "a long header": says("{}", X_Long="x" * 60_000),
        **{text[:40]: says(text.encode(errors="surrogatepass")) for text in DOCUMENTS},
    }
    async with stands() as made:
        for kind, stand in made:
            for what, answer in bodies.items():
                await asked(stand, answer, f"{kind.name}: {what}")


async def test_a_bomb_is_not_held_in_memory() -> None:
    import tracemalloc

    body = bombs()["gzip"]
    async with serving(says(body, Content_Encoding="gzip")) as pages:
        client = Web(allowed=[pages.authority])
        tracemalloc.start()
        try:
            with pytest.raises(Garbage):
                await client.get(pages.url)
            _, most = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
            await client.close()
    assert most < 16 * 1024 * 1024, most


#: Expressions of chats: such as grow with each step, or go deep.
EXPRESSIONS = (
    "[@,@]|[@,@]|[@,@]|[@,@]|[@,@]|[@,@]|[@,@]|[@,@]|[]|[]|[]",
    "a[*].[@,@][*].[@,@][*].[@,@]",
    "[].[].[].[].[].[]" * 20,
    "(" * 240 + "a" + ")" * 240,
    "!" * 490 + "a",
    "a" + "[0]" * 160,
    "a" + "||a" * 160,
    "sort_by(a, &b)[*].{x: @, y: @, z: @}",
    "map(&map(&map(&@, @), @), [@,@])",
    "join('', map(&to_string(@), [@,@,@,@]))",
    "to_string([to_string(@), to_string(@), to_string(@)])",
    "to_string(to_array(" * 22 + "@" + "))" * 22,
    "length(join('', map(&'" + "x" * 400 + "', @)))",
    "[?contains(to_string(@), 'q')] | [0]",
    "{d: @} | d[?contains(to_string(@), 'q')]",
    "max_by(@, &length(to_string(@)))",
    "`" + "[" * 200 + "]" * 200 + "`",
    "'" + "x" * 480 + "'",
    "reverse(reverse(sort(keys(@))))",
    "a.b.c[?d=='\U0001f468'] | [?contains(@, 'x')] | length(@)",
    "avg(@) sum(@)",
    "*.*.*.*.*.*.*.*.*.*",
    "[::0]",
    "[9999999999999999999999]",
    "[::-1][::-1][::-1][::-1]",
)


async def test_no_expression_of_a_chat_holds_the_bot_up() -> None:
    large = "[" + ",".join('{"a":[1,2,3],"b":"' + "x" * 40 + '"}' for _ in range(800)) + "]"
    nest = '{"a":' * 150 + "1" + "}" * 150
    kind = next(one for one in KINDS if one.name == "json")
    async with a_stand(kind) as stand:
        pages = stand.idle[0]
        for body in (large, nest):
            pages.answer = says(body)
            for expression in EXPRESSIONS:
                reference = f"{pages.url}/x.json#{expression} live-when {expression}"
                with bounded(expression):
                    (told,) = await stand.source.read([Ask(reference=reference, started=NOW)], NOW)
                    assert len(told.answers) == 1
