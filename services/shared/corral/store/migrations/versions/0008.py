"""Schedules, and what became of each of their ticks."""

from corral.store.migrations.revision import run

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run("0008_up.sql")


def downgrade() -> None:
    run("0008_down.sql")
