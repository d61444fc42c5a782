"""What is left of rates that jobs take of when they start."""

from datetime import timedelta

from corral.job.budget import EXACT
from corral_testing.fake.memory import Memory


def rate_room(memory: Memory, name: str, rate: float, per: float, burst: float) -> float:
    """What of a rate may still be taken at the claim of a job."""
    takes, now = memory.takes.get(name, []), memory.clock.now()
    if rate <= EXACT:
        return rate - sum(cost for at, cost in takes if at > now - timedelta(seconds=per))
    left, since = burst, takes[0][0] if takes else now
    for at, cost in takes:
        left = min(burst, left + (at - since).total_seconds() * (rate - burst) / per) - cost
        since = at
    return float(min(burst, left + (now - since).total_seconds() * (rate - burst) / per))
