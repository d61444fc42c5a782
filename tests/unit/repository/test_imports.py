"""What the processes of pods import before they serve: a library that only commands need is not among it."""

import json
import subprocess
import sys

ONLY_COMMANDS = {"alembic", "typer"}
SERVICES = "corral_worker.main, corral_worker.worker, corral_publisher.run, corral_publisher.app"


def test_services_start_without_what_only_commands_need():
    done = subprocess.run(
        [sys.executable, "-c", f"import json, sys, {SERVICES}; print(json.dumps(sorted(sys.modules)))"],
        check=True,
        capture_output=True,
        text=True,
    )
    assert not set(json.loads(done.stdout)) & ONLY_COMMANDS
