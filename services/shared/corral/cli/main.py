"""The corral command: its parts, and what happens when one goes wrong."""

import sys
from typing import Annotated, NoReturn

import typer

from corral.api_problem import ApiProblem
from corral.cli.commands import CommandsOnDemand
from corral.cli.terminal.exit_codes import ExitCode, exit_code
from corral.errors import CorralError, InvalidInput
from corral.process.startup import OutputLost

app = typer.Typer(
    name="corral",
    cls=CommandsOnDemand,
    help="Background jobs for Python teams: Postgres holds the jobs, Redis dispatches, workers scale.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version  # noqa: PLC0415  it reads the distribution's own files

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
