"""What nobody could read back is refused."""

from corral.store.migrations.revision import run

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run("0003_readable_up.sql")


def downgrade() -> None:
    run("0003_readable_down.sql")
