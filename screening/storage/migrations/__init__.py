"""Migrations of the console's tables, run by Alembic."""
