"""Alembic's entry: migrates the connection that `migrate` hands over, in the transaction it is in."""

from alembic import context

from connector.store.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()
