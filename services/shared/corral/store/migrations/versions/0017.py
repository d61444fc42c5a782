"""Providers, and answers of theirs that identical queries share."""

from corral.store.migrations.revision import run

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run("0017_up.sql")


def downgrade() -> None:
    run("0017_down.sql")
