"""Limits: what a job takes of them, their values, and what of each key is in use."""

from corral.store.migrations.revision import run

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run("0005_up.sql")


def downgrade() -> None:
    run("0005_down.sql")
