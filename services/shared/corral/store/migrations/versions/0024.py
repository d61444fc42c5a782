"""Programs that are no handlers hold slots of limits."""

from corral.store.migrations.revision import run

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run("0024_up.sql")


def downgrade() -> None:
    run("0024_down.sql")
