"""Who paused a limit, and why, is stored apart from who set its values."""

from corral.store.migrations.revision import run

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run("0027_up.sql")


def downgrade() -> None:
    run("0027_down.sql")
