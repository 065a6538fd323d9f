"""What is kept. Moments are integer milliseconds since 1970 in UTC; ids are integers of our own.

Samples lie in a clustered table whose key begins with a quarter of an hour: a tick of all sessions then
writes to neighbouring pages, and retention is one range delete (measured: 9 times faster to write and 25
times less disk than a key that begins with the session). Alembic's comparison sees neither WITHOUT ROWID nor
CHECK, so the test of migrations compares the schema's text too.
"""

from __future__ import annotations

import sqlalchemy as sa

from storage.said import Said

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

#: 64 bits on PostgreSQL; on SQLite the type that makes an INTEGER PRIMARY KEY the row id itself.
Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Moment = sa.BigInteger()
#: Whole numbers are stored as integers by SQLite and come back as floats: see ``bot.domain.reading.plain``.
Figure = sa.Float()

chat = sa.Table(
    "chat",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("platform", sa.Text, nullable=False),
    sa.Column("key", sa.Text, nullable=False),  # the platform's id
    sa.Column("title", sa.Text),
    sa.Column("timezone", sa.Text),
    sa.Column("language", sa.Text),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("disabled_at", Moment),
    sa.Column("disabled_why", Said),
    sa.Column("roles", sa.Text),  # JSON list: ids of the roles whose members are admins, too
    sa.Column("patience", sa.Integer),  # milliseconds without figures of a live session before it is told
    sa.Column("across", sa.Boolean, nullable=False, server_default=sa.false()),  # compares across platforms
    sa.Column("locale", sa.Text),  # the language that its platform or who set it up suggests, until one is chosen
    sa.Column("counting", sa.Text),  # "lakh" or "million"; null: as the language counts
    sa.Column("quiet", sa.Text),  # JSON: see bot.domain.quiet
    sa.Column("theme", sa.Text),  # of its charts: "dark"; null is light
    sa.Column("mention", sa.Text),  # whom alerts of new watches call
    sa.Column("style", sa.Text),  # how they come: "card" or "both"; null is posts
    sa.UniqueConstraint("platform", "key"),
)

_TROUBLED = "trouble_since IS NOT NULL"
_ENDED = "ends IS NOT NULL"
watch = sa.Table(
    "watch",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("source", sa.Text, nullable=False),  # the word before the colon
    sa.Column("reference", sa.Text, nullable=False),
    sa.Column("platform", sa.Text, nullable=False),  # where its records count
    sa.Column("public", sa.Boolean, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("unit", sa.Text, nullable=False),
    sa.Column("metric", sa.Text, nullable=False),  # that ladders stand on
    sa.Column("daily", sa.Boolean, nullable=False),
    sa.Column("interval", sa.Integer, nullable=False),  # milliseconds between readings
    sa.Column("timezone", sa.Text, nullable=False),
    sa.Column("url", sa.Text),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("due_at", Moment),  # when to ask next; null while nobody watches
    sa.Column("asked_at", Moment),
    sa.Column("answered_at", Moment),
    sa.Column("trouble", Said),  # why the last answers were failures
    sa.Column("trouble_since", Moment),
    sa.Column("kind", sa.Text, nullable=False, server_default=""),  # watches of one kind share calls to the source
    sa.Column("account", sa.Text),  # the platform's own id of whom it follows, which outlives every name
    sa.Column("holder", sa.Text),  # the process that claimed it last, where several share a database
    sa.Column("claimed_until", Moment),  # so long that process is asking; null: nobody is
    sa.Column("ends", sa.BigInteger),  # revision.ends when its ended sessions changed last
    sa.UniqueConstraint("source", "reference"),
    sa.Index("ix_watch_due_at", "due_at"),
    sa.Index("ix_watch_source_account", "source", "account"),
    sa.Index(
        "ix_watch_trouble_since",
        "trouble_since",
        sqlite_where=sa.text(_TROUBLED),
        postgresql_where=sa.text(_TROUBLED),
    ),
    sa.Index(
        "ix_watch_ends",
        "ends",
        sqlite_where=sa.text(_ENDED),
        postgresql_where=sa.text(_ENDED),
    ),
)

#: Which chat watches what, and what it calls it there.
chat_watch = sa.Table(
    "chat_watch",
    metadata,
    sa.Column("chat_id", Id, sa.ForeignKey("chat.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("watch_id", Id, sa.ForeignKey("watch.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("published_at", Moment),  # since when anybody may read its page; null: nobody may
    sa.UniqueConstraint("chat_id", "name"),
    sa.Index("ix_chat_watch_watch_id", "watch_id"),
)

#: Where in a chat the alerts of a watch go, and which.
subscription = sa.Table(
    "subscription",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("chat_id", Id, sa.ForeignKey("chat.id", ondelete="CASCADE"), nullable=False),
    sa.Column("watch_id", Id, sa.ForeignKey("watch.id", ondelete="CASCADE"), nullable=False),
    sa.Column("topic", sa.Text, nullable=False, server_default=""),  # "" is the chat itself
    sa.Column("kinds", sa.Text, nullable=False),  # ",started,milestone,"
    sa.Column("ladder", sa.Text),  # JSON list of thresholds; null is the default ladder
    sa.Column("metric", sa.Text),  # that this ladder stands on; null is the watch's own
    sa.Column("muted_until", Moment),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("topic_title", sa.Text),  # what the platform calls the topic
    sa.Column("mention", sa.Text),  # whom to call: "here", or the platform's id of a role; null is nobody
    sa.Column("mentioned_at", Moment),
    sa.Column("made_by", sa.Text),  # the platform's id of the admin who made it
    sa.Column("disabled_at", Moment),  # the topic is closed or gone
    sa.Column("disabled_why", Said),
    sa.Column("problem", Said),  # the missing permission that its admin was told of
    sa.Column("remind_before", sa.Integer),  # milliseconds before an announced start; null is the default
    sa.Column("style", sa.Text),  # "card" or "both"; null is posts
    sa.Column(
        "resend", sa.Boolean, nullable=False, server_default=sa.false()
    ),  # a card that was buried comes anew
    sa.UniqueConstraint("watch_id", "chat_id", "topic"),
    sa.Index("ix_subscription_chat_id", "chat_id"),
)

_SCHEDULED = "state = 'scheduled'"
_GREW = "grown_at IS NOT NULL"
#: Rankings and histories are read from these indexes alone: only the few rows that are shown are looked up. SQLite
#: looks up the state in the row, unless the index has it, although it holds no other.
_ENDED = "state = 'ended'"
_RANKED = ("first_at", "peak", "average", "tuned_in", "posts", "airtime", "state")
session = sa.Table(
    "session",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("watch_id", Id, sa.ForeignKey("watch.id", ondelete="CASCADE"), nullable=False),
    sa.Column("platform", sa.Text, nullable=False),
    sa.Column("public", sa.Boolean, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("platform_ids", sa.Text, nullable=False),  # JSON list of the platform's ids, in order
    sa.Column("title", sa.Text),
    sa.Column("hosts", sa.Text, nullable=False),  # JSON list
    sa.Column("url", sa.Text),
    sa.Column("started_at", Moment),
    sa.Column("gone_at", Moment),
    sa.Column("ended_at", Moment),
    sa.Column("ends", sa.Integer, nullable=False),
    sa.Column("daily", sa.Boolean, nullable=False),
    # The measures as they stood at the end; null until then. What grows later is in the tally.
    sa.Column("first_at", Moment),
    sa.Column("peak", Figure),
    sa.Column("peak_at", Moment),
    sa.Column("average", Figure),
    sa.Column("tuned_in", Figure),
    sa.Column("views", Figure),
    sa.Column("posts", Figure),
    sa.Column("airtime", Figure),  # seconds
    sa.Column("coverage", Figure),
    sa.Column("grown_at", Moment),  # when a figure last grew after the end
    sa.Column("origin", sa.Text),  # where its figures come from, if they were imported; null: observed by us
    sa.CheckConstraint("state IN ('scheduled', 'live', 'ended')", name="state"),
    sa.Index("ix_session_watch_id_state", "watch_id", "state"),
    sa.Index("ix_session_platform_state", "platform", "state"),
    sa.Index("ix_session_grown_at", "grown_at", sqlite_where=sa.text(_GREW), postgresql_where=sa.text(_GREW)),
    sa.Index(
        "ix_session_scheduled",
        "started_at",
        sqlite_where=sa.text(_SCHEDULED),
        postgresql_where=sa.text(_SCHEDULED),
    ),
    *(
        sa.Index(name, *first, *_RANKED, sqlite_where=sa.text(_ENDED), postgresql_where=sa.text(_ENDED))
        for name, first in (
            ("ix_session_of_watch", ("watch_id",)),
            ("ix_session_of_platform", ("platform", "public")),
        )
    ),
)

#: Under which platform ids a session was seen.
session_key = sa.Table(
    "session_key",
    metadata,
    sa.Column("watch_id", Id, sa.ForeignKey("watch.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("session_id", Id, sa.ForeignKey("session.id", ondelete="CASCADE"), primary_key=True),
    sa.Index("ix_session_key_session_id", "session_id"),
    sqlite_with_rowid=False,
)

#: One row a session, kept as readings arrive: see ``bot.domain.statistics.Tally``.
tally = sa.Table(
    "tally",
    metadata,
    sa.Column("session_id", Id, sa.ForeignKey("session.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("first_at", Moment),
    sa.Column("last_at", Moment),
    sa.Column("last", Figure),
    sa.Column("confirmed", Figure),
    sa.Column("confirmed_at", Moment, nullable=False),
    sa.Column("confirmed_interval", sa.Integer, nullable=False),
    sa.Column("suspect", Figure),
    sa.Column("suspect_at", Moment, nullable=False),
    sa.Column("suspect_interval", sa.Integer, nullable=False),
    sa.Column("suspect_broken", sa.Boolean, nullable=False),
    sa.Column("broken", sa.Boolean, nullable=False),
    sa.Column("peak", Figure),
    sa.Column("peak_at", Moment),
    sa.Column("area", Figure, nullable=False),
    sa.Column("covered", Moment, nullable=False),
    sa.Column("readings", sa.Integer, nullable=False),
    sa.Column("glitches", sa.Integer, nullable=False),
    sa.Column("tuned_in", Figure),
    sa.Column("views", Figure),
    sa.Column("posts", Figure),
    sa.Column("tuned_in_high", Figure),
    sa.Column("views_high", Figure),
    sa.Column("posts_high", Figure),
    sa.Column("source_peak", Figure),
)

sample = sa.Table(
    "sample",
    metadata,
    sa.Column("bucket", sa.Integer, primary_key=True, autoincrement=False),  # quarter hours since 1970
    sa.Column("session_id", Id, primary_key=True, autoincrement=False),
    sa.Column("offset", sa.Integer, primary_key=True, autoincrement=False),  # milliseconds into the bucket
    sa.Column("state", sa.SmallInteger, nullable=False),  # see storage.samples
    sa.Column("interval", sa.Integer, nullable=False),  # seconds, in force when it was taken
    sa.Column("concurrent", Figure),
    sa.Column("tuned_in", Figure),
    sa.Column("views", Figure),
    sa.Column("posts", Figure),
    sa.Column("reason", sa.Text),
    sqlite_with_rowid=False,
)

_OUTAGE = "kind = 'outage'"
_RECORD = "kind = 'record'"
alert = sa.Table(
    "alert",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("session_id", Id, sa.ForeignKey("session.id", ondelete="CASCADE"), nullable=False),
    sa.Column("watch_id", Id, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("at", Moment, nullable=False),
    sa.Column("measure", sa.Text),
    sa.Column("before", Figure),
    sa.Column("value", Figure),
    sa.Column("late", sa.Boolean, nullable=False),
    sa.Column("expires_at", Moment, nullable=False),
    sa.UniqueConstraint("session_id", "key"),
    sa.Index("ix_alert_expires_at", "expires_at"),
    sa.Index("ix_alert_outage", "at", sqlite_where=sa.text(_OUTAGE), postgresql_where=sa.text(_OUTAGE)),
    sa.Index("ix_alert_record", "at", sqlite_where=sa.text(_RECORD), postgresql_where=sa.text(_RECORD)),
)

_OWED = "state IN ('pending', 'leased')"
_HELD = "state = 'held'"
_TOLD_WITH = "digest_id IS NOT NULL"
delivery = sa.Table(
    "delivery",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("alert_id", Id, sa.ForeignKey("alert.id", ondelete="CASCADE"), nullable=False),
    sa.Column("subscription_id", Id, nullable=False),
    sa.Column("session_id", Id, nullable=False),
    sa.Column("chat_id", Id, sa.ForeignKey("chat.id", ondelete="CASCADE"), nullable=False),
    sa.Column("topic", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("threshold", Figure),  # the rung, for a milestone
    sa.Column("scope", sa.SmallInteger),  # the widest scope broken, for a record
    sa.Column("detail", sa.Text),  # JSON: what the chat was told of the rivals
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("due_at", Moment, nullable=False),
    sa.Column("leased_until", Moment),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    sa.Column("settled_at", Moment),
    sa.Column("message_key", sa.Text),  # the platform's id of the post
    sa.Column("error", Said),
    sa.Column("mention", sa.Text),  # whom the post called
    sa.Column("edited_at", Moment),  # when the post was last brought up to date
    sa.Column(
        "digest_id", Id
    ),  # of the delivery whose post tells this one, too; what was held comes as one digest
    sa.Column("platform", sa.Text),  # of its chat; null where it was settled before it was written down
    sa.UniqueConstraint("alert_id", "subscription_id"),
    sa.CheckConstraint(
        "state IN ('pending', 'leased', 'held', 'sent', 'dead', 'superseded', 'expired')", name="state"
    ),
    #: What is due on a platform, in the order in which it is taken up: a backlog is not sorted anew each time.
    sa.Index(
        "ix_delivery_due",
        "platform",
        "due_at",
        "id",
        sqlite_where=sa.text(_OWED),
        postgresql_where=sa.text(_OWED),
    ),
    sa.Index("ix_delivery_chat_id_state", "chat_id", "state", "id"),
    sa.Index("ix_delivery_held", "due_at", sqlite_where=sa.text(_HELD), postgresql_where=sa.text(_HELD)),
    sa.Index("ix_delivery_session_id_kind", "session_id", "kind", "chat_id"),
    sa.Index(
        "ix_delivery_digest_id",
        "digest_id",
        sqlite_where=sa.text(_TOLD_WITH),
        postgresql_where=sa.text(_TOLD_WITH),
    ),
)

#: The live card of a session, one message for each subscription that wants it.
card = sa.Table(
    "card",
    metadata,
    sa.Column("subscription_id", Id, sa.ForeignKey("subscription.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("session_id", Id, sa.ForeignKey("session.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("number", sa.Integer, nullable=False, server_default="1"),  # how often it was posted
    sa.Column("message_key", sa.Text),  # the platform's id of the post that was edited last
    sa.Column("shown", sa.Text),  # what readers see of it, to tell whether anything has changed
    sa.Column("edited_at", Moment),
    sa.Column("looked_at", Moment),  # those looked at longest ago come first
    sa.Column("gone", sa.Boolean, nullable=False, server_default=sa.false()),  # deleted by hand: it stays so
    sa.Column("over", sa.Boolean, nullable=False, server_default=sa.false()),  # it has become the recap
    sa.Index("ix_card_session_id", "session_id"),
    sqlite_with_rowid=False,
)

#: Watches that show one event, as a chat sees it.
tie = sa.Table(
    "tie",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("chat_id", Id, sa.ForeignKey("chat.id", ondelete="CASCADE"), nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("created_at", Moment, nullable=False),
    sa.UniqueConstraint("chat_id", "name"),
)

tie_watch = sa.Table(
    "tie_watch",
    metadata,
    sa.Column("tie_id", Id, sa.ForeignKey("tie.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("watch_id", Id, sa.ForeignKey("watch.id", ondelete="CASCADE"), primary_key=True),
    sa.Index("ix_tie_watch_watch_id", "watch_id"),
    sqlite_with_rowid=False,
)

#: Values of sessions that count no more, as a chat's admin (without a chat: an operator) has said.
doubt = sa.Table(
    "doubt",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("chat_id", Id, sa.ForeignKey("chat.id", ondelete="CASCADE")),
    sa.Column("session_id", Id, sa.ForeignKey("session.id", ondelete="CASCADE"), nullable=False),
    sa.Column("measure", sa.Text, nullable=False),
    sa.Column("why", sa.Text, nullable=False),
    sa.Column("made_by", sa.Text),  # the platform's id of the person
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("removed_at", Moment),
    sa.Column("removed_by", sa.Text),
    sa.Index("ix_doubt_session_id", "session_id"),
)

#: Records known from outside. Without a chat they are everybody's.
book = sa.Table(
    "book",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("chat_id", Id, sa.ForeignKey("chat.id", ondelete="CASCADE")),
    sa.Column("watch_id", Id, sa.ForeignKey("watch.id", ondelete="CASCADE")),
    sa.Column("platform", sa.Text, nullable=False),
    sa.Column("measure", sa.Text, nullable=False),
    sa.Column("scope", sa.SmallInteger, nullable=False),
    sa.Column("value", Figure, nullable=False),
    sa.Column("holder", sa.Text, nullable=False),
    sa.Column("date", sa.Text),
    sa.Column("link", sa.Text),
    sa.Column("disputed", sa.Boolean, nullable=False),
    sa.Column("at_least", sa.Boolean, nullable=False),
    sa.Column("note", sa.Text),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("removed_at", Moment),
    sa.Column("made_by", sa.Text),  # the platform's ids of who added it, disputed it, removed it
    sa.Column("disputed_by", sa.Text),
    sa.Column("removed_by", sa.Text),
    sa.Index("ix_book_platform_measure", "platform", "measure"),
)

#: One row: counts every change of what is watched, subscribed or booked, so that a poller knows when what it
#: keeps in memory has aged; where several processes share a database, also how often sessions ended or were
#: deleted.
revision = sa.Table(
    "revision",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("value", sa.BigInteger, nullable=False),
    sa.Column("ends", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("deletions", sa.BigInteger, nullable=False, server_default="0"),
    sa.CheckConstraint("id = 1", name="single"),
)

#: What sources looked up and spent: see ``bot.ports.memory``.
memory = sa.Table(
    "memory",
    metadata,
    sa.Column("subject", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
    sqlite_with_rowid=False,
)

#: One row: what tells deliveries of this database from those of one that the same bot had before.
installation = sa.Table(
    "installation",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("key", sa.Text, nullable=False),
    sa.CheckConstraint("id = 1", name="single"),
)

#: A chat's own words for a kind of alert.
wording = sa.Table(
    "wording",
    metadata,
    sa.Column("chat_id", Id, sa.ForeignKey("chat.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("made_by", sa.Text),  # the platform's id of the admin who wrote it
    sa.Column("made_at", Moment, nullable=False),
    sqlite_with_rowid=False,
)

#: What one process at a time may do, where several share a database: see ``storage.leases``.
lease = sa.Table(
    "lease",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("holder", sa.Text, nullable=False),
    sa.Column("since", Moment, nullable=False),
    sa.Column("until", Moment, nullable=False),
    sqlite_with_rowid=False,
)

#: The processes that share a database, as long as they are heard of.
process = sa.Table(
    "process",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("label", sa.Text, nullable=False),  # the machine and the number of the process, for people
    sa.Column("roles", sa.Text, nullable=False),
    sa.Column("started_at", Moment, nullable=False),
    sa.Column("seen_until", Moment, nullable=False),
    sqlite_with_rowid=False,
)

#: What a process without a connection to the chats has to say to admins or operators in private.
notice = sa.Table(
    "notice",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("platform", sa.Text, nullable=False),  # of the chat that tells it
    sa.Column("watch_id", Id, sa.ForeignKey("watch.id", ondelete="CASCADE")),  # whose account is gone
    sa.Column("source", sa.Text),  # which refuses the bot
    sa.Column("why", Said, nullable=False),
    sa.Column("made_at", Moment, nullable=False),
)
