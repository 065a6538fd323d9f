"""Several processes on one database: who holds what, who asks whom, and what one has to say through another."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("watch", sa.Column("holder", sa.Text(), nullable=True))
    op.add_column("watch", sa.Column("claimed_until", sa.BigInteger(), nullable=True))
    op.add_column("watch", sa.Column("ends", sa.BigInteger(), nullable=True))
    ended = sa.text("ends IS NOT NULL")
    op.create_index(
        op.f("ix_watch_ends"), "watch", ["ends"], unique=False, sqlite_where=ended, postgresql_where=ended
    )
    for name in ("ends", "deletions"):
        op.add_column("revision", sa.Column(name, sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("delivery", sa.Column("platform", sa.Text(), nullable=True))
    op.execute(
        "UPDATE delivery SET platform = (SELECT chat.platform FROM chat WHERE chat.id = delivery.chat_id)"
        " WHERE state IN ('pending', 'leased', 'held')"
    )
    op.drop_index(op.f("ix_delivery_owed"), table_name="delivery")
    op.drop_index(op.f("ix_delivery_session_id_kind"), table_name="delivery")
    owed, digest = sa.text("state IN ('pending', 'leased')"), sa.text("digest_id IS NOT NULL")
    for name, columns, which in (
        ("due", ["platform", "due_at", "id"], owed),
        ("chat_id_state", ["chat_id", "state", "id"], None),
        ("session_id_kind", ["session_id", "kind", "chat_id"], None),
        ("digest_id", ["digest_id"], digest),
    ):
        op.create_index(
            op.f(f"ix_delivery_{name}"),
            "delivery",
            columns,
            unique=False,
            sqlite_where=which,
            postgresql_where=which,
        )
    op.create_index(op.f("ix_alert_expires_at"), "alert", ["expires_at"], unique=False)
    op.create_table(
        "lease",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_lease")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "process",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("roles", sa.Text(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("seen_until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_process")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "notice",
        sa.Column("id", ID, nullable=False),
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("watch_id", ID, nullable=True),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["watch_id"], ["watch.id"], name=op.f("fk_notice_watch_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notice")),
    )
