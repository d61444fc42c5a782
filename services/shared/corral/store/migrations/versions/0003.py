"""Unreadable values are refused; timeouts that struck are kept; what has ended is counted, by hour and day too."""

from corral.store.migrations.revision import run

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run("0003_readable_up.sql")
    run("0003_timeouts_up.sql")
    run("0003_history_up.sql")


def downgrade() -> None:
    run("0003_history_down.sql")
    run("0003_timeouts_down.sql")
    run("0003_readable_down.sql")
