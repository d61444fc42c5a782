"""The list of commands: what it says is what the commands say, and showing it imports none of them."""

import json
import subprocess
import sys
from collections.abc import Iterator

from typer import Context
from typer.core import TyperGroup
from typer.main import get_command
from typer.testing import CliRunner

from corral.cli.commands import COMMANDS
from corral.cli.main import app

HEAVY = {
    "alembic",
    "corral.catalog",
    "corral.client",
    "corral.settings",
    "corral.store",
    "fastapi",
    "httpx2",
    "importlib.metadata",
    "prometheus_client",
    "psycopg",
    "pydantic",
    "redis",
    "rich",
    "sqlalchemy",
    "ssl",
    "structlog",
}
"""What takes long to import, and what the list of commands does without."""
NOT_FOR_JOBS = HEAVY - {"importlib.metadata", "pydantic", "rich"}
"""Of those, what no command of `jobs` needs before it calls the publisher; typer itself checks arguments by pydantic."""
LOADED = """
import json, sys
from corral.cli.__main__ import run
sys.argv = ["corral", *{arguments!r}]
try:
    run()
except SystemExit:
    print(json.dumps(sorted(sys.modules)), file=sys.stderr)
"""


def loaded_by(*arguments: str, cwd) -> set[str]:
    """The modules that a process of the command has imported at its end."""
    done = subprocess.run(
        [sys.executable, "-c", LOADED.format(arguments=arguments)],
        check=True,
        capture_output=True,
        text=True,
        cwd=cwd,
    )
    return set(json.loads(done.stderr.splitlines()[-1]))


def walk(group: TyperGroup, context: Context) -> Iterator[list[str]]:
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield [name]
        if isinstance(command, TyperGroup):
            yield from ([name, *rest] for rest in walk(command, context))


def test_the_list_of_commands_imports_nothing_heavy(tmp_path):
    assert not loaded_by("--help", cwd=tmp_path) & HEAVY


def test_a_command_of_jobs_imports_neither_settings_nor_store(tmp_path):
    assert not loaded_by("jobs", "list", cwd=tmp_path) & NOT_FOR_JOBS


def test_the_list_says_of_each_command_what_the_command_says():
    group = get_command(app)
    assert isinstance(group, TyperGroup)
    own = {name: group.get_command(Context(group), name) for name in COMMANDS}
    assert {name: place.help for name, place in COMMANDS.items()} == {
        name: " ".join((command.help or "").split()) for name, command in own.items()
    }


def test_help_of_every_command_is_shown():
    group, run = get_command(app), CliRunner()
    assert isinstance(group, TyperGroup)
    paths = list(walk(group, Context(group)))
    assert len(paths) > len(COMMANDS)
    for path in paths:
        answer = run.invoke(app, [*path, "--help"])
        assert answer.exit_code == 0, answer.output
        assert f"{' '.join(path)} [OPTIONS]" in answer.output


def test_a_command_that_is_not_there_gets_the_nearest_name():
    answer = CliRunner().invoke(app, ["job"])
    assert answer.exit_code == 2
    assert "No such command 'job'. Did you mean 'jobs'?" in answer.output
