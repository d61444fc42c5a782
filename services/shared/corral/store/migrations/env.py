"""Run by Alembic for every command; the connection and the schema come in the configuration's attributes."""

from alembic import context

from corral.store.tables import metadata

connection = context.config.attributes["connection"]
schema = context.config.attributes["schema"]

context.configure(
    connection=connection,
    target_metadata=metadata(schema),
    version_table_schema=schema,
    include_schemas=True,
    include_name=lambda name, kind, _parents: kind != "schema" or name == schema,
    compare_server_default=True,
)
with context.begin_transaction():
    context.run_migrations()
