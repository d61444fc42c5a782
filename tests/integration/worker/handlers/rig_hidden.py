"""A module that a worker imports and its children can't."""

import multiprocessing

from corral.catalog import job_type

if multiprocessing.parent_process() is not None:
    raise ImportError("only in the worker")

child = job_type("hidden.child", queue="rig", executor="process", retries=0)


@child.handler
def do_child() -> None: ...
