"""What nobody could read back is refused; an attempt whose timeout has struck ends as that, whatever becomes of its worker."""

from corral.store.migrations.revision import run

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run("0003_readable_up.sql")
    run("0003_timeouts_up.sql")


def downgrade() -> None:
    run("0003_timeouts_down.sql")
    run("0003_readable_down.sql")
