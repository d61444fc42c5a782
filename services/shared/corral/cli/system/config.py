"""`corral config`: the effective settings and where each comes from."""

from dataclasses import fields
from pathlib import Path
from typing import Annotated

import typer

from corral.cli.system.services import local_settings
from corral.cli.terminal.output import AsJson, print_json, print_table
from corral.settings import Settings
from corral.settings.ranges import declared
from corral.settings.sources import CLIENT, ENV_FILE, PREFIX, written

DEFAULT_IN_WORDS = {"slots_process": "the CPUs"}
"""Defaults that depend on the machine."""
REQUIRED = {
    "database_url": "postgresql://corral:password@localhost:5432/corral",
    "redis_url": "redis://:password@localhost:6379/0",
}
"""Settings without a default, with an example."""
CLIENT_EXAMPLES = {
    "CORRAL_DATA": ".corral",
    "CORRAL_URL": "http://127.0.0.1:8000",
    "CORRAL_KEY": "what-corral-keys-create-printed",
    "CORRAL_BOOTSTRAP_KEY": "at-least-32-random-characters",
}


def config(
    as_json: AsJson = False,
    template: Annotated[
        bool, typer.Option("--template", help="Print an env file that documents every setting instead.")
    ] = False,
    env_file: Annotated[Path | None, typer.Option(help="The env file to read instead of .env.")] = None,
) -> None:
    """Print every effective setting with its source; secrets are masked."""
    if template:
        typer.echo(env_template(), nl=False)
        return
    effective = Settings.reading(env_file=env_file, otherwise=local_settings()).effective
    if as_json:
        print_json([{"name": s.name, "value": s.value, "source": s.source} for s in effective])
    else:
        print_table(("setting", "value", "source"), ((s.name, s.value, s.source) for s in effective), none="")


def env_template() -> str:
    """An env file with every setting: its meaning, its range, and its default behind a #."""
    lines = ["# Every setting of Corral. Copy this file to .env and uncomment what you change.", ""]
    for field in fields(Settings):
        told = declared(Settings, field.name)
        lines += [f"# {told.meaning}", f"# Allowed: {told.allowed}.{unset(field.name)}"]
        lines += [f"#{PREFIX}{field.name.upper()}={default_of(field.name)}", ""]
    lines.append("# Read by the command line only.")
    for name, meaning in CLIENT.items():
        lines += [f"# {meaning}", f"#{name}={CLIENT_EXAMPLES[name]}", ""]
    lines += ["# The file that is read instead of .env; set it in the environment.", f"#{ENV_FILE}=.env"]
    return "\n".join(lines) + "\n"


def default_of(name: str) -> str:
    """The default as it is written, or an example where a value is required."""
    return written(declared(Settings, name).default) or REQUIRED.get(name, "")


def unset(name: str) -> str:
    """What is said where nothing stands as the default."""
    if name in REQUIRED:
        return " Required."
    return f" Unset: {DEFAULT_IN_WORDS[name]}." if name in DEFAULT_IN_WORDS else ""
