"""A pool's pods and workers without Kubernetes: a small world that a ReplicaSet and kubelets would make."""

import itertools
from dataclasses import dataclass, field

from corral_operator.cluster.target import Pod
from corral_operator.scale_down.candidates import Candidate
from corral_operator.scale_down.scale_down import Observation, ScaleDown, Step, step

SEAL_SECONDS = 30.0


@dataclass
class Hand:
    """A worker in its pod."""

    name: str
    ends: list[float] = field(default_factory=list)
    """When each of its jobs ends."""
    begins: float = 0.0
    """When it begins to claim."""
    deaf: bool = False
    """It hears no request."""
    sealed_until: float = 0.0
    nonce: str | None = None

    def running(self, now: float) -> int:
        return sum(end > now for end in self.ends)

    def alive(self, now: float) -> bool:
        return now >= self.begins

    def sealed(self, now: float) -> bool:
        return now < self.sealed_until


class World:
    """Workers that drain and seal, and a ReplicaSet that takes those which are not ready first."""

    def __init__(self, hands: list[Hand]) -> None:
        self.hands = {hand.name: hand for hand in hands}
        self.replicas = len(hands)
        self.now = 100.0
        self.leaving = ScaleDown()
        self.interrupted: list[str] = []
        self.steps: list[Step] = []
        self._nonces = map(str, itertools.count())
        self._names = (f"new-{number}" for number in itertools.count())

    def pods(self) -> tuple[Pod, ...]:
        return tuple(
            Pod(one.name, ready=one.alive(self.now) and not one.sealed(self.now), born=one.alive(self.now))
            for one in self.hands.values()
        )

    def scene(
        self, desired: int, *, lost: bool = False, rolling: bool = False, timeout: float = 600
    ) -> Observation:
        workers = {
            one.name: Candidate(one.name, one.running(self.now), self.now - one.begins)
            for one in self.hands.values()
            if one.alive(self.now)
        }
        seals = {
            one.name: one.nonce
            for one in self.hands.values()
            if one.nonce is not None and one.sealed(self.now)
        }
        return Observation(
            desired, self.replicas, self.pods(), None if lost else workers, seals,
            steady=not rolling, rolling=rolling, drain_timeout=timeout, now=self.now,
        )  # fmt: skip

    def second(self, desired: int, **how) -> Step:
        """The operator looks and acts; then everybody else does, and a second passes."""
        done = step(self.leaving, self.scene(desired, **how), lambda: next(self._nonces))
        self.leaving = done.leaving
        self.steps.append(done)
        self.replicas = done.replicas
        for name in done.released:
            self.hands[name].sealed_until = 0.0
        self.replica_set()
        for name, nonce in done.leaving.requests.items():
            hand = self.hands.get(name)
            if hand and hand.alive(self.now) and not hand.running(self.now) and not hand.deaf:
                hand.nonce, hand.sealed_until = nonce, self.now + SEAL_SECONDS
        self.now += 1.0
        return done

    def replica_set(self) -> None:
        """Source: Kubernetes, ReplicaSet, scaling down: not ready first, then, as far as we know, anybody."""
        while len(self.hands) > self.replicas:
            ready = {pod.name: pod.ready for pod in self.pods()}
            gone = min(self.hands.values(), key=lambda one: (ready[one.name], -one.running(self.now)))
            if gone.running(self.now):
                self.interrupted.append(gone.name)
            del self.hands[gone.name]
        while len(self.hands) < self.replicas:
            name = next(self._names)
            self.hands[name] = Hand(name, begins=self.now + 2.5)
