"""Menus, on every chat that has buttons: a tap types its command, and the answer takes the menu's place."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from bot.ports.chat import Target
from bot.ports.command import Request
from bot.ports.message import Button, Message, Option, Select, Span, says
from tests.contracts.chats import STANDS, Stand, knowing
from tests.contracts.test_chat import OUTSIDE, on

LENGTHS = ("5 min", "15 min", "30 min", "1 h", "3 h", "6 h")


@pytest.fixture
async def stand(request: pytest.FixtureRequest) -> AsyncIterator[Stand]:
    async with request.param.open() as stand:
        yield stand


def menu(chosen: str = "15 min", *, offered: tuple[str, ...] = LENGTHS) -> Message:
    options = tuple(Option(label=one, command=f"/subscribe {one}", chosen=one == chosen) for one in offered)
    return Message(
        symbol="⚙️",
        title=(Span(f"Told after {chosen}"),),
        selects=(Select("Patience", options),),
        buttons=(Button("Back", command="/subscribe"), Button("Site", url="https://example.org/x")),
        menu=True,
    )


def obeying(request: Request) -> Message:
    """Answer as a menu of what only admins may change."""
    if not request.is_admin:
        return says("That is for admins of this chat.", symbol="🔒")
    return menu(request.text) if request.text else menu()


async def opened(stand: Stand, message: Message) -> tuple[Target, str]:
    """Open a menu in a new place; return that, and the key of the message."""
    place = stand.place()
    seen = await stand.answered(message, at=place)
    assert seen.key is not None
    stand.heard.reply, stand.heard.replies = None, obeying
    return place, seen.key


@on(knowing("buttons"))
async def test_values_are_offered_and_what_is_set_is_marked(stand: Stand) -> None:
    place = stand.place()
    await stand.chat.send(stand.post(place, menu("30 min")))
    (seen,) = stand.seen(place)
    wanted = [(one, f"/subscribe {one}") for one in LENGTHS]
    assert seen.buttons == (*wanted, ("Back", "/subscribe"), ("Site", "https://example.org/x"))
    assert seen.chosen == ("30 min",)


@on(knowing("buttons"))
async def test_a_tap_changes_the_menu_in_its_place(stand: Stand) -> None:
    place, key = await opened(stand, menu())
    before = len(stand.heard.requests)
    for label in ("30 min", "3 h", "3 h", "Back"):
        assert await stand.tap(label, at=place, key=key) is None
        (seen,) = stand.seen(place)
        now = "15 min" if label == "Back" else label
        assert (seen.key, seen.text, seen.chosen) == (key, f"⚙️ Told after {now}", (now,))
    told = [(one.command, one.text, one.is_admin) for one in stand.heard.requests[before:]]
    assert told == [("subscribe", text, True) for text in ("30 min", "3 h", "3 h", "")]


@on(knowing("buttons"))
async def test_few_values_are_a_tap_each(stand: Stand) -> None:
    place, key = await opened(stand, menu("On", offered=("On", "Off")))
    stand.heard.replies = lambda request: menu(request.text, offered=("On", "Off"))
    await stand.tap("Off", at=place, key=key)
    (seen,) = stand.seen(place)
    assert (seen.key, seen.chosen) == (key, ("Off",))


@on(knowing("buttons"))
async def test_who_may_not_is_told_in_private_and_the_menu_stays(stand: Stand) -> None:
    place, key = await opened(stand, menu())
    before = stand.seen(place)
    told = await stand.tap("3 h", at=place, key=key, admin=False)
    assert told is not None
    assert "for admins" in told
    assert [one.is_admin for one in stand.heard.requests[1:]] == [False]
    assert stand.seen(place) == before


@on(knowing("buttons"))
async def test_an_answer_that_is_no_menu_leaves_the_menu_as_it_is(stand: Stand) -> None:
    place, key = await opened(stand, menu())
    before = {one.key: one for one in stand.seen(place)}
    stand.heard.replies = lambda request: says("That cannot be.", symbol="❔")
    await stand.tap("3 h", at=place, key=key)
    after = {one.key: one for one in stand.seen(place)}
    assert after[key] == before[key]


@on(knowing("buttons"))
async def test_a_post_is_never_replaced_by_the_menu_that_its_button_opens(stand: Stand) -> None:
    place = stand.place()
    alert = Message(title=(Span("Night Radio reached 100"),), buttons=(Button("Settings", command="/subscribe"),))
    key = await stand.chat.send(stand.post(place, alert))
    assert key is not None
    stand.heard.replies = obeying
    await stand.tap("Settings", at=place, key=key)
    texts = {one.key: one.text for one in stand.seen(place)}
    assert texts[key] == "Night Radio reached 100"


@on(knowing("buttons"))
async def test_a_menu_that_was_deleted_comes_anew(stand: Stand) -> None:
    place, key = await opened(stand, menu())
    await stand.lose(place, key)
    told = await stand.tap("3 h", at=place, key=key)
    # Telegram does not tell in which topic a message was that is gone.
    places = [place, replace(place, topic=None)] if stand.name == "telegram" else [place]
    texts = [told or "", *(one.text for where in places for one in stand.seen(where))]
    assert sum("Told after 3 h" in text for text in texts) == 1


@on(knowing("buttons"))
@pytest.mark.parametrize("count", [25, 26, 60, 300])
async def test_more_values_than_fit_leave_what_is_set_and_the_way_back(stand: Stand, count: int) -> None:
    offered = tuple(f"number {number}" for number in range(count))
    place = stand.place()
    key = await stand.chat.send(stand.post(place, menu(offered[-1], offered=offered)))
    (seen,) = stand.seen(place)
    labels = [label for label, _ in seen.buttons]
    assert labels[:20] == list(offered[:20])
    assert labels[-2:] == ["Back", "Site"]
    assert seen.chosen == (offered[-1],)
    if count <= 60:
        assert labels[:-2] == list(offered)
    assert key is not None
    stand.heard.replies = obeying
    await stand.tap(offered[-1], at=place, key=key)
    assert stand.heard.requests[-1].text == offered[-1]


@on(knowing("buttons"))
@pytest.mark.parametrize("text", [*OUTSIDE.values(), "x" * 500, "👩\u200d👩\u200d👧\u200d👦" * 80])
async def test_labels_of_any_length_and_kind_are_taken(stand: Stand, text: str) -> None:
    options = tuple(
        Option(label=f"{number}{text}", command=f"/subscribe {number}", about=text, chosen=number < 2)
        for number in range(7)
    )
    message = replace(menu(), selects=(Select(text, options), Select(text, options[:2])))
    place = stand.place()
    await stand.chat.send(stand.post(place, message))
    (seen,) = stand.seen(place)
    assert [what for _, what in seen.buttons][:7] == [f"/subscribe {number}" for number in range(7)]
    assert [label[0] for label, _ in seen.buttons][:7] == list("0123456")


@on(knowing("buttons"))
async def test_values_that_lead_nowhere_are_left_out(stand: Stand) -> None:
    options = (
        Option(label="", command="/subscribe 1"),
        Option(label="\u202e\u200b", command="/subscribe 2", chosen=True),
        Option(label="No such command", command="/nothing"),
        Option(label="None", command="/"),
        Option(label="Well", command="/subscribe 3"),
        Option(label="Bare", command="subscribe 4"),
    )
    place = stand.place()
    await stand.chat.send(stand.post(place, Message(title=(Span("x"),), selects=(Select("x", options),))))
    await stand.chat.send(stand.post(place, Message(title=(Span("x"),), selects=(Select("", options[:4]),))))
    first, second = stand.seen(place)
    told = [(label, what.removeprefix("/")) for label, what in first.buttons]
    assert told == [("Well", "subscribe 3"), ("Bare", "subscribe 4")]
    assert second.buttons == ()


@on([one for one in STANDS if "buttons" not in one.knows])
async def test_where_nothing_is_tapped_each_value_has_its_line(stand: Stand) -> None:
    place = stand.place()
    await stand.chat.send(stand.post(place, menu("30 min")))
    (seen,) = stand.seen(place)
    lines = seen.text.splitlines()
    assert lines[0] == "⚙️ Told after 30 min"
    assert [line.split() for line in lines[3:5]] == [
        ["✓", "30", "min", "/subscribe", "30", "min"],
        ["1", "h", "/subscribe", "1", "h"],
    ]
    assert lines[-1].split() == ["›", "Back", "/subscribe"]
