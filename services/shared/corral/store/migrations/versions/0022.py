"""The job that fetches a feed, and which feeds are due."""

from corral.store.migrations.revision import run

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run("0022_up.sql")


def downgrade() -> None:
    run("0022_down.sql")
