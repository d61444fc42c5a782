"""Limits that say what a submission does that finds them full count the jobs that wait."""

from corral.store.migrations.revision import run

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run("0014_up.sql")


def downgrade() -> None:
    run("0014_down.sql")
