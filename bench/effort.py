"""How much to measure: everything, or a look in a few minutes."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Effort:
    """Full is what the goals speak of; quick shows the same lines with less certainty."""

    laps: int
    share: float
    """Of the jobs of a lap."""
    slow_peers: bool
    """Whether systems far slower than the rest run too."""
    idle_posts: int
    delayed: int
    idle_seconds: float
    million: int
    snapshot_seconds: float
    """How long the snapshot is held."""
    history: int
    """Jobs that have ended."""
    live: int
    """Jobs beside them that have not."""
    history_idle_seconds: float
    """Long enough for every duty's round."""

    def of(self, jobs: int) -> int:
        return max(1_000, round(jobs * self.share))


FULL = Effort(
    laps=3,
    share=1.0,
    slow_peers=True,
    idle_posts=400,
    delayed=100,
    idle_seconds=20.0,
    million=1_000_000,
    snapshot_seconds=600.0,
    history=10_000_000,
    live=100_000,
    history_idle_seconds=130.0,
)
QUICK = Effort(
    laps=1,
    share=0.25,
    slow_peers=True,
    idle_posts=100,
    delayed=40,
    idle_seconds=8.0,
    million=100_000,
    snapshot_seconds=40.0,
    history=400_000,
    live=10_000,
    history_idle_seconds=65.0,
)
