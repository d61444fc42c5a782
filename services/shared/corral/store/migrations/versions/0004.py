"""What a caller sends twice under one key is stored once."""

from corral.store.migrations.revision import run

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run("0004_up.sql")


def downgrade() -> None:
    run("0004_down.sql")
