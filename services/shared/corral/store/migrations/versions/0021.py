"""What providers allow is taken of rates of calls, as any other."""

from corral.store.migrations.revision import run

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run("0021_up.sql")


def downgrade() -> None:
    run("0021_down.sql")
