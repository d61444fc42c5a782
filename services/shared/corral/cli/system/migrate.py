"""`corral migrate`: the database's schema, up, down, and where it is."""

from typing import Annotated

import typer

from corral.cli.system.services import service_settings
from corral.cli.terminal.wait_for_start import Wait, patiently

app = typer.Typer(help="Bring the database's schema to this release's revision.", no_args_is_help=True)


@app.command()
def up(
    revision: Annotated[str, typer.Argument(help="The revision to go to; head: this release's.")] = "head",
    wait: Wait = 0.0,
) -> None:
    """Apply what is missing. A schema that is one revision ahead of this release is left as it is."""
    from corral.store import migrations  # noqa: PLC0415  slow to import

    settings = service_settings()
    patiently(
        lambda: migrations.upgrade(settings.direct_url, schema=settings.schema, revision=revision), wait
    )
    _say_where()


@app.command()
def down(
    revision: Annotated[str, typer.Argument(help="The older revision to go back to; base: no tables.")],
) -> None:
    """Go back to an older revision; what only newer tables held is lost."""
    from corral.store import migrations  # noqa: PLC0415

    settings = service_settings()
    migrations.downgrade(settings.direct_url, schema=settings.schema, revision=revision)
    _say_where()


@app.command()
def current() -> None:
    """Print the revision that the schema is at; `none` without tables."""
    from corral.store import migrations  # noqa: PLC0415

    settings = service_settings()
    typer.echo(migrations.current(settings.direct_url, schema=settings.schema) or "none")


def _say_where() -> None:
    from corral.store import migrations  # noqa: PLC0415

    settings = service_settings()
    found = migrations.current(settings.direct_url, schema=settings.schema) or "no revision"
    ahead = (
        f", ahead of this release's {migrations.head()}"
        if found.isdigit() and found > migrations.head()
        else ""
    )
    typer.echo(f"schema {settings.schema} is at {found}{ahead}")
