"""`corral codegen`: typed clients of job types, generated from their declarations."""

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from corral.cli.system.services import local_settings
from corral.cli.terminal.exit_codes import ExitCode
from corral.cli.terminal.output import console
from corral.client import Client, Connection
from corral.settings.sources import PREFIX

if TYPE_CHECKING:  # slow to import
    from corral.catalog.catalog import Catalog
    from corral.codegen import Generated

app = typer.Typer(
    help="Generate typed clients of job types, and handlers to be filled in.", no_args_is_help=True
)

NOWHERE = {
    f"{PREFIX}DATABASE_URL": "postgresql://127.0.0.1/none",
    f"{PREFIX}REDIS_URL": "redis://127.0.0.1",
}
"""What settings need, and nothing here uses: job types are read from modules."""
Out = Annotated[Path, typer.Option("--out", metavar="DIR", help="The folder of the generated package.")]
Types = Annotated[
    list[str] | None,
    typer.Option(
        "--types",
        metavar="NAME",
        help="A job type, or a pattern as 'mail.*'; may be repeated. Left out: all but demo.*.",
    ),
]
Own = Annotated[
    Path | None,
    typer.Option(
        "--templates", metavar="DIR", help="Templates that go before Corral's own of the same names."
    ),
]
Check = Annotated[
    bool,
    typer.Option(
        "--check", help="Write nothing; end with 9 where files are stale, with 10 where that breaks programs."
    ),
]
Server = Annotated[
    str | None,
    typer.Option(
        "--server",
        metavar="URL",
        help="Ask this publisher for its job types, with the key in CORRAL_KEY, instead of the modules in CORRAL_JOBS.",
    ),
]


@app.command()
def python(
    *,
    out: Out,
    types: Types = None,
    workers: Annotated[
        bool,
        typer.Option(
            "--workers", help="Write a handler to be filled in for each job type that has none; once."
        ),
    ] = False,
    templates: Own = None,
    check: Check = False,
    server: Server = None,
) -> None:
    """Generate a Python package: a client with a typed producer for each job type, asynchronous and not."""
    _generate("python", out, types, templates, check=check, server=server, workers=workers)


@app.command()
def typescript(
    *,
    out: Out,
    types: Types = None,
    templates: Own = None,
    check: Check = False,
    server: Server = None,
) -> None:
    """Generate TypeScript modules without dependencies: a client with a typed producer for each job type."""
    _generate("typescript", out, types, templates, check=check, server=server, workers=False)


def _generate(
    language: str,
    out: Path,
    types: list[str] | None,
    templates: Path | None,
    *,
    check: bool,
    server: str | None,
    workers: bool,
) -> None:
    from corral.codegen import generate  # noqa: PLC0415  slow to import

    quiet = logging.getLogger(f"{__name__}.quiet")
    quiet.disabled = True  # what is told is printed below
    with _source(server) as source:
        done = generate(
            language,
            source,
            out,
            types=types or (),
            workers=workers,
            templates=templates,
            check=check,
            logger=quiet,
        )
    _tell(done, out, check=check)
    if check and done.changed:
        raise typer.Exit(ExitCode.BREAKING if done.breaking else ExitCode.STALE)


def _tell(done: "Generated", out: Path, *, check: bool) -> None:
    from corral.codegen.changes import orders  # noqa: PLC0415  slow to import

    print_ = console().print
    if not done.changed:
        print_(f"{out} is up to date: {len(done.files)} files", soft_wrap=True, markup=False)
    for path in done.changed:
        said = "stale" if check else "removed" if path in done.removed else "written"
        print_(f"{said}: {out / path}", soft_wrap=True, markup=False)
    for order, changes in orders(done.changes):
        for one in changes:
            print_(str(one), soft_wrap=True, markup=False)
        print_(f"  {order}", soft_wrap=True, markup=False)


@contextmanager
def _source(server: str | None) -> "Iterator[Catalog | Client]":
    """Where the job types come from: a publisher, or the modules of this program."""
    if server is None:
        yield _catalog()
        return
    found = Connection.find(dict(os.environ) | {"CORRAL_URL": server})
    with Client(replace(found, source="--server")) as client:
        yield client


def _catalog() -> "Catalog":
    """The types of CORRAL_JOBS and CORRAL_HANDLERS, and those that come with Corral.

    Raises:
        DeclarationError: a module can't be imported.
    """
    from corral.catalog.catalog import Catalog, declaring_modules  # noqa: PLC0415  slow to import
    from corral.settings import Settings  # noqa: PLC0415

    settings = Settings.load(otherwise=NOWHERE | local_settings())
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    return Catalog.load([*declaring_modules(settings.jobs, demo=True), *settings.handlers])
