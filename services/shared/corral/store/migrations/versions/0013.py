"""Limits tell who was asked to wait and why, and note what of a rate of calls may have been taken."""

from corral.store.migrations.revision import run

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run("0013_up.sql")


def downgrade() -> None:
    run("0013_down.sql")
