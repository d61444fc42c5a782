"""Which command lives in which module; a module is imported when its command is used or asked about.

`corral --help` imports none of them, `corral jobs list` only that of `jobs`.
"""

from importlib import import_module
from typing import Any, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_group

GROUP = "app"
"""What a module calls its group of commands."""


class CommandPlace(NamedTuple):
    """Where a command is, and the words about it in the list of commands; a test compares them with its own."""

    module: str
    """Below corral.cli."""
    attribute: str
    """A function, or the group."""
    help: str


COMMANDS = {
    "up": CommandPlace(
        "system.up",
        "up",
        "Run everything here: Postgres, Valkey, publisher, maintenance, and workers that follow the backlog.",
    ),
    "publisher": CommandPlace(
        "system.services",
        "publisher",
        "Run the publisher: the HTTP API, the pages and, unless switched off, maintenance.",
    ),
    "worker": CommandPlace("system.services", "worker", "Run one worker: it claims jobs and runs them."),
    "maintenance": CommandPlace(
        "system.services",
        "maintenance",
        "Run maintenance in a process of its own: queue jobs that are due, take jobs back from lost workers, "
        "remove old ones.",
    ),
    "psql": CommandPlace(
        "system.psql",
        "psql",
        "Open the database in psql, read-only, in Corral's schema. docs/reference/tables.md describes the tables.",
    ),
    "config": CommandPlace(
        "system.config", "config", "Print every effective setting with its source; secrets are masked."
    ),
    "sign-in": CommandPlace("system.keys", "sign_in", "Print a link that signs a browser in, once."),
    "stats": CommandPlace(
        "stats", "stats", "Print how many jobs are in each state, and how fast they start and run."
    ),
    "load": CommandPlace(
        "jobs.load", "load", "Submit many jobs at once or at a rate; print throughput and percentiles."
    ),
    "migrate": CommandPlace(
        "system.migrate", GROUP, "Bring the database's schema to this release's revision."
    ),
    "outgoing": CommandPlace("system.outgoing", GROUP, "See what Corral sends to addresses that users give."),
    "keys": CommandPlace("system.keys", GROUP, "Create, list and revoke keys, in the database itself."),
    "types": CommandPlace("types", GROUP, "See and register job types."),
    "codegen": CommandPlace(
        "codegen", GROUP, "Generate typed clients of job types, and handlers to be filled in."
    ),
    "jobs": CommandPlace("jobs.jobs", GROUP, "Submit, find, follow and change jobs."),
    "queues": CommandPlace("queues", GROUP, "See, pause, resume and clean queues."),
    "limits": CommandPlace("limits", GROUP, "See, set, pause and resume limits."),
    "providers": CommandPlace("providers", GROUP, "See and set the services of others that jobs call."),
    "workers": CommandPlace("workers", GROUP, "See workers, drain them, and let them work again."),
    "pools": CommandPlace("pools", GROUP, "See pools of workers and why they have the size they have."),
    "schedules": CommandPlace(
        "schedules.schedules", GROUP, "See, make, change, pause, run and backfill schedules."
    ),
    "feeds": CommandPlace("feeds.feeds", GROUP, "Follow feeds: add, fetch, pause, search, export and clean."),
    "webhooks": CommandPlace(
        "webhooks", GROUP, "Tell other systems how jobs end: make, test, change and replay."
    ),
}


class CommandsOnDemand(TyperGroup):
    """The commands of `COMMANDS`: in lists by name and words alone, imported when one is used."""

    def __init__(self, **attributes: Any) -> None:
        listed = {name: TyperCommand(name, help=place.help) for name, place in COMMANDS.items()}
        super().__init__(**attributes | {"commands": listed})
        self._imported: dict[str, Any] = {}

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002
        """The command itself, with its module imported; None where there is no such command."""
        if cmd_name in COMMANDS and cmd_name not in self._imported:
            self._imported[cmd_name] = _imported(cmd_name, COMMANDS[cmd_name])
        return self._imported.get(cmd_name)

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002
        """The list of commands in the help, each with the beginning of its words."""
        room = formatter.width - 6 - max(map(len, self.commands))
        with formatter.section("Commands"):
            formatter.write_dl(
                [(name, listed.get_short_help_str(room)) for name, listed in self.commands.items()]
            )


def _imported(name: str, place: CommandPlace) -> Any:
    found = getattr(import_module(f"corral.cli.{place.module}"), place.attribute)
    alone = typer.Typer(add_completion=False, rich_markup_mode=None)
    if place.attribute == GROUP:
        alone.add_typer(found, name=name)
    else:
        alone.command(name)(found)
    return get_group(alone).commands[name]
