"""Items of feeds are known again by what documents say, and forgotten when none lists them; imports wait by one index."""

from corral.store.migrations.revision import run

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run("0025_up.sql")


def downgrade() -> None:
    run("0025_down.sql")
