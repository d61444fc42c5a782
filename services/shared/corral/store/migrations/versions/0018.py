"""What waits for a limit that counts otherwise than before is evaluated again."""

from corral.store.migrations.revision import run

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run("0018_up.sql")


def downgrade() -> None:
    run("0018_down.sql")
