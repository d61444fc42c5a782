"""`python -m corral_publisher`: the publisher, from its settings."""

import argparse
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Sequence
from types import FrameType
from typing import NoReturn

from corral.process.startup import prepare

HINT = "an emptyDir there in Kubernetes, --tmpfs /tmp with Docker, or name another folder in TMPDIR"

OF_GUNICORN = ("WEB_CONCURRENCY", "GUNICORN_CMD_ARGS", "GUNICORN_PID", "GUNICORN_FD", "SENDFILE")
"""Variables that gunicorn reads from the environment. They are dropped: Corral's settings configure gunicorn."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until told to stop; the exit code says whether it could start. None: the arguments of the process."""
    parser = argparse.ArgumentParser(prog="corral_publisher", description="The publisher, from its settings.")
    parser.add_argument(
        "--bind", metavar="fd://N", help="serve on a listening socket that was inherited under this number"
    )
    parser.add_argument(
        "--metrics", metavar="fd://N", help="serve metrics on a listening socket that was inherited"
    )
    parser.add_argument(
        "--ready", metavar="N", type=int, help="write a byte for each process that serves to this descriptor"
    )
    given = parser.parse_args(arguments)
    try:
        folder = tempfile.mkdtemp(prefix="corral-metrics-")
    except OSError as error:
        sys.stderr.write(f"corral: no temporary folder can be made: {error}\nLet /tmp be written: {HINT}\n")
        return 2
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
    owner = os.getpid()
    try:
        # Only now: prometheus_client decides when it is imported how processes share their numbers.
        from corral_publisher.run import run  # noqa: PLC0415

        return run(given.bind, metrics=given.metrics, ready=given.ready)
    finally:
        if os.getpid() == owner:
            shutil.rmtree(folder, ignore_errors=True)


def _end(_number: int, _frame: FrameType | None) -> NoReturn:
    """End through `SystemExit`, so that the folder of metrics is removed."""
    raise SystemExit(0)


if __name__ == "__main__":
    prepare(without=OF_GUNICORN)
    signal.signal(signal.SIGTERM, _end)  # until gunicorn sees to it: seconds of imports, on a busy machine
    sys.exit(main())
