"""A number on the command line is refused before anything is done, with its bounds and their unit; words likewise."""

from collections.abc import Iterator
from enum import Enum
from typing import Any, get_args
from uuid import UUID

import click
import pytest
import typer
from typer.testing import CliRunner

from corral.cli.main import app

RUN = CliRunner()


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("jobs submit a --delay nan", "it is nan; it must be at least 0 and at most 31,622,400 seconds"),
        ("jobs submit a --delay 1e999", "it is inf; it must be"),
        ("jobs submit a --delay soon", "'soon' is no number; it must be at least 0"),
        ("jobs submit a --timeout 0", "it is 0; it must be above 0 and at most 604,800 seconds"),
        ("jobs submit a --expires-in -1", "it is -1; it must be above 0"),
        ("jobs submit a --retries 5000", "it is 5,000; it must be at least 0 and at most 1,000 tries"),
        ("jobs submit a --retries 0.5", "'0.5' is no whole number; it must be at least 0"),
        ("jobs submit a --wait inf", "it is inf; it must be at least 0"),
        ("jobs list --limit 0", "it is 0; it must be at least 1 and at most 1,000,000 jobs"),
        ("pools decisions io --limit 0", "it is 0; it must be at least 1 and at most 1,000,000 decisions"),
        ("queues clean a -y --older-than 1e12", "it is 1,000,000,000,000; it must be"),
        ("stats --window 1", "it is 1; it must be at least 60 and at most 2,592,000 seconds"),
        ("types register --wait nan", "it is nan; it must be at least 0 and at most 86,400 seconds"),
        ("up --workers 0", "it is 0; it must be at least 1 and at most 100 workers"),
        ("up --port 99999", "it is 99,999; it must be at least 1 and at most 65,535"),
        ("load --count 1000000000", "it is 1,000,000,000; it must be"),
        ("load --rate 0", "it is 0; it must be at least 0.01 and at most 1,000,000 jobs a second"),
        ("load --rate 1000000 --duration 600000", "rate times duration is 600,000,000,000"),
        ("load --mix demo.echo=99999999", "the weight of demo.echo is 99,999,999; it must be"),
        (f"load --mix demo.echo={'9' * 5000}", "is not TYPE=WEIGHT"),
        ("load --seed x", "'x' is no whole number; it must be at least 0"),
        (
            "limits keys a --limit x",
            "'x' is no whole number; it must be at least 1 and at most 1,000,000 keys",
        ),
        ("schedules preview @daily --count 1.5", "'1.5' is no whole number; it must be at least 1"),
        ("schedules preview @daily --twice x", "'x' is not one of the choices; it must be first or both"),
        ("feeds imports --limit x", "'x' is no whole number; it must be at least 1"),
        ("feeds fetch a --wait x", "'x' is no number; it must be at least 0 and at most 86,400 seconds"),
        ("webhooks deliveries a --limit x", "'x' is no whole number; it must be at least 1"),
        ("keys create a --role x", "it must be viewer or operator or admin"),
        ("keys revoke x", "'x' is no id of a key"),
    ],
)
def test_a_number_out_of_bounds_is_refused(command: str, told: str):
    answer = RUN.invoke(app, command.split(), terminal_width=1000)
    assert answer.exit_code == 2, answer.output
    assert told in " ".join(answer.output.split())


def parameters() -> Iterator[tuple[str, Any]]:
    """Every parameter of every command, with what typer knows of its type."""
    groups: list[Any] = [typer.main.get_command(app)]
    while groups:
        group = groups.pop()
        if isinstance(group, typer.core.TyperGroup):
            context = click.Context(group)
            groups += [group.get_command(context, name) for name in group.list_commands(context)]
        else:
            yield from ((f"{group.name} {one.name}", one.type_descriptor) for one in group.params)


def test_every_number_word_and_id_is_read_by_what_says_how_it_must_be():
    """Typer's own words name no bounds, no unit and no example."""
    found = dict(parameters())
    assert len(found) > 100
    unread = {
        name
        for name, kind in found.items()
        for one in (kind.annotation, *get_args(kind.annotation))
        if isinstance(one, type) and issubclass(one, int | float | UUID | Enum) and one is not bool
        if kind.parameter_info.parser is None
    }
    assert unread == set()
