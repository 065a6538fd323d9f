"""Two chats with everything set: nothing that is done in one reads or changes anything of the other."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from zipfile import ZipFile

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.chats.console.render import render
from bot.ports.command import Request
from bot.ports.message import Message, discard
from handlers import COMMANDS
from handlers.command import Command
from tests.hostile.corpus import EFFORT, TEXTS
from tests.hostile.looks import assert_harmless
from tests.hostile.party import Party, party
from tests.hostile.rows import changes, rows_of

ALPHA, BETA = "-100111", "-100222"
#: What only the first chat knows: each has the word in it.
MARK = "Alpha"
TOLD = re.compile(rf"{MARK}\w*|90090\d+|77700\d+|{ALPHA[1:]}|alpha\w*")
NAMES = (
    "AlphaNight",
    "AlphaMorning",
    "AlphaTie",
    "AlphaHolder",
    "AlphaShared",
    "BetaNight",
    "BetaTie",
    "BetaShared",
)
WHO: dict[str, dict[str, object]] = {
    "admin": {"is_admin": True},
    "member": {"is_admin": False},
    "by role": {"is_admin": False, "roles": ("777000111",)},
    "operator": {"is_admin": True, "is_operator": True},
}
ARGUMENTS = (
    *NAMES, ALPHA, f"in {ALPHA}", "in @alpha", "everywhere", "everything", "platform", "chat", "all", "peak",
    "tuned_in", *(f"s{n}" for n in range(1, 22)), *(f"#{n}" for n in range(1, 6)), *map(str, range(1, 6)),
    "average", "posts", "add", "dispute", "remove", "restore", "log", "off", "on", "none", "default", "as",
    "vs", "at", "50", "100 200", "mention", "here", "<@&777000111>", "nobody", "start", "milestones",
    "records", "recap", "reminder", "outages", "words", "timezone", "Karachi", "language", "ur", "quiet",
    "23:00-07:00", "admins", "patience", "5m", "public", "theme", "dark", "style", "card", "counting", "lakh",
    "across", "mentions", "csv", "json", "2022-04-20", "today", "milestones {{ name }}", "replay:alpha.jsonl",
    "replay:shared.jsonl", "replay:beta.jsonl", "open:one.jsonl", "AlphaPublic", "1h", "by", "link",
    "https://a.invalid/", "999k", "on", "icecast", "anyway", "best", "last",
)  # fmt: skip


@asynccontextmanager
async def two(folder: Path) -> AsyncIterator[Party]:
    """Give two chats in which everything is set, after a night of which both were told."""
    async with party(folder) as made:
        for name, title in (
            ("alpha", "AlphaTitle"),
            ("beta", "BetaTitle"),
            ("shared", "A title that both are told"),
        ):
            made.recording(f"{name}.jsonl", title=title, called=f"{name} night")
        for name in ("one", "two"):
            made.recording(f"{name}.jsonl", title=f"Public {name}", called=f"Public {name}")
        made.recording("alpha2.jsonl", title="AlphaTitle2", called="alpha morning")
        made.recording("beta2.jsonl", title="BetaTitle2", called="beta morning")
        for chat, called, name, user, role in (
            (ALPHA, "Alpha", "alpha", "900900900", "777000111"),
            (BETA, "Beta", "beta", "5", "888000222"),
        ):
            who = {"chat": chat, "user": user, "chat_title": f"{called}Group", "platform": "discord"}
            inside = {**who, "topic": f"{role}9", "topic_title": f"{called}Topic"}
            await made.set_up(f"/watch replay:{name}.jsonl as {called}Night", **inside)
            await made.set_up(f"/watch replay:{name}2.jsonl as {called}Morning", **who)
            await made.set_up(f"/watch replay:shared.jsonl as {called}Shared", **who)
            await made.set_up(f"/watch open:{'one' if name == 'alpha' else 'two'}.jsonl as {called}Public", **who)
            await made.set_up(
                "/watch open:one.jsonl", chat="-100333", platform="telegram", chat_title="AlphaFriends"
            )
            for line in (
                f"/tie {called}Night {called}Morning as {called}Tie anyway",
                f"/subscribe {called}Night milestones records recap at 70 100 mention <@&{role}>",
                "/settings timezone Karachi",
                "/settings language ur",
                "/settings language en",
                "/settings patience 5m",
                f"/settings admins <@&{role}>",
                "/settings theme dark",
                "/settings counting lakh",
                "/settings across on",
                "/settings words milestones " + called + "Words {{ name }} {{ figure }}",
                f"/record add 70 peak {called}Holder on icecast 2021-03-15 https://{name}.invalid/report",
                f"/record add 20 tuned in {called}Disputed on icecast 2021-03-16",
            ):
                await made.set_up(line, **who)
        await made.play(40)
        for chat, called, user in ((ALPHA, "Alpha", "900900900"), (BETA, "Beta", "5")):
            who = {"chat": chat, "user": user, "platform": "discord"}
            await made.set_up(f"/record dispute {called}Night {called}Why it was bots", **who)
            await made.set_up(f"/record dispute {called}Shared {called}Reason", **who)
        yield made


def assert_tells_nothing_of_alpha(message: Message, typed: str) -> None:
    """Assert that an answer holds nothing that only the first chat knows, but what was typed."""
    text = render(message).plain
    if message.file is not None:
        with ZipFile(message.file.path) as file:
            text += " ".join(file.read(name).decode() for name in file.namelist()) + message.file.name
    commands = [one.command or "" for one in message.buttons]
    commands += [one.command for select in message.selects for one in select.options]
    text = " ".join([text, *commands])
    known = set(TOLD.findall(typed)) | set(TOLD.findall(typed.casefold()))
    told = {one for one in TOLD.findall(text) if one not in known and not any(one in other for other in known)}
    assert not told, f"{typed!r}: {told} in {text}"


def test_nothing_of_a_chat_is_read_or_changed_from_another(tmp_path: Path) -> None:
    words = st.lists(
        st.one_of(st.sampled_from(ARGUMENTS), st.sampled_from(ARGUMENTS), st.sampled_from(TEXTS)), max_size=6
    )
    with asyncio.Runner() as runner:
        opened = two(tmp_path)
        made = runner.run(opened.__aenter__())

        async def rows() -> dict[str, list[tuple[object, ...]]]:
            return await rows_of(made.parts.database, platform="discord", key=ALPHA)

        before = runner.run(rows())
        assert all(
            before[name] for name in ("chat_watch", "subscription", "tie", "doubt", "book", "wording", "delivery")
        )

        @given(st.sampled_from(COMMANDS), words.map(" ".join), st.sampled_from(sorted(WHO)), st.booleans())
        @settings(max_examples=60 * EFFORT)
        def asked(command: Command, typed: str, who: str, inside: bool) -> None:
            nonlocal before
            if command.name in {"forget", "unwatch"} and who != "member" and EFFORT == 1:
                typed = typed.replace("everything", "")  # that is tried by itself, below: the rest needs something
            given = {"chat": BETA, "platform": "discord", "user": "5", "chat_title": "BetaGroup", **WHO[who]}
            given |= {"topic": "8880002229", "topic_title": "BetaTopic"} if inside else {}
            answer = runner.run(made.give(command.name, typed, **given))
            try:
                assert answer.symbol != "⚠️", f"/{command.name} {typed}"
                if not (who == "operator" and command.name == "status"):
                    assert_tells_nothing_of_alpha(answer, typed)
            finally:
                discard(answer)
            after = runner.run(rows())
            found = changes(before, after)
            if who == "operator" and "everywhere" in typed:
                # What counts for everybody may correct what was told anywhere.
                found.pop("delivery", None)
                before = {**before, "delivery": after["delivery"]}
            assert not found, f"/{command.name} {typed}: {found}"

        try:
            asked()
            lines = runner.run(offered(made))
            before = runner.run(rows())
            runner.run(pressed(made, lines))
            assert not changes(before, runner.run(rows()))
        finally:
            runner.run(opened.__aexit__(None, None, None))


async def offered(made: Party) -> list[str]:
    """Return what buttons and menus of the first chat type."""
    lines: dict[str, None] = {}
    told: set[str] = set()
    for command in COMMANDS:
        if command.name in {"forget", "untie", "unwatch", "unsubscribe", "mute", "watch"}:
            continue
        for typed in ("", "AlphaNight", "AlphaNight AlphaMorning", "Alpha", "admins", "words", "timezone"):
            answer = await made.give(command.name, typed, chat=ALPHA, platform="discord", is_admin=True)
            discard(answer)
            told |= set(TOLD.findall(render(answer).plain))
            lines |= dict.fromkeys(one.command for one in answer.buttons if one.command)
            lines |= dict.fromkeys(one.command for select in answer.selects for one in select.options)
            assert_harmless(answer)
    assert len(told) > 10, told  # there is something to tell
    assert len(lines) > 30, lines
    return list(lines)


async def pressed(made: Party, lines: list[str]) -> None:
    """Press them in the second chat; and forget that."""
    for line in lines:
        answer = await made.ask(line, chat=BETA, platform="discord", user="5", is_admin=True)
        discard(answer)
        assert_tells_nothing_of_alpha(answer, line)
    await made.set_up("/forget everything", chat=BETA, platform="discord")


async def test_suggestions_of_one_chat_name_nothing_of_another(tmp_path: Path) -> None:
    async with two(tmp_path) as made:
        for command in COMMANDS:
            for param in command.params:
                for typed in ("", "A", "Alpha", "AlphaNight", "%", "_", "s1"):
                    request = Request(platform="discord", chat=BETA, user="5", command=command.name, is_admin=True)
                    offered = await made.parts.dispatcher.suggest(request, param=param.name, typed=typed)
                    assert not [one for one in offered if TOLD.search(one)], (command.name, param.name, offered)


async def test_a_chat_that_is_called_as_another_on_another_platform_is_another(tmp_path: Path) -> None:
    async with two(tmp_path) as made:
        before = await rows_of(made.parts.database, platform="discord", key=ALPHA)
        for platform in ("telegram", "console"):
            for line in (
                "/watches",
                "/settings",
                "/records",
                "/deliveries",
                "/export",
                "/forget everything",
                "/live",
            ):
                answer = await made.ask(line, chat=ALPHA, platform=platform)
                discard(answer)
                assert_tells_nothing_of_alpha(answer, line)
        assert not changes(before, await rows_of(made.parts.database, platform="discord", key=ALPHA))
