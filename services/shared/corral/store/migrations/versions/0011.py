"""Effects that must not be repeated: which were begun, and which are done."""

from corral.store.migrations.revision import run

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run("0011_up.sql")


def downgrade() -> None:
    run("0011_down.sql")
