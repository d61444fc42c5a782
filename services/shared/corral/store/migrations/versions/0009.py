"""Uploads: files that no job made, kept until no job names them."""

from corral.store.migrations.revision import run

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run("0009_up.sql")


def downgrade() -> None:
    run("0009_down.sql")
