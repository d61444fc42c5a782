"""Feeds: sources, their items, and imports."""

from corral.store.migrations.revision import run

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run("0010_up.sql")


def downgrade() -> None:
    run("0010_down.sql")
