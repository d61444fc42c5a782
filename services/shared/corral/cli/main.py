"""The corral command: its parts, and what happens when one goes wrong."""

import sys
from importlib.metadata import version
from typing import Annotated, NoReturn

import typer

from corral.cli import (
    codegen,
    config,
    feeds,
    jobs,
    keys,
    limits,
    load,
    migrate,
    outgoing,
    pools,
    providers,
    psql,
    queues,
    schedules,
    services,
    stats,
    types,
    up,
    webhooks,
    workers,
)
from corral.cli.exit_codes import ExitCode, exit_code
from corral.client import ApiProblem
from corral.errors import CorralError, InvalidInput
from corral.startup import OutputLost

app = typer.Typer(
    name="corral",
    help="Background jobs for Python teams: Postgres holds the jobs, Redis dispatches, workers scale.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
LOCAL, RUN, USE = "The whole system here", "Services", "Use a running system"

app.command("up", rich_help_panel=LOCAL)(up.up)
app.command("publisher", rich_help_panel=RUN)(services.publisher)
app.command("worker", rich_help_panel=RUN)(services.worker)
app.command("maintenance", rich_help_panel=RUN)(services.maintenance)
app.add_typer(migrate.app, name="migrate", rich_help_panel=RUN)
app.command("psql", rich_help_panel=RUN)(psql.psql)
app.command("config", rich_help_panel=RUN)(config.config)
app.add_typer(outgoing.app, name="outgoing", rich_help_panel=RUN)
app.command("sign-in", rich_help_panel=RUN)(keys.sign_in)
app.add_typer(keys.app, name="keys", rich_help_panel=RUN)
app.add_typer(types.app, name="types", rich_help_panel=USE)
app.add_typer(codegen.app, name="codegen", rich_help_panel=USE)
app.add_typer(jobs.app, name="jobs", rich_help_panel=USE)
app.add_typer(queues.app, name="queues", rich_help_panel=USE)
app.add_typer(limits.app, name="limits", rich_help_panel=USE)
app.add_typer(providers.app, name="providers", rich_help_panel=USE)
app.add_typer(workers.app, name="workers", rich_help_panel=USE)
app.add_typer(pools.app, name="pools", rich_help_panel=USE)
app.add_typer(schedules.app, name="schedules", rich_help_panel=USE)
app.add_typer(feeds.app, name="feeds", rich_help_panel=USE)
app.add_typer(webhooks.app, name="webhooks", rich_help_panel=USE)
app.command("stats", rich_help_panel=USE)(stats.stats)
app.command("load", rich_help_panel=USE)(load.load)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"corral {version('corral')}")
        raise typer.Exit


@app.callback()
def root(
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


def main() -> NoReturn:
    """Run the command; every error of Corral is a message and an exit code, never a traceback."""
    sys.exit(_run())


def _run() -> int:
    try:
        try:
            app(prog_name="corral")
        finally:
            sys.stdout.flush()  # what can't be written is told here, not while the interpreter ends
    except CorralError as error:
        _explain(error)
        return exit_code(error)
    except UnicodeEncodeError as error:
        if not any("\ud800" <= one <= "\udfff" for one in error.object[error.start : error.end]):
            raise
        sys.stderr.write("corral: an argument holds bytes that are no text in UTF-8\n")
        return ExitCode.WRONG
    except OutputLost as error:
        sys.stderr.write(f"corral: {error}\n")
        return ExitCode.FAULT
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    return ExitCode.DONE


def _explain(error: CorralError) -> None:
    """The error on stderr: what, and for each field what is wrong with it."""
    match error:
        case ApiProblem(fields=(_, *_)):
            sys.stderr.write(f"corral: {error.title}\n")
            lines = [f"  {field}" for field in error.fields]
        case ApiProblem(status=401):
            lines = [
                f"corral: {error}",
                "  the key is read from CORRAL_KEY, .env and .corral/client.toml, in this order",
            ]
        case InvalidInput():
            sys.stderr.write("corral: wrong input\n")
            lines = [f"  {field}" for field in error.errors]
        case _:
            first, *rest = str(error).splitlines() or [type(error).__name__]
            lines = [f"corral: {first}", *rest]
    for line in lines:
        sys.stderr.write(f"{line}\n")
