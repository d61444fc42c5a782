"""Slots of limits that handlers hold while they run."""

from corral.store.migrations.revision import run

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run("0020_up.sql")


def downgrade() -> None:
    run("0020_down.sql")
