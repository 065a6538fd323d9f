"""What no chat has made public stands on no page, whatever else there is; and what is public can be taken back."""

from __future__ import annotations

import asyncio
import re
from itertools import count
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.domain import DAY, HOUR, MINUTE
from bot.domain.measure import Measure
from storage import chats, doubts, records, ties, watches
from storage.database import Database
from storage.records import Entry
from storage.tables import metadata
from tests.fakes.clock import NOW
from tests.pages.stand import Site, hill, site

_number = count(1)


def secret(what: str) -> str:
    """A text that stands nowhere else."""
    return f"zq{next(_number)}{what}"


@st.composite
def watched(draw: st.DrawFn) -> dict[str, Any]:
    return {
        "public": draw(st.booleans()),
        "platform": draw(st.sampled_from(["x", "youtube"])),
        "unit": draw(st.sampled_from(["listeners", "count"])),
        "metric": draw(st.sampled_from(["concurrent", "tuned_in"])),
        "chats": draw(st.lists(st.sampled_from(["ann", "ben", "cem"]), min_size=1, max_size=3, unique=True)),
        "shown_by": draw(st.sampled_from([None, "ann", "ben", "cem", "gone"])),
        "live": draw(st.booleans()),
    }


async def fill(stand: Site, wanted: list[dict[str, Any]]) -> tuple[list[str], list[int], list[int]]:
    """Keep all that, and return what no page may say, and which sessions have a page and which have none."""
    hidden: list[str] = []
    shown: list[int] = []
    unseen: list[int] = []
    for place, one in enumerate(wanted):
        public, its = one["public"], {}
        reference = f"{secret('ref')}.private.example/live"
        title, host = secret("title"), secret("host")
        url = f"https://{secret('url')}.example.org/x?token=1"
        opens = one["shown_by"] in one["chats"]
        for chat in one["chats"]:
            its[chat] = secret(f"name{chat}")
            watch = await stand.watch(
                reference,
                chat=chat,
                name=its[chat],
                public=public,
                shown=one["shown_by"] == chat,
                platform=one["platform"],
                unit=one["unit"],
                metric=one["metric"],
                url=f"https://{reference}",
            )
        its_own: dict[str, Any] = {"title": title, "hosts": (host,), "url": url}
        if one["metric"] == "tuned_in":
            its_own["tuned_in"] = 5_000.0
        ids = [await stand.goes(watch, hill(6, 100 + place), start=NOW - DAY, **its_own)]
        if one["live"]:
            ids.append(await stand.goes(watch, hill(6, 300 + place), start=NOW, ends=False, **its_own))
        (shown if opens else unseen).extend(ids)
        hidden += [reference.split("/", maxsplit=1)[0]]
        hidden += [called for chat, called in its.items() if not (opens and chat == one["shown_by"])]
        if not opens:
            hidden += [title, host]
        if not (opens and public):
            hidden.append(url.split("/")[2])
        hidden += await _of_the_chat(stand, watch, one["chats"][0], ids[0])
    return hidden, shown, unseen


async def _of_the_chat(stand: Site, watch: watches.Watch, key: str, session_id: int) -> list[str]:
    """Let a chat have records, doubts and ties of its own; return what they say."""
    said = [secret("holder"), secret("note"), secret("why"), secret("tie")]
    async with stand.database.write() as connection:
        chat = await chats.find(connection, platform="fake", key=key)
        assert chat is not None
        for scope in (1, 2, 3):
            await records.add(
                connection,
                Entry(
                    platform=watch.platform, measure="peak", scope=scope, value=9_999, holder=said[0],
                    chat_id=chat.id, watch_id=watch.id if scope == 1 else None, note=said[1], disputed=True,
                ),
                now=NOW,
            )  # fmt: skip
        await doubts.raise_(
            connection, session_id, Measure.AVERAGE, chat_id=chat.id, why=said[2], made_by="7", now=NOW
        )
        await ties.add(connection, chat_id=chat.id, name=said[3], watch_ids=[watch.id], now=NOW)
    return said


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(wanted=st.lists(watched(), min_size=1, max_size=4))
def test_nothing_of_what_is_not_public_stands_on_any_page(tmp_path: Path, wanted: list[dict[str, Any]]) -> None:
    async def check() -> None:
        database = Database(f"sqlite:///{tmp_path}/{secret('store')}.db", throwaway=True)
        await database.open()
        try:
            async with site(database) as stand:
                hidden, shown, unseen = await fill(stand, wanted)
                said = [await stand.get(path) for path in ("/", "/records")]
                for id_ in shown:
                    said.append(await stand.get(f"/s/{id_}"))
                    (watch,) = set(re.findall(r'href="\.\./w/(\d+)"', said[-1])) or {"0"}
                    said.append(await stand.get(f"/w/{watch}", status=200 if watch != "0" else 404))
                said += [await stand.get(f"/s/{id_}", status=404) for id_ in unseen]
                for id_ in range(1, len(wanted) + 2):
                    answer, text = await stand.answer(f"/w/{id_}")
                    assert answer.status in {200, 404}
                    said.append(text)
                for page in said:
                    for text in hidden:
                        assert text not in page
        finally:
            await database.close()

    asyncio.run(check())


async def test_only_what_the_pages_may_read_of_chats() -> None:
    """A column that is new to the chats' tables must be thought of here: is it anybody's business?"""
    assert {column.name for column in metadata.tables["chat_watch"].c} == {
        "chat_id", "watch_id", "name", "created_at", "published_at",
    }  # fmt: skip


async def test_two_chats_and_one_watch_the_first_that_shows_it_names_it(stand: Site) -> None:
    watch = await stand.watch("one", chat="ann", name="Ann’s name")
    stand.clock.now += MINUTE
    await stand.watch("one", chat="ben", name="Ben’s name")
    id_ = await stand.goes(watch, hill(10, 100), start=NOW - HOUR)
    page = await stand.get(f"/s/{id_}")
    assert "Ann’s name" in page
    assert "Ben’s name" not in page
    await stand.show(watch, chat="ann", public=False)
    page = await stand.get(f"/s/{id_}")
    assert "Ben’s name" in page
    assert "Ann’s name" not in page
    await stand.show(watch, chat="ben", public=False)
    await stand.get(f"/s/{id_}", status=404)


async def test_what_ends_a_page(stand: Site) -> None:
    watch = await stand.watch("one", name="Night Radio")
    id_ = await stand.goes(watch, hill(10, 100), start=NOW - HOUR)

    async def shows(there: bool) -> None:
        await stand.get(f"/s/{id_}", status=200 if there else 404)
        await stand.get(f"/w/{watch.id}", status=200 if there else 404)
        for path in ("/", "/records"):
            assert ("Night Radio" in await stand.get(path)) == there

    async def chat() -> chats.Chat:
        async with stand.database.read() as connection:
            found = await chats.find(connection, platform="fake", key="ann")
        assert found is not None
        return found

    await shows(True)
    async with stand.database.write() as connection:
        await chats.disable(connection, (await chat()).id, now=NOW, why="kicked")
    await shows(False)
    async with stand.database.write() as connection:
        await chats.enable(connection, (await chat()).id, now=NOW)
    await shows(True)
    async with stand.database.write() as connection:
        await watches.unfollow(connection, chat_id=(await chat()).id, watch_id=watch.id)
    await shows(False)
    async with stand.database.write() as connection:  # followed again, it is private until that is said
        await watches.follow(connection, chat_id=(await chat()).id, watch_id=watch.id, name="Night Radio", now=NOW)
    await shows(False)
    await stand.show(watch)
    await shows(True)
    async with stand.database.write() as connection:
        await chats.forget(connection, (await chat()).id)
    await shows(False)


async def test_a_private_watch_shows_its_figures_and_not_where_they_come_from(stand: Site) -> None:
    watch = await stand.watch(
        "https://radio.example.org:8443/live?key=1",
        name="radio.example.org/live",
        public=False,
        platform="icecast",
        url="https://radio.example.org/live",
    )
    id_ = await stand.goes(
        watch, hill(20, 400), start=NOW - HOUR, title="Live at Radio.Example.org", url="https://radio.example.org/"
    )
    for path in ("/", f"/s/{id_}", f"/w/{watch.id}", "/records"):
        page = await stand.get(path)
        assert "radio.example.org" not in page.lower()
        assert f"icecast {watch.id}" in page
    assert "400 listeners" in await stand.get(f"/s/{id_}")
