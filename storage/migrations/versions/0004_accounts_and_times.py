"""Whom a watch follows whatever it is called, which watches share calls, and what is told by the clock."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column("chat", sa.Column("patience", sa.Integer(), nullable=True))
    op.add_column("subscription", sa.Column("remind_before", sa.Integer(), nullable=True))
    # Outages are for all who took all that there was; who chose single kinds goes on with these.
    op.execute(
        "UPDATE subscription SET kinds = kinds || 'outage,' WHERE kinds LIKE '%,ended,%'"
        " AND kinds LIKE '%,record,%' AND kinds LIKE '%,milestone,%' AND kinds NOT LIKE '%,outage,%'"
    )
    op.add_column("watch", sa.Column("kind", sa.Text(), server_default="", nullable=False))
    op.add_column("watch", sa.Column("account", sa.Text(), nullable=True))
    op.create_index(op.f("ix_watch_source_account"), "watch", ["source", "account"], unique=False)
    # Whom a name meant when it was first looked up.
    op.execute(
        "UPDATE watch SET account = (SELECT memory.value FROM memory"
        " WHERE memory.subject = watch.source || ' account'"
        " AND memory.key = watch.reference) WHERE source IN ('twitch', 'kick')"
    )
    # Single Spaces are asked for in calls of their own, whose references have no @.
    op.execute("UPDATE watch SET kind = 'space' WHERE source = 'x' AND reference NOT LIKE '@%'")
    scheduled = sa.text("state = 'scheduled'")
    op.create_index(
        op.f("ix_session_scheduled"),
        "session",
        ["started_at"],
        unique=False,
        sqlite_where=scheduled,
        postgresql_where=scheduled,
    )
    for name, table, column, part in (
        ("ix_watch_trouble_since", "watch", "trouble_since", sa.text("trouble_since IS NOT NULL")),
        ("ix_alert_outage", "alert", "at", sa.text("kind = 'outage'")),
    ):
        op.create_index(op.f(name), table, [column], unique=False, sqlite_where=part, postgresql_where=part)
