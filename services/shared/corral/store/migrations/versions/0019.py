"""A slot may be held until its job has ended: its key says by which."""

from corral.store.migrations.revision import run

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run("0019_up.sql")


def downgrade() -> None:
    run("0019_down.sql")
