"""Language, hours, words of a chat; what was held for the morning; watches with a page."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
STATES = "state IN ('pending', 'leased', 'held', 'sent', 'dead', 'superseded', 'expired')"


def upgrade() -> None:
    for name in ("locale", "counting", "quiet", "theme", "mention", "style"):
        op.add_column("chat", sa.Column(name, sa.Text(), nullable=True))
    op.add_column("chat_watch", sa.Column("published_at", sa.BigInteger(), nullable=True))
    op.add_column("delivery", sa.Column("edited_at", sa.BigInteger(), nullable=True))
    op.add_column("delivery", sa.Column("digest_id", ID, nullable=True))
    with op.batch_alter_table("delivery") as batch:
        batch.drop_constraint(op.f("ck_delivery_state"), type_="check")
        batch.create_check_constraint(op.f("ck_delivery_state"), STATES)
    held = sa.text("state = 'held'")
    op.create_index(
        op.f("ix_delivery_held"), "delivery", ["due_at"], unique=False, sqlite_where=held, postgresql_where=held
    )
    op.create_table(
        "wording",
        sa.Column("chat_id", ID, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=True),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["chat_id"], ["chat.id"], name=op.f("fk_wording_chat_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("chat_id", "kind", name=op.f("pk_wording")),
        sqlite_with_rowid=False,
    )
