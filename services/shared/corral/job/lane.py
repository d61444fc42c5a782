"""Lanes: one list in Redis per queue and priority, and one per queue for suspects."""

from dataclasses import dataclass

from corral.job.priority import PRIORITIES, Priority

SUSPECT = "suspect"
"""The lane of jobs that run alone on their worker (protocol rule 24)."""


@dataclass(frozen=True, slots=True)
class Lane:
    """One list of job ids in Redis: of a queue and a priority, or of the suspects of a queue.

    `name` is what RQ's tools show as the name of the queue.
    """

    queue: str
    priority: Priority
    suspect: bool = False

    @property
    def name(self) -> str:
        """`email` for normal, `email.high` for others, `email.suspect` for suspects of any priority."""
        if self.suspect:
            return f"{self.queue}.{SUSPECT}"
        return self.queue if self.priority is Priority.NORMAL else f"{self.queue}.{self.priority}"

    @classmethod
    def parse(cls, name: str) -> "Lane":
        """The lane that has this name.

        Raises:
            ValueError: the part after the dot is no priority.
        """
        queue, _, rest = name.partition(".")
        if rest == SUSPECT:
            return cls(queue, Priority.NORMAL, suspect=True)
        return cls(queue, Priority(rest) if rest else Priority.NORMAL)


def lane_of(queue: str, priority: Priority, *, suspect: bool) -> Lane:
    """The lane in which a queued job waits."""
    return Lane(queue, Priority.NORMAL, suspect=True) if suspect else Lane(queue, priority)


def lanes_of(queue: str) -> tuple[Lane, ...]:
    """All lanes of a queue, most urgent first; the suspects' last."""
    return (*(Lane(queue, priority) for priority in PRIORITIES), Lane(queue, Priority.NORMAL, suspect=True))
