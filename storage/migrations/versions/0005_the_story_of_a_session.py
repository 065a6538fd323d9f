"""Cards, ties, doubts about records, figures from elsewhere."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("chat", sa.Column("across", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("subscription", sa.Column("style", sa.Text(), nullable=True))
    op.add_column("subscription", sa.Column("resend", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("session", sa.Column("origin", sa.Text(), nullable=True))
    op.add_column("session", sa.Column("grown_at", sa.BigInteger(), nullable=True))
    grew = sa.text("grown_at IS NOT NULL")
    op.create_index(
        op.f("ix_session_grown_at"),
        "session",
        ["grown_at"],
        unique=False,
        sqlite_where=grew,
        postgresql_where=grew,
    )
    for name in ("made_by", "disputed_by", "removed_by"):
        op.add_column("book", sa.Column(name, sa.Text(), nullable=True))
    op.add_column("delivery", sa.Column("mention", sa.Text(), nullable=True))
    op.create_index(
        op.f("ix_alert_record"),
        "alert",
        ["at"],
        unique=False,
        sqlite_where=sa.text("kind = 'record'"),
        postgresql_where=sa.text("kind = 'record'"),
    )
    op.create_table(
        "card",
        sa.Column("subscription_id", ID, nullable=False),
        sa.Column("session_id", ID, nullable=False),
        sa.Column("number", sa.Integer(), server_default="1", nullable=False),
        sa.Column("message_key", sa.Text(), nullable=True),
        sa.Column("shown", sa.Text(), nullable=True),
        sa.Column("edited_at", sa.BigInteger(), nullable=True),
        sa.Column("looked_at", sa.BigInteger(), nullable=True),
        sa.Column("gone", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("over", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.ForeignKeyConstraint(
            ["session_id"], ["session.id"], name=op.f("fk_card_session_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["subscription_id"], ["subscription.id"], name=op.f("fk_card_subscription_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("subscription_id", "session_id", name=op.f("pk_card")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_card_session_id"), "card", ["session_id"], unique=False)
    op.create_table(
        "tie",
        sa.Column("id", ID, nullable=False),
        sa.Column("chat_id", ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["chat_id"], ["chat.id"], name=op.f("fk_tie_chat_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tie")),
        sa.UniqueConstraint("chat_id", "name", name=op.f("uq_tie_chat_id_name")),
    )
    op.create_table(
        "tie_watch",
        sa.Column("tie_id", ID, nullable=False),
        sa.Column("watch_id", ID, nullable=False),
        sa.ForeignKeyConstraint(["tie_id"], ["tie.id"], name=op.f("fk_tie_watch_tie_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["watch_id"], ["watch.id"], name=op.f("fk_tie_watch_watch_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tie_id", "watch_id", name=op.f("pk_tie_watch")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_tie_watch_watch_id"), "tie_watch", ["watch_id"], unique=False)
    for index, first in (
        ("ix_session_of_watch", ("watch_id",)),
        ("ix_session_of_platform", ("platform", "public")),
    ):
        op.create_index(
            op.f(index),
            "session",
            [*first, "first_at", "peak", "average", "tuned_in", "posts", "airtime", "state"],
            unique=False,
            sqlite_where=sa.text("state = 'ended'"),
            postgresql_where=sa.text("state = 'ended'"),
        )
    op.create_table(
        "doubt",
        sa.Column("id", ID, nullable=False),
        sa.Column("chat_id", ID, nullable=True),
        sa.Column("session_id", ID, nullable=False),
        sa.Column("measure", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("removed_at", sa.BigInteger(), nullable=True),
        sa.Column("removed_by", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["chat_id"], ["chat.id"], name=op.f("fk_doubt_chat_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["session_id"], ["session.id"], name=op.f("fk_doubt_session_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_doubt")),
    )
    op.create_index(op.f("ix_doubt_session_id"), "doubt", ["session_id"], unique=False)
