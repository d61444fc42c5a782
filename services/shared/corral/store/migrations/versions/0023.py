"""Rates that count until the end of attempts; every import that waits for an item counts it."""

from corral.store.migrations.revision import run

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run("0023_up.sql")


def downgrade() -> None:
    run("0023_down.sql")
