"""What is typed in the walk: for each command lines that work, without arguments, mistaken, and by who may not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

Who = Literal["operator", "admin", "member"]

TELEGRAM, DISCORD = "telegram", "discord"
#: The sample session, which is on the air, and a station of our own, which was.
SPACE, NIGHT = "space.jsonl", "night.jsonl"
WATCH_SPACE = f"/watch replay:{SPACE} as PTI Space"
WATCH_NIGHT = f"/watch replay:{NIGHT} as Night Radio"
#: The entry of the sample's record book; for all chats, number 1.
BOOK = (
    '/record add 44,000 peak "K-POP Lyrical Space" on x https://tribune.com.pk/story/2353587 '
    "disputed at-least everywhere"
)


@dataclass(frozen=True)
class Line:
    """What somebody does.

    Attributes:
        text: What is typed on Telegram; on Discord the command's name counts, and what is filled in.
        options: What is filled in on Discord; ``#news`` is that channel, ``<@&fans>`` that role.
        empty: In a chat that watches nothing.
        tap: The button or value below the last answer that is tapped; nothing is typed then.
    """

    text: str = ""
    options: Mapping[str, str] = field(default_factory=dict)
    who: Who = "admin"
    only: str | None = None
    empty: bool = False
    tap: str | None = None


@dataclass(frozen=True)
class Part:
    """A command's lines, given in a chat of its own.

    Attributes:
        before: What the operator set up there.
        early: That was before time passed, so that the chat has had its alerts.
    """

    lines: Sequence[Line]
    before: Sequence[str] = (WATCH_SPACE,)
    early: bool = False


def line(text: str, *, who: Who = "admin", only: str | None = None, empty: bool = False, **options: str) -> Line:
    return Line(text, options, who, only, empty)


def tap(label: str, *, who: Who = "admin", only: str | None = None, empty: bool = False) -> Line:
    return Line(tap=label, who=who, only=only, empty=empty)


PTI = "PTI Space"

PARTS: dict[str, Part] = {
    "start": Part([line("/start"), line("/start", who="member")], before=()),
    "help": Part(
        [
            line("/help", who="operator"),
            line("/help"),
            line("/help", who="member"),
            line("/help milestones", command="milestones"),
            line("/help nothing", command="nothing"),
            line("/stast@MilepostBot", only=TELEGRAM),
        ],
        before=(),
    ),
    "live": Part([line("/live"), line("/live", who="member"), line("/live", empty=True)]),
    "stats": Part(
        [
            line("/stats"),
            line("/stats PTI Space", who="member", name=PTI),
            line("/stats Nigth Radoi", name="Nigth Radoi"),
            tap("Night Radio", who="member"),
            line("/stats Nothing", name="Nothing"),
            line("/stats", empty=True),
        ],
        before=(WATCH_SPACE, WATCH_NIGHT),
    ),
    "chart": Part(
        [
            line("/chart PTI Space", who="member", name=PTI),
            line("/chart PTI Space dark tall", name=PTI, look="dark tall"),
            line("/chart Nothing", name="Nothing"),
            line("/chart", empty=True),
        ]
    ),
    "records": Part(
        [
            line("/records", who="member"),
            line("/records platform", scope="platform"),
            line("/records", who="admin"),
            line("/records platform tuned_in", scope="platform", measure="tuned_in"),
            line("/records compare peak and tuned in", only=TELEGRAM),
            line("/records nothing", only=TELEGRAM),
            line("/records", empty=True),
        ],
        before=(WATCH_SPACE, WATCH_NIGHT),
    ),
    "top": Part(
        [
            line("/top", who="member"),
            line("/top average Night Radio month", measure="average", scope="Night Radio", period="month"),
            line("/top peak platform", measure="peak", scope="platform"),
            line("/top peak gossip", measure="peak", scope="gossip"),
            line("/top", empty=True),
        ],
        before=(WATCH_SPACE, WATCH_NIGHT),
    ),
    "compare": Part(
        [
            line("/compare Night Radio", who="member", a="Night Radio"),
            line("/compare PTI Space", a=PTI),
            line("/compare PTI Space Night Radio", a=PTI, b="Night Radio"),
            line("/compare Night Radio 2021-01-01", a="Night Radio", b="2021-01-01"),
            line("/compare PTI Space Nothing", a=PTI, b="Nothing"),
            line("/compare", empty=True),
        ],
        before=(WATCH_SPACE, WATCH_NIGHT),
    ),
    "history": Part(
        [
            line("/history Night Radio", who="member", name="Night Radio"),
            line("/history PTI Space 7", name=PTI, page="7"),
            line("/history Nothing", name="Nothing"),
            line("/history", empty=True),
        ],
        before=(WATCH_SPACE, WATCH_NIGHT),
    ),
    "tie": Part(
        [
            line("/tie"),
            line("/tie PTI Space", a=PTI),
            line("/tie PTI Space Night Radio as Both", a=PTI, b="Night Radio", name="Both"),
            line(
                "/tie PTI Space Night Radio as Both anyway", a=PTI, b="Night Radio", name="Both", anyway="anyway"
            ),
            line("/stats Both", name="Both"),
            line("/history Both", name="Both"),
            line("/tie PTI Space Nothing", a=PTI, b="Nothing"),
            line("/tie", who="member"),
        ],
        before=(WATCH_SPACE, WATCH_NIGHT),
    ),
    "untie": Part(
        [
            line("/untie Nothing", name="Nothing"),
            line("/untie both", who="member", name="both"),
            line("/untie both", name="both"),
            line("/untie both", name="both"),
        ],
        before=(WATCH_SPACE, WATCH_NIGHT, "/tie PTI Space Night Radio as Both anyway"),
    ),
    "export": Part(
        [
            line("/export", who="member"),
            line("/export PTI Space json", name=PTI, format="json"),
            line("/export Night Radio csv 1999", name="Night Radio", format="csv", period="1999"),
            line("/export PTI Space csv gossip", name=PTI, format="csv", period="gossip"),
            line("/export Nothing", name="Nothing"),
            line("/export", empty=True),
        ],
        before=(WATCH_SPACE, WATCH_NIGHT),
    ),
    "watch": Part(
        [
            line(WATCH_SPACE, who="operator", address=f"replay:{SPACE}", name=PTI),
            line(WATCH_SPACE, who="operator", address=f"replay:{SPACE}", name=PTI),
            Line(
                f"/watch replay:{NIGHT} in @news",
                {"address": f"replay:{NIGHT}", "in": "#news"},
                who="operator",
            ),
            line("/watch", only=TELEGRAM),
            line("/watch nonsense", address="nonsense"),
            line("/watch replay:nowhere.jsonl", who="operator", address="replay:nowhere.jsonl"),
            line(f"/watch replay:{SPACE}", address=f"replay:{SPACE}"),
            line(f"/watch replay:{SPACE}", who="member", address=f"replay:{SPACE}"),
        ],
        before=(),
    ),
    "unwatch": Part(
        [
            line("/unwatch", only=TELEGRAM),
            line("/unwatch PTI", name="PTI"),
            line("/unwatch Nothing", name="Nothing"),
            line("/unwatch PTI Space", who="member", name=PTI),
            line("/unwatch PTI Space", name=PTI),
            line("/unwatch PTI Space", name=PTI),
        ]
    ),
    "watches": Part(
        [line("/watches"), line("/watches", who="member"), line("/watches", empty=True)],
        before=(WATCH_SPACE, WATCH_NIGHT, "/subscribe Night Radio recap", "/mute PTI Space 2h"),
    ),
    "subscribe": Part(
        [
            line("/subscribe"),
            line(
                "/subscribe PTI Space milestones records at 50k 100k",
                name=PTI,
                kinds="milestones records",
                ladder="50k 100k",
            ),
            line("/subscribe PTI Space mention here", name=PTI, mention="here"),
            line("/subscribe PTI Space +reminder 1h -records", name=PTI, kinds="+reminder 1h -records"),
            line("/subscribe PTI Space records 1h", name=PTI, kinds="records 1h"),
            Line(
                "",
                {"name": PTI, "kinds": "start", "mention": "@fans", "in": "#news"},
                only=DISCORD,
            ),
            line("/subscribe PTI Space mention @strangers", name=PTI, mention="@strangers"),
            line("/subscribe PTI Space gossip", name=PTI, kinds="gossip"),
            line("/subscribe Nothing", name="Nothing"),
            line("/subscribe PTI Space", who="member", name=PTI),
            line("/subscribe", empty=True),
        ]
    ),
    "unsubscribe": Part(
        [
            line("/unsubscribe Nothing", name="Nothing"),
            line("/unsubscribe PTI Space", who="member", name=PTI),
            line("/unsubscribe PTI Space", name=PTI),
            line("/unsubscribe"),
        ]
    ),
    "mute": Part(
        [
            line("/mute PTI Space 2d", name=PTI, time="2d"),
            line("/mute"),
            line("/mute PTI Space off", name=PTI, time="off"),
            line("/mute PTI Space 800d", name=PTI, time="800d"),
            line("/mute PTI Space", who="member", name=PTI),
        ]
    ),
    "milestones": Part(
        [
            line("/milestones"),
            line("/milestones PTI Space 50k 100k 150k", name=PTI, thresholds="50k 100k 150k"),
            line("/milestones PTI Space 5x", name=PTI, thresholds="5x"),
            line("/milestones PTI Space default", name=PTI, thresholds="default"),
            line("/milestones", who="member"),
            line("/milestones", empty=True),
        ]
    ),
    "test": Part(
        [
            line("/test"),
            tap("Record"),
            line("/test PTI Space start", name=PTI, kind="start"),
            line("/test PTI Space recap", name=PTI, kind="recap"),
            line("/test PTI Space reminder", name=PTI, kind="reminder"),
            tap("Outage"),
            tap("Milestone", who="member"),
            line("/test Nothing", name="Nothing"),
            line("/test", who="member"),
            line("/test", empty=True),
        ]
    ),
    "settings": Part(
        [
            line("/settings"),
            line("/settings timezone Berlin", setting="timezone", value="Berlin"),
            line("/settings timezone Berln", setting="timezone", value="Berln"),
            line("/settings timezone", setting="timezone"),
            line("/settings patience 30m", setting="patience", value="30m"),
            line("/settings patience off", setting="patience", value="off"),
            line("/settings patience long", setting="patience", value="long"),
            line("/settings across on", setting="across", value="on"),
            line("/settings across", setting="across"),
            line("/settings admins @fans", setting="admins", value="<@&fans>"),
            line("/settings", who="operator"),
            line("/settings admins", setting="admins"),
            line("/settings colour blue", only=TELEGRAM),
            line("/settings", who="member"),
            line("/settings", empty=True),
            tap("Patience", empty=True),
            tap("1 h", empty=True),
            tap("3 h", who="member", empty=True, only=TELEGRAM),  # on Discord only who asked sees it
            tap("Back", empty=True),
            tap("Across platforms", empty=True),
            tap("On", empty=True),
        ]
    ),
    "record": Part(
        [
            line(
                '/record add 57,000 peak "A Space" on x 2022-03-15 https://example.org/report at-least',
                action="add",
                details='57,000 peak "A Space" on x 2022-03-15 https://example.org/report at-least',
            ),
            line(
                "/record dispute 2 Others say *41,000*",
                action="dispute",
                details="2 Others say *41,000*",
            ),
            line("/records", who="member"),
            line("/record remove 2", action="remove", details="2"),
            line(
                "/record add 60k peak Another Space on x on 1 May 2024",
                action="add",
                details="60k peak Another Space on x on 1 May 2024",
            ),
            line(
                "/record add 60k peak Another Space on x on 1/5/2024",
                action="add",
                details="60k peak Another Space on x on 1/5/2024",
            ),
            line("/record dispute PTI Space Bots", action="dispute", details="PTI Space Bots"),
            line("/record dispute PTI Space", action="dispute", details="PTI Space"),
            line("/record restore PTI Space", action="restore", details="PTI Space"),
            line("/record log", action="log"),
            line("/record remove 1", action="remove", details="1"),
            line("/record add 5 peak someone on moon", action="add", details="5 peak someone on moon"),
            line("/record add", action="add"),
            line("/record", only=TELEGRAM),
            line("/record remove 1", who="member", action="remove", details="1"),
        ]
    ),
    "deliveries": Part(
        [
            line("/deliveries"),
            line("/deliveries failed", which="failed"),
            line("/deliveries", who="member"),
            line("/deliveries", empty=True),
        ],
        early=True,
    ),
    "forget": Part(
        [
            line("/forget"),
            tap("Delete everything", who="member"),
            line("/forget everything", who="member", confirm="everything"),
            line("/forget it", only=TELEGRAM),
            line("/forget"),
            tap("Delete everything"),
            line("/forget everything", confirm="everything"),
        ]
    ),
    "status": Part([line("/status", who="operator"), line("/status"), line("/status", who="member")], before=()),
}

#: The chat to which every kind of alert comes; here it is only set up.
ALERTS = "alerts"
ALERTS_PART = Part((), before=(WATCH_NIGHT,), early=True)
#: On Discord each alert also calls who is here.
CALLS = "/subscribe Night Radio mention here"


def night() -> list[Mapping[str, object]]:
    """Return a recording with all that is told: a first session; a second that beats it, ends and comes back."""
    lines: list[Mapping[str, object]] = [
        {
            "replay": 1,
            "platform": "icecast",
            "watch": "Night Radio",
            "unit": "listeners",
            "interval": 60,
            "timezone": "Asia/Karachi",
        }
    ]
    minutes: list[tuple[str, int | None]] = [
        *(("first", value) for value in (80, 95, 120, 150, 140)),
        *(("", None),) * 8,
        *(("second", value) for value in (60, 110, 180, 260, 240)),
        *(("", None),) * 8,
        *(("second", value) for value in (230, 280)),
        *(("", None),) * 8,
    ]
    for minute, (session, value) in enumerate(minutes):
        at = f"2022-04-20T17:{minute:02}:00Z"
        if value is None:
            lines.append({"at": at, "state": "offline"})
        else:
            title = "Late & <Live> *songs* @everyone"
            lines.append({"at": at, "session": session, "state": "live", "title": title, "concurrent": value})
    return lines
