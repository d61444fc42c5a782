"""The option `--wait`: a command waits for the database and its schema while the system starts."""

import sys
import time
from collections.abc import Callable
from typing import Annotated, TypeVar

from corral.cli.terminal.number import real
from corral.errors import SchemaMismatch, Unavailable, waiting_helps
from corral.job.bounds import Bounds

T = TypeVar("T")

AGAIN_SECONDS = 1.0
WAIT = Bounds(0, 24 * 3600, "seconds")

Wait = Annotated[
    float,
    real(WAIT, "How long to wait for the database, and for a schema that fits.", "SECONDS"),
]


def patiently(work: Callable[[], T], seconds: float) -> T:
    """Do the work, and again while the database or its schema is not there yet. Each new reason is printed.

    Raises:
        Unavailable, SchemaMismatch: it still fails after so many seconds, or waiting does not help.
    """
    deadline = time.monotonic() + seconds
    told = ""
    while True:
        try:
            return work()
        except (Unavailable, SchemaMismatch) as error:
            left = deadline - time.monotonic()
            if left <= 0 or not waiting_helps(error):
                raise
            if str(error) != told:
                told = str(error)
                sys.stderr.write(f"corral: waiting for up to {seconds:g} s in all: {told}\n")
                sys.stderr.flush()
            time.sleep(min(AGAIN_SECONDS, left))
