"""The SQL files of a revision."""

from pathlib import Path

from alembic import context, op

from corral.store.postgres.sql_params import within

VERSIONS = Path(__file__).parent / "versions"


def run(name: str) -> None:
    """Run the file of that name, in the configured schema."""
    statements = within(context.config.attributes["schema"], (VERSIONS / name).read_text(encoding="utf-8"))
    op.get_bind().exec_driver_sql(statements)
