"""A publisher that waits, with the libraries loaded, for code to change: it serves the sooner then.

`python -m corral_publisher.spare N …`: it goes on when the descriptor N ends, as `python -m corral_publisher …`.
"""

import importlib
import os
import runpy
import sys

from corral.startup import prepare
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
    "sqlalchemy.ext.asyncio",
    "structlog",
    "uvloop",
)
"""Most of the time that a publisher takes to start. Not prometheus_client, which reads its variable when imported."""
OURS = ("corral", "corral_publisher")
"""Packages of which nothing may stay loaded: their code may have changed meanwhile."""


def main() -> None:
    """Load the libraries, wait, and become the publisher."""
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
