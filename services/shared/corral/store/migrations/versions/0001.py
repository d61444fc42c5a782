"""The tables of the engine."""

from corral.store.migrations.revision import run

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    run("0001_up.sql")


def downgrade() -> None:
    run("0001_down.sql")
