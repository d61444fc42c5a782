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
)
