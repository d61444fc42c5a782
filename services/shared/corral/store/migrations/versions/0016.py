"""Unique keys: at most one job of a key, and follow-ups that carry one."""

from corral.store.migrations.revision import run

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run("0016_up.sql")


def downgrade() -> None:
    run("0016_down.sql")
