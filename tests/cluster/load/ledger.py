"""What became of jobs that were accepted: none lost, none twice, none interrupted."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from tests.cluster.goals import Goals
from tests.cluster.load.client import Client

Json = Any


@dataclass(frozen=True)
class Ledger:
    """Jobs that a client was promised, and how they stand."""

    accepted: frozenset[str]
    jobs: tuple[Json, ...]

    @classmethod
    def of(cls, client: Client, tag: str, accepted: Sequence[str]) -> "Ledger":
        """Read from the API."""
        return cls(frozenset(accepted), tuple(client.jobs(tag)))

    @property
    def lost(self) -> int:
        """Accepted and not there, or not completed."""
        completed = {job["id"] for job in self.jobs if job["state"] == "completed"}
        return len(self.accepted - completed)

    @property
    def unasked(self) -> int:
        """There without having been accepted."""
        return len({job["id"] for job in self.jobs} - self.accepted)

    @property
    def interrupted(self) -> list[Json]:
        """Jobs that were taken from a worker: given back, or lost with it."""
        return self._those(lambda job: bool(job["releases"] or job["stalls"]))

    @property
    def repeated(self) -> list[Json]:
        """Jobs that were claimed more than once."""
        return self._those(lambda job: job["attempt"] != 1)

    def check(self, goals: Goals, what: str, *, undisturbed: bool = True) -> None:
        """Say it as goals; `undisturbed`: nothing may have been interrupted either."""
        goals.at_least(f"{what}: jobs completed", len(self.accepted) - self.lost, len(self.accepted))
        goals.none(f"{what}: jobs lost", self.lost)
        goals.none(f"{what}: jobs that nobody submitted", self.unasked)
        if undisturbed:
            goals.none(f"{what}: jobs interrupted", len(self.interrupted))
            goals.none(f"{what}: jobs run more than once", len(self.repeated))

    def _those(self, chosen: Callable[[Json], bool]) -> list[Json]:
        return [job for job in self.jobs if chosen(job)]
