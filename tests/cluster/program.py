"""Programs that the tests run: kubectl, helm, and the one that builds images."""

import os
import subprocess
from collections.abc import Mapping

SECONDS = 120.0
"""What a program may take unless it is told more."""
SHOWN = 6_000
"""Characters of its output that an error shows."""


class ProgramFailed(AssertionError):
    """It ended with an error, or not in time; the message has its output's end."""

    def __init__(self, command: str, why: str, output: str) -> None:
        self.output = output
        super().__init__(f"{command}: {why}\n{output[-SHOWN:].strip()}")


def run(
    *command: str,
    given: str | None = None,
    seconds: float = SECONDS,
    environment: Mapping[str, str] | None = None,
) -> str:
    """What it printed.

    Args:
        command: the program and its arguments.
        given: its standard input.
        seconds: after which it is killed.
        environment: variables beside this process's own.

    Raises:
        ProgramFailed: it could not be started, failed, or took too long.
    """
    shown = " ".join(command)
    try:
        done = subprocess.run(
            command,
            input=given if given is not None else "",
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
            env=os.environ | dict(environment or {}),
        )
    except FileNotFoundError as error:
        raise ProgramFailed(shown, "there is no such program", str(error)) from error
    except subprocess.TimeoutExpired as error:
        output = b"".join(part for part in (error.stdout, error.stderr) if isinstance(part, bytes)).decode(
            errors="replace"
        )
        raise ProgramFailed(shown, f"not done after {seconds:g} s", output) from error
    if done.returncode != 0:
        raise ProgramFailed(shown, f"exit code {done.returncode}", done.stdout + done.stderr)
    return done.stdout
