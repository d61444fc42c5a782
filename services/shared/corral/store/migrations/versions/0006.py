"""Mails that the mail sink caught."""

from corral.store.migrations.revision import run

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run("0006_up.sql")


def downgrade() -> None:
    run("0006_down.sql")
