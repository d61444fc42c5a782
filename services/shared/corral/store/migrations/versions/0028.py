"""A worker says whether its claims keep limits, so that those of earlier releases are known."""

from corral.store.migrations.revision import run

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run("0028_up.sql")


def downgrade() -> None:
    run("0028_down.sql")
