"""Who drains a worker, and what was decided about pools."""

from corral.store.migrations.revision import run

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run("0002_up.sql")


def downgrade() -> None:
    run("0002_down.sql")
