"""A number on the command line is refused before anything is done, with its bounds and their unit."""

import pytest
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
    ],
)
def test_a_number_out_of_bounds_is_refused(command: str, told: str):
    answer = RUN.invoke(app, command.split(), terminal_width=1000)
    assert answer.exit_code == 2, answer.output
    assert told in " ".join(answer.output.split())
