"""A publisher process that has loaded its libraries and waits, so that it serves sooner after a change of code.

`python -m corral_publisher.processes.spare N …` continues as `python -m corral_publisher …` when the pipe N is closed.
"""

import importlib
import os
import runpy
import sys

from corral.process.startup import prepare
from corral_publisher.__main__ import OF_GUNICORN

LIBRARIES = (
    "fastapi",
    "gunicorn.app.base",
    "gunicorn.workers.gasgi",
    "jinja2",
    "psycopg",
    "pydantic.dataclasses",
    "redis.asyncio",
    "rq",
    "structlog",
    "uvloop",
)
"""Libraries that take most of the start. prometheus_client is left out: it reads a variable when it is imported."""
OURS = ("corral", "corral_publisher")
"""Packages that are imported again afterwards, because their code may have changed."""


def main() -> None:
    """Load the libraries, wait for the pipe to be closed, and run the publisher."""
    prepare(without=OF_GUNICORN)
    gate = int(sys.argv.pop(1))
    for library in LIBRARIES:
        importlib.import_module(library)
    while os.read(gate, 1):
        pass
    os.close(gate)
    for name in [name for name in sys.modules if name.partition(".")[0] in OURS]:
        del sys.modules[name]
    importlib.invalidate_caches()
    runpy.run_module("corral_publisher", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
