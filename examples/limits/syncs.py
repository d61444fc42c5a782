"""What any program may import: job types whose limits say what happens when they are full, and for how long they are held."""

from pydantic import BaseModel

from corral.catalog import JobType, Limit, job_type
from corral.job.backoff import Fixed


class Sync(BaseModel):
    """Something to be done for an account."""

    account: str
    version: int = 0


newest = Limit("sync-account", each=1, by="account", on_full="supersede")
"""One for each account, and of those that wait only the newest."""
once = Limit("export-account", each=1, by="account", on_full="refuse")
"""One for each account, running or waiting; whoever asks for a second one is told."""
ordered = Limit("deliver-account", each=1, by="account", hold="life", max_waiting=1000)
"""One after the other for each account, also when one has to be tried again; at most a thousand wait."""
screens = Limit("render-screens", per_worker=1)
"""Each worker process has one screen to render on."""

sync: JobType[Sync, int] = job_type("syncs.sync", payload=Sync, result=int, queue="syncs", limits=[newest])
export: JobType[Sync, int] = job_type("syncs.export", payload=Sync, result=int, queue="syncs", limits=[once])
deliver: JobType[Sync, dict[str, float]] = job_type(
    "syncs.deliver",
    payload=Sync,
    result=dict[str, float],
    queue="syncs",
    limits=[ordered],
    retries=3,
    backoff=Fixed(0.2),
)
render: JobType[Sync, dict[str, float]] = job_type(
    "syncs.render", payload=Sync, result=dict[str, float], queue="syncs", limits=[screens]
)
