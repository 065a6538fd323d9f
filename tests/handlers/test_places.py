"""Where alerts go, whom they call, and who may decide it: one server with several channels."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot.chats.console.render import render
from bot.domain import DAY, HOUR, MINUTE
from bot.ports.chat import NotPermitted, Post, Refused, TopicGone, TryLater
from bot.ports.command import Request
from bot.ports.message import Message, Span, Style
from bot.samples import SPACE
from storage import watches
from tests.fakes.chat import FakeChat
from tests.fakes.rows import a_watch
from tests.talk import Talk, talk

NOON = 1_700_000_000_000 // DAY * DAY + 12 * HOUR
OPERATOR: dict[str, Any] = {"is_operator": True}


class Server:
    """A server with channels, where somebody gives commands."""

    def __init__(self, bot: Talk, chat: FakeChat) -> None:
        self.bot = bot
        self.chat = chat

    async def ask(self, line: str, channel: str = "10", **who: Any) -> Message:
        asked: dict[str, Any] = {
            "platform": "discord",
            "chat": "1",
            "chat_title": "Fans",
            "topic": channel,
            "topic_title": f"<#{channel}>",
            "user": "5",
            **who,
        }
        return await self.bot.ask(line, **asked)

    async def say(self, line: str, channel: str = "10", **who: Any) -> str:
        return render(await self.ask(line, channel, **who)).plain

    async def play(self, until: int = NOON + 3 * HOUR) -> list[Post]:
        """Let time pass and return what was posted meanwhile."""
        before = len(self.chat.posts)
        await self.bot.until(until)
        return self.chat.posts[before:]


@pytest.fixture(name="server")
async def _server(tmp_path: Path) -> AsyncIterator[Server]:
    chat = FakeChat("discord", by_topic=True)
    async with talk(tmp_path, now=NOON, chats=[chat]) as bot:
        server = Server(bot, chat)
        assert "Now watching Space" in await server.say(f"/watch replay:{SPACE} as Space", **OPERATOR)
        yield server


def topics(posts: list[Post]) -> set[str | None]:
    return {post.target.topic for post in posts}


def kinds(posts: list[Post], topic: str) -> set[object]:
    return {post.facts["kind"] for post in posts if post.target.topic == topic}


def references(message: Message) -> list[str]:
    spans: list[Span] = [span for line in (message.title, *message.lines) for span in line]
    return [span.text for span in spans if span.style is Style.REFERENCE]


async def test_alerts_come_to_the_channel_where_it_was_asked_for_and_are_known_everywhere_in_the_server(
    server: Server,
) -> None:
    assert "Space" in await server.say("/stats", channel="99")
    assert topics(await server.play()) == {"10"}
    assert {post.target.chat for post in server.chat.posts} == {"1"}


async def test_watching_the_same_in_another_channel_lets_alerts_come_there_too(server: Server) -> None:
    assert "its alerts come here from now on" in await server.say(
        f"/watch replay:{SPACE}", channel="20", **OPERATOR
    )
    assert "watched here already" in await server.say(f"/watch replay:{SPACE}", channel="20", **OPERATOR)
    assert topics(await server.play()) == {"10", "20"}


async def test_channels_have_settings_of_their_own(server: Server) -> None:
    shown = await server.ask("/subscribe Space records recap at 100k", channel="20", elsewhere=True)
    assert references(shown) == ["<#20>"]
    await server.ask("/subscribe Space milestones at 100k", channel="30")
    await server.ask("/unsubscribe Space")
    posts = await server.play()
    assert kinds(posts, "20") == {"ended"}
    assert kinds(posts, "30") == {"milestone"}
    assert {post.facts["threshold"] for post in posts if post.target.topic == "30"} == {100_000}
    assert kinds(posts, "10") == set()


async def test_muting_and_ladders_count_for_the_channel_that_has_alerts_else_for_all(server: Server) -> None:
    await server.ask("/subscribe Space", channel="20")
    await server.ask("/mute Space 8h", channel="20")
    assert "100 and 1,000" not in await server.say("/milestones Space", channel="20")
    await server.ask("/milestones Space 100k", channel="77")  # has no alerts of its own: all of them are meant
    posts = await server.play()
    assert topics(posts) == {"10"}
    assert {post.facts["threshold"] for post in posts if post.facts["kind"] == "milestone"} == {100_000}


async def test_who_unsubscribes_in_the_wrong_channel_is_told_where_alerts_go(server: Server) -> None:
    shown = await server.ask("/unsubscribe Space", channel="20")
    assert references(shown) == ["<#10>"]


async def test_one_is_called_once_an_hour_and_never_by_a_recap_that_is_edited(server: Server) -> None:
    shown = await server.ask("/subscribe Space mention <@&77>")
    assert references(shown) == ["<@&77>"]
    posts = await server.play()
    assert len(posts) > 5
    called = [post for post in posts if post.mention is not None]
    assert [post.mention for post in called] == ["77"] * len(called)
    assert posts[0].mention == "77"
    assert 2 <= len(called) <= 4  # within two and a half hours on the air
    assert posts[1].mention is None


async def test_mentions_are_kept_until_they_are_taken_back(server: Server) -> None:
    await server.ask("/subscribe Space mention here")
    shown = await server.ask("/subscribe Space recap")
    assert references(shown) == ["@here"]
    shown = await server.ask("/subscribe Space mention nobody")
    assert references(shown) == []
    assert "recap" in render(shown).plain
    assert "start" not in render(shown).plain


@pytest.mark.parametrize("whom", ["everyone", "@everyone", "<@5>", "77", "<@&77><@&78>"])
async def test_nobody_else_can_be_called(server: Server, whom: str) -> None:
    assert "nobody that I can call" in await server.say(f"/subscribe Space mention {whom}")


async def test_a_preview_says_where_it_would_go_and_calls_nobody(server: Server) -> None:
    await server.ask("/subscribe Space milestones mention <@&77>", channel="20")
    shown = await server.ask("/test Space milestones")
    assert "nobody was called" in render(shown).plain
    assert references(shown) == ["<#10>", "<#20>", "<@&77>"]
    shown = await server.ask("/test Space records")
    assert "would not go to <#20>" in render(shown).plain
    assert server.chat.posts == []


async def test_a_preview_has_the_figures_of_the_last_session(server: Server) -> None:
    await server.play()
    shown = await server.say("/test recap")
    assert "446,000 tuned in" in shown
    assert [button.label for button in (await server.ask("/test")).buttons][:3] == ["Start", "Milestone", "Record"]


async def test_a_channel_that_is_gone_is_shown_and_alerts_come_again_once_it_is_back(server: Server) -> None:
    hear = server.bot.parts.dispatcher
    await hear.put_out(platform="discord", chat="1", topic="10", why="the channel was deleted")
    assert "no more alerts, as the channel was deleted" in await server.say("/watches")
    assert "could not go to <#10>" in await server.say("/test")
    assert await server.play(NOON + 30 * MINUTE) == []
    await hear.let_in(platform="discord", chat="1", title="Fans", topic="10")
    assert topics(await server.play()) == {"10"}


async def test_servers_that_the_bot_was_put_out_of_meanwhile_are_left_alone_and_not_polled(server: Server) -> None:
    hear = server.bot.parts.dispatcher
    await hear.roll_call(platform="discord", chats=["2", "3"])
    assert await server.play(NOON + 30 * MINUTE) == []
    assert "Watches polled 0" in " ".join((await server.bot.say("/status")).split())
    await hear.roll_call(platform="discord", chats=["1", "2"])
    assert topics(await server.play()) == {"10"}


async def test_who_sets_up_a_channel_in_which_the_bot_may_not_post_is_told_at_once(server: Server) -> None:
    for line in ("/subscribe Space", f"/watch replay:{SPACE}"):
        shown = await server.say(line, lacks="Embed Links", **OPERATOR)
        assert "I may not post here: allow me “Embed Links”" in shown
        assert "may not post" not in await server.say(line, **OPERATOR)


# Who may


async def test_members_of_a_role_that_admins_allowed_set_things_up_but_name_no_others(server: Server) -> None:
    member: dict[str, Any] = {"is_admin": False, "roles": ("77", "78")}
    refused = await server.say("/mute Space", **member)
    assert "for admins" in refused
    assert "Manage Server" in refused
    shown = await server.ask("/settings admins <@&78> <@&79>")
    assert references(shown) == ["<@&78>", "<@&79>"]
    assert "muted until" in await server.say("/mute Space", **member)
    assert "for admins" in await server.say("/mute Space", is_admin=False, roles=("80",))
    assert "may manage the server" in await server.say("/settings admins <@&80>", **member)
    assert "may manage the server" in await server.say("/forget everything", **member)
    assert references(await server.ask("/settings")) == ["<@&78>", "<@&79>"]
    await server.ask("/settings admins none")
    assert "for admins" in await server.say("/mute Space", **member)


async def test_a_setting_of_admins_that_names_no_role_is_refused(server: Server) -> None:
    assert "Name one or more roles" in await server.say("/settings admins everybody")


async def test_who_asks_too_much_is_asked_to_wait_and_holds_up_no_other_chat(server: Server) -> None:
    for _ in range(125):
        last = await server.say("/live")
    assert "try again in" in last
    assert "try again" not in await server.say("/live", chat="2")
    assert "try again" not in await server.say("/live", **OPERATOR)
    server.bot.clock.now += 10 * MINUTE
    assert "try again" not in await server.say("/live")


# Forgetting


async def test_forgetting_asks_first_and_then_deletes_all_of_this_chat_and_of_no_other(server: Server) -> None:
    await server.ask(f"/watch replay:{SPACE} as Other", chat="2", **OPERATOR)
    await server.play(NOON + HOUR)
    shown = await server.ask("/forget")
    assert [button.command for button in shown.buttons] == ["/forget everything"]
    assert "1 watch" in render(shown).plain
    assert "Space" in await server.say("/watches")
    assert "write it out" in await server.say("/forget yes")
    assert "is deleted" in await server.say("/forget everything")
    assert "Nothing is watched here yet" in await server.say("/watches")
    assert "Nothing was to be sent" in await server.say("/deliveries")
    posts = await server.play()
    assert {post.target.chat for post in posts} == {"2"}
    assert "Nothing is kept" in await server.say("/forget everything", chat="3")


async def test_what_was_watched_in_private_for_nobody_else_is_deleted_with_its_history(server: Server) -> None:
    await server.play(NOON + HOUR)
    await server.ask("/forget everything")
    async with server.bot.parts.database.read() as connection:
        for table in ("chat", "watch", "session", "tally", "sample", "alert", "delivery", "subscription"):
            assert (await connection.exec_driver_sql(f"SELECT count(*) FROM {table}")).scalar() == 0, table
    await server.play(NOON + HOUR + 10 * MINUTE)  # and the poller bears it


async def test_deliveries_say_what_was_sent_and_what_could_not_be(server: Server) -> None:
    await server.play(NOON + HOUR)
    shown = await server.say("/deliveries")
    assert "12:01 UTC Space: start" in shown
    assert "Space: 100,000 participants" in shown
    assert "not sent" not in shown
    await server.ask("/subscribe Space recap")
    server.chat.fails("10", Refused("the post is too large"))
    await server.play(NOON + 4 * HOUR)
    assert "Space: recap – not sent: the post is too large" in await server.say("/deliveries")


async def test_what_waits_while_a_chat_mutes_is_not_sent_to_it(server: Server) -> None:
    server.chat.fails("10", *[TryLater("wait", retry_after=30 * MINUTE)])
    await server.play(NOON + 5 * MINUTE)
    await server.ask("/mute Space 8h")
    assert await server.play() == []


async def test_a_command_with_arguments_keeps_them_on_the_buttons_that_ask_which_one(server: Server) -> None:
    await server.ask(f"/watch json:{SPACE}", **OPERATOR)
    await server.ask("/unwatch Space")
    await server.ask(f"/watch replay:{SPACE} as One", **OPERATOR)
    async with server.bot.parts.database.write() as connection:
        await connection.exec_driver_sql("UPDATE chat_watch SET name = 'One'")
        two = await a_watch(connection, "two")
        await watches.follow(connection, chat_id=1, watch_id=two.id, name="Two", now=NOON)
    shown = await server.ask("/mute off")
    assert [button.command for button in shown.buttons] == ["/mute One off", "/mute Two off"]
    shown = await server.ask("/subscribe Onne records at 100")
    assert [button.command for button in shown.buttons] == ["/subscribe One records at 100"]
    shown = await server.ask("/mute off", elsewhere=True)
    assert shown.buttons == ()
    shown = await server.ask("/mute off", elsewhere=True, platform="telegram")
    assert shown.buttons == ()  # nothing is watched there


async def test_forgetting_another_place_names_it_and_confirms_for_it(server: Server) -> None:
    shown = await server.ask("/forget", elsewhere=True, platform="telegram", chat="-1005", topic=None)
    assert [button.command for button in shown.buttons] == ["/forget everything in -1005"]
    assert "/forget everything in -1005" in render(shown).plain
    shown = await server.ask("/forget yes", elsewhere=True, platform="telegram", chat="-1005", topic=None)
    assert "/forget everything in -1005" in render(shown).plain


async def test_alerts_come_again_by_watching_again(server: Server) -> None:
    await server.ask("/unsubscribe Space")
    assert "come here from now on" in await server.say(f"/watch replay:{SPACE}", **OPERATOR)
    shown = await server.ask(f"/watch replay:{SPACE}", channel="30", elsewhere=True, **OPERATOR)
    assert references(shown) == ["<#30>"]
    assert topics(await server.play()) == {"10", "30"}


# Names


async def test_names_that_could_be_meant_are_offered_as_buttons(server: Server) -> None:
    shown = await server.ask("/stats Spcae")
    assert [button.command for button in shown.buttons] == ["/stats Space"]
    assert (await server.ask("/stats Spcae", elsewhere=True)).buttons == ()


async def test_kinds_are_completed_one_after_another(server: Server) -> None:
    suggest = server.bot.parts.dispatcher.suggest

    async def offered(typed: str) -> list[str]:
        return await suggest(
            Request(platform="discord", chat="1", command="subscribe"), param="kinds", typed=typed
        )

    assert await offered("") == ["start", "milestones", "records", "recap", "outages", "reminder", "close"]
    assert await offered("rec") == ["records", "recap"]
    assert (await offered("records"))[:3] == ["records", "records start", "records milestones"]
    assert await offered("records m") == ["records milestones"]


async def test_the_admin_who_set_alerts_up_is_told_once_what_is_missing_and_where(server: Server) -> None:
    server.chat.fails("10", *[NotPermitted("allow me “Embed Links” there")] * 2)
    await server.play(NOON + 10 * MINUTE)
    ((user, message),) = server.chat.told
    assert user == "5"
    assert references(message) == ["<#10>"]
    told = render(message).plain
    assert "Alerts of Space cannot come to <#10> in Fans." in told
    assert "Allow me “Embed Links” there" in told
    assert "alerts cannot come" not in await server.say("/watches")  # it was mended meanwhile
    assert {post.target.topic for post in server.chat.posts} == {"10"}


async def test_the_admin_is_told_that_a_place_is_gone_and_what_to_do(server: Server) -> None:
    server.chat.fails("10", TopicGone("the thread is locked"))
    await server.play(NOON + 10 * MINUTE)
    ((_, message),) = server.chat.told
    told = render(message).plain
    assert "no longer go to <#10> in Fans" in told
    assert "The thread is locked" in told
    assert server.chat.posts == []
