"""How long a feed asks not to be fetched again is stored with it."""

from corral.store.migrations.revision import run

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run("0026_up.sql")


def downgrade() -> None:
    run("0026_down.sql")
