"""Run by Alembic: migrate over the connection that was handed in."""

from alembic import context

attributes = context.config.attributes
connection = attributes["connection"]
# SQLite cannot alter most things in place; in batch mode the table is copied.
context.configure(
    connection=connection,
    target_metadata=attributes["metadata"],
    render_as_batch=connection.dialect.name == "sqlite",
    render_item=attributes["render_item"],
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
