"""Alembic's entry: migrates the connection that ``storage.migrations.upgrade`` hands over."""

from __future__ import annotations

from alembic import context

from storage.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,  # off for SQLite unless set
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
