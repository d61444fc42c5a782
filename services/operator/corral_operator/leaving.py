"""How workers leave without an interrupted job: chosen, drained, sealed, gone. A value and one pure step.

A worker that was chosen claims no more (it drains), and once it holds nothing it seals itself: it answers
the nonce that it was asked with, turns not ready, and claims nothing for 30 seconds whatever happens. Only
then the number of replicas falls, by as many as are sealed; the ReplicaSet takes those that are not ready.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final

from corral_operator.target import Pod
from corral_operator.victims import Worker, choose, may_go_unasked

FRESH: Final = 5.0
"""Seconds for which an answered nonce is believed; then a new one is asked. A seal lasts six times as long."""


@dataclass(frozen=True, slots=True)
class Victim:
    """A worker on its way out."""

    since: float
    """Monotonic seconds: when it was chosen."""
    nonce: str
    """What it is asked to seal itself with."""
    asked: float
    """When that nonce was made."""


Victims = Mapping[str, Victim]
_NOBODY: Final[Victims] = MappingProxyType({})


def _nobody() -> Victims:
    return _NOBODY


@dataclass(frozen=True, slots=True)
class Leaving:
    """Who leaves a pool. Empty at first."""

    victims: Victims = field(default_factory=_nobody)
    """Chosen; the Deployment still asks for them."""
    dismissed: Victims = field(default_factory=_nobody)
    """The Deployment asks for them no more, and their pods are still there: they stay sealed."""
    spared: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    """Those that did not finish in time, until when they are not chosen again while they hold jobs."""
    unready: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    """Since when each pod that is not ready was seen so."""

    @property
    def anyone(self) -> bool:
        """Whether anyone leaves."""
        return bool(self.victims or self.dismissed)

    @property
    def wishes(self) -> Mapping[str, str]:
        """The nonce for each worker that is to drain and to seal."""
        return {name: one.nonce for name, one in (*self.victims.items(), *self.dismissed.items())}


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything that one step looks at."""

    desired: int
    """Workers that the law asks for."""
    replicas: int
    """Workers that the Deployment asks for."""
    pods: tuple[Pod, ...]
    workers: Mapping[str, Worker] | None
    """None: the signal is lost."""
    seals: Mapping[str, str]
    """The nonce that each sealed worker answered last."""
    steady: bool
    """One ReplicaSet alone has pods, and the Deployment's controller has seen the newest specification."""
    rolling: bool
    """Pods of an older template are being replaced."""
    drain_timeout: float
    now: float


@dataclass(frozen=True, slots=True)
class Step:
    """What to do now."""

    leaving: Leaving
    replicas: int
    """What the Deployment is to ask for."""
    released: tuple[str, ...] = ()
    """Workers that are to claim again."""
    holds: str = ""
    """Why sealed workers do not go yet."""


def step(leaving: Leaving, scene: Scene, new_nonce: Callable[[], str]) -> Step:
    """One second of a pool that has, or is to have, fewer workers.

    New load cancels drains before it starts pods. Nobody leaves while the signal is lost or a rollout is on.
    """
    seen = _seen(leaving, scene)
    if scene.workers is None or scene.rolling:
        kept = replace(seen, victims=_NOBODY)
        return _asked(leaving, kept, max(scene.replicas, scene.desired), scene, new_nonce)
    lasting = _in_time(seen, scene)
    surplus = scene.replicas - len(lasting.victims) - scene.desired
    if surplus < 0:
        lasting = replace(lasting, victims=_without_busiest(lasting.victims, -surplus, scene))
    elif surplus:
        lasting = _with_more(lasting, surplus, scene, scene.workers, new_nonce)
    if scene.desired >= scene.replicas:
        return _asked(leaving, lasting, scene.desired, scene, new_nonce)
    going = _going(lasting, scene)
    why = _obstacle(going, lasting, scene) if going else ""
    if going and not why:
        gone = {name: lasting.victims[name] for name in going}
        stay = {name: one for name, one in lasting.victims.items() if name not in going}
        lasting = replace(lasting, victims=stay, dismissed={**lasting.dismissed, **gone})
        return _asked(leaving, lasting, scene.replicas - len(going), scene, new_nonce)
    return _asked(leaving, lasting, scene.replicas, scene, new_nonce, holds=why)


def is_sealed(name: str, victim: Victim, scene: Scene) -> bool:
    """Whether a victim has answered its nonce, and lately."""
    return scene.seals.get(name) == victim.nonce and scene.now - victim.asked <= FRESH


def _seen(leaving: Leaving, scene: Scene) -> Leaving:
    """Without those whose pods are gone. Dismissed ones that nobody takes any more are victims again."""
    there = {pod.name for pod in scene.pods}
    dismissed = {name: one for name, one in leaving.dismissed.items() if name in there}
    excess = max(0, len(scene.pods) - scene.replicas)
    back = dict(list(dismissed.items())[excess:])
    victims = {name: one for name, one in leaving.victims.items() if name in there}
    return Leaving(
        victims={**victims, **{name: replace(one, since=scene.now) for name, one in back.items()}},
        dismissed={name: one for name, one in dismissed.items() if name not in back},
        spared={name: until for name, until in leaving.spared.items() if until > scene.now and name in there},
        unready={pod.name: leaving.unready.get(pod.name, scene.now) for pod in scene.pods if not pod.ready},
    )


def _in_time(leaving: Leaving, scene: Scene) -> Leaving:
    """Without those that took longer than they may. One that holds a job is not chosen again soon."""
    late = {
        name
        for name, one in leaving.victims.items()
        if scene.now - one.since > scene.drain_timeout and not is_sealed(name, one, scene)
    }
    until = scene.now + scene.drain_timeout
    return replace(
        leaving,
        victims={name: one for name, one in leaving.victims.items() if name not in late},
        spared={**leaving.spared, **dict.fromkeys(late, until)},
    )


def _without_busiest(victims: Victims, count: int, scene: Scene) -> Victims:
    """Those that would leave last come back first."""
    order = sorted(victims, key=lambda name: (is_sealed(name, victims[name], scene), -_running(name, scene)))
    back = set(order[:count])
    return {name: one for name, one in victims.items() if name not in back}


def _with_more(
    leaving: Leaving,
    count: int,
    scene: Scene,
    workers: Mapping[str, Worker],
    new_nonce: Callable[[], str],
) -> Leaving:
    names = choose(
        count,
        scene.pods,
        workers,
        unasked=_unasked(leaving, scene),
        taken={*leaving.victims, *leaving.dismissed},
        spared=leaving.spared,
    )
    chosen = {name: Victim(scene.now, new_nonce(), scene.now) for name in names}
    return replace(leaving, victims={**leaving.victims, **chosen})


def _going(leaving: Leaving, scene: Scene) -> set[str]:
    """Victims with which nothing can be lost now."""
    unasked = _unasked(leaving, scene)
    unready = {pod.name for pod in scene.pods if not pod.ready}
    return {
        name
        for name, one in leaving.victims.items()
        if name in unasked or (name in unready and is_sealed(name, one, scene))
    }


def _obstacle(going: Collection[str], leaving: Leaving, scene: Scene) -> str:
    """Why the ReplicaSet could take another than those that go; nothing where it can't."""
    others = [pod.name for pod in scene.pods if pod.name not in going and not pod.ready]
    if not scene.steady:
        return "the Deployment's controller has not caught up"
    if leaving.dismissed:
        return f"{len(leaving.dismissed)} workers are being taken away already"
    if len(scene.pods) != scene.replicas:
        return f"there are {len(scene.pods)} pods of {scene.replicas}"
    if others:
        return f"{others[0]} is not ready" if len(others) == 1 else f"{len(others)} other pods are not ready"
    return ""


def _asked(
    before: Leaving,
    after: Leaving,
    replicas: int,
    scene: Scene,
    new_nonce: Callable[[], str],
    *,
    holds: str = "",
) -> Step:
    """With nonces that can still be believed, and with those who are to claim again."""

    def fresh(victims: Victims) -> Victims:
        return {
            name: one if scene.now - one.asked < FRESH else Victim(one.since, new_nonce(), scene.now)
            for name, one in victims.items()
        }

    asked = replace(after, victims=fresh(after.victims), dismissed=fresh(after.dismissed))
    there = {pod.name for pod in scene.pods}
    released = {*before.victims, *before.dismissed} - asked.wishes.keys()
    return Step(asked, replicas, tuple(sorted(released & there)), holds)


def _unasked(leaving: Leaving, scene: Scene) -> set[str]:
    workers = scene.workers or {}
    return {
        pod.name
        for pod in scene.pods
        if may_go_unasked(pod, workers, scene.now - leaving.unready.get(pod.name, scene.now))
    }


def _running(name: str, scene: Scene) -> int:
    worker = (scene.workers or {}).get(name)
    return worker.running if worker else 0
