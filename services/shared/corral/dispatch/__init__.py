"""Redis: which jobs to look at, who is there to look, and hints that save asking Postgres.

Nothing here is believed until Postgres agrees, and all of it may be wiped at any moment
(protocol rules 6-9). The only imports of redis and rq are in this package.
"""

from corral.dispatch import redis_import  # noqa: F401  # before whatever imports redis
from corral.dispatch.dispatch import Dispatch
from corral.dispatch.event import Event, Gap, JobsChanged, Logged, Progressed, QueueChanged
from corral.dispatch.lanes import (
    Ack,
    AnyEntry,
    Budget,
    Done,
    Entry,
    LimitedEntry,
    Move,
    Park,
    Pop,
    Popped,
    Return,
    Verdict,
    entry_of,
)

__all__ = [
    "Ack",
    "AnyEntry",
    "Budget",
    "Dispatch",
    "Done",
    "Entry",
    "Event",
    "Gap",
    "JobsChanged",
    "LimitedEntry",
    "Logged",
    "Move",
    "Park",
    "Pop",
    "Popped",
    "Progressed",
    "QueueChanged",
    "Return",
    "Verdict",
    "entry_of",
]
