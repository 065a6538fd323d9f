"""Where alerts go and whom they call, who may set things up, and what went wrong there."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("chat", sa.Column("roles", sa.Text(), nullable=True))
    for name, kind in (
        ("topic_title", sa.Text()),
        ("mention", sa.Text()),
        ("mentioned_at", sa.BigInteger()),
        ("made_by", sa.Text()),
        ("disabled_at", sa.BigInteger()),
        ("disabled_why", sa.Text()),
        ("problem", sa.Text()),
    ):
        op.add_column("subscription", sa.Column(name, kind, nullable=True))
    op.create_table(
        "installation",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_installation_single")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_installation")),
    )
