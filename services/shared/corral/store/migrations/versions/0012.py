"""Operators set options of job types, code declares options of queues, and an image says which types it handles."""

from corral.store.migrations.revision import run

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run("0012_up.sql")


def downgrade() -> None:
    run("0012_down.sql")
