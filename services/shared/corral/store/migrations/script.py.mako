"""${message}"""

from corral.store.migrations.revision import run

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = None
depends_on = None


def upgrade() -> None:
    run("${up_revision}_up.sql")


def downgrade() -> None:
    run("${up_revision}_down.sql")
