"""How workers leave without an interrupted job: chosen, drained, sealed, gone. A value and one pure step.

A worker that was chosen claims no more (it drains), and once it holds nothing it seals itself: it answers
the nonce that it was asked with, turns not ready, and claims nothing for 30 seconds whatever happens. Only
then the number of replicas falls, by as many as are sealed; the ReplicaSet takes those that are not ready.

Each second every victim is asked with a new nonce, and what it answered before counts meanwhile. So all are
known to be sealed at once, whenever each was chosen, as long as answers take no longer than `ANSWER_VALID_SECONDS` seconds
less two between questions. Were an answer to end with the next question, one victim would always be in doubt,
and one in doubt that is not ready holds all the others.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final

from corral_operator.candidates import Candidate, choose, may_go_unasked
from corral_operator.holds import Hold, HoldCause
from corral_operator.target import Pod
from corral_operator.victim import ANSWER_VALID_SECONDS, Victim

ABSENT_SECONDS: Final = 5.0
"""Seconds after which pods that are not made are asked for no more."""
UNASKED_WITHIN: Final = 2.0
"""Seconds within which a change that takes away a container that does not run must be sent: it may start."""


Victims = Mapping[str, Victim]
_NOBODY: Final[Victims] = MappingProxyType({})


def _nobody() -> Victims:
    return _NOBODY


@dataclass(frozen=True, slots=True)
class ScaleDown:
    """The workers of a pool that are on their way out. Empty at first."""

    victims: Victims = field(default_factory=_nobody)
    """Chosen; the Deployment still asks for them."""
    dismissed: Victims = field(default_factory=_nobody)
    """The Deployment asks for them no more, and their pods are still there: they stay sealed."""
    spared: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    """Those that did not finish in time, until when they are not chosen again while they hold jobs."""
    unready: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    """Since when each pod that is not ready was seen so."""
    absent: float | None = None
    """Since when there are fewer pods than the Deployment asks for."""

    @property
    def anyone(self) -> bool:
        """Whether anyone leaves."""
        return bool(self.victims or self.dismissed)

    @property
    def requests(self) -> Mapping[str, str]:
        """The nonce for each worker that is to drain and to seal."""
        return {name: one.nonce for name, one in (*self.victims.items(), *self.dismissed.items())}


@dataclass(frozen=True, slots=True)
class Observation:
    """Everything that one step of a scale-down looks at."""

    desired: int
    """Workers that the law asks for."""
    replicas: int
    """Workers that the Deployment asks for."""
    pods: tuple[Pod, ...]
    workers: Mapping[str, Candidate] | None
    """None: the signal is lost."""
    seals: Mapping[str, str]
    """The nonce that each sealed worker answered last."""
    steady: bool
    """One ReplicaSet alone has pods, and the Deployment's controller has seen the newest specification."""
    rolling: bool
    """Pods of an older template are being replaced."""
    drain_timeout: float
    now: float
    counted: int | None = None
    """Pods that the Deployment's controller says there are; None where it is not known."""
    rollout_paused: bool = False
    """Whether a person has to go on with the rollout."""


@dataclass(frozen=True, slots=True)
class Step:
    """What a scale-down is to do now."""

    leaving: ScaleDown
    replicas: int
    """What the Deployment is to ask for."""
    released: tuple[str, ...] = ()
    """Workers that are to claim again."""
    holds: tuple[Hold, ...] = ()
    """Why workers do not go that could."""
    until: float = float("inf")
    """Monotonic seconds: a lower number must be sent before, or the seals might not last long enough."""


def step(leaving: ScaleDown, scene: Observation, new_nonce: Callable[[], str]) -> Step:
    """One second of a pool that has, or is to have, fewer workers.

    New load cancels drains before it starts pods. Nobody leaves while the signal is lost or a rollout is on.
    """
    seen = _seen(leaving, scene, new_nonce)
    if scene.workers is None or scene.rolling:
        kept = replace(seen, victims=_NOBODY)
        return _asked(leaving, kept, max(scene.replicas, scene.desired), scene, new_nonce)
    lasting = _in_time(seen, scene)
    absent = _absent(lasting, scene)
    surplus = min(scene.replicas, len(scene.pods)) - len(lasting.victims) - scene.desired
    if surplus < 0:
        lasting = replace(lasting, victims=_without_busiest(lasting.victims, -surplus, scene))
    elif surplus:
        lasting = _with_more(lasting, surplus, scene, scene.workers, new_nonce)
    if scene.desired >= scene.replicas:
        return _asked(leaving, lasting, scene.desired, scene, new_nonce)
    going = _going(lasting, scene)
    holds = _obstacles(going, absent, lasting, scene) if going or absent else ()
    if not (going or absent) or holds:
        return _asked(leaving, lasting, scene.replicas, scene, new_nonce, holds=holds)
    gone = {name: lasting.victims[name] for name in going}
    stay = {name: one for name, one in lasting.victims.items() if name not in going}
    unasked = _unasked(lasting, scene)
    seals = [one.sealed_at for name, one in gone.items() if name not in unasked and one.sealed_at is not None]
    lasting = replace(lasting, victims=stay, dismissed={**lasting.dismissed, **gone})
    fewer = max(scene.desired, scene.replicas - absent - len(going))
    done = _asked(leaving, lasting, fewer, scene, new_nonce)
    soon = scene.now + UNASKED_WITHIN if len(seals) < len(going) else float("inf")
    return replace(done, until=min([soon, *(at + ANSWER_VALID_SECONDS for at in seals)]))


def _seen(leaving: ScaleDown, scene: Observation, new_nonce: Callable[[], str]) -> ScaleDown:
    """With what was answered, and without those whose pods are gone.

    Dismissed ones that nobody takes any more are victims again: what they answered stays true.
    """
    there = {pod.name: pod for pod in scene.pods}

    def heard(victims: Victims) -> Victims:
        return {
            name: _heard(one, there[name], scene, new_nonce) for name, one in victims.items() if name in there
        }

    dismissed, victims = heard(leaving.dismissed), heard(leaving.victims)
    excess = max(0, len(scene.pods) - scene.replicas)
    back = dict(list(dismissed.items())[excess:])
    short = len(scene.pods) < scene.replicas
    return ScaleDown(
        victims={**victims, **{name: replace(one, since=scene.now) for name, one in back.items()}},
        dismissed={name: one for name, one in dismissed.items() if name not in back},
        spared={name: until for name, until in leaving.spared.items() if until > scene.now and name in there},
        unready={pod.name: leaving.unready.get(pod.name, scene.now) for pod in scene.pods if not pod.ready},
        absent=(scene.now if leaving.absent is None else leaving.absent) if short else None,
    )


def _heard(victim: Victim, pod: Pod, scene: Observation, new_nonce: Callable[[], str]) -> Victim:
    if victim.life is not None and victim.life != pod.life:  # the process that answered is gone
        return Victim(victim.since, new_nonce(), scene.now, life=pod.life)
    return replace(victim, life=pod.life).heard(scene.seals.get(pod.name))


def _in_time(leaving: ScaleDown, scene: Observation) -> ScaleDown:
    """Without those that took longer than they may. One that holds a job is not chosen again soon."""
    late = {
        name
        for name, one in leaving.victims.items()
        if scene.now - one.since > scene.drain_timeout and not one.sealed(scene.now)
    }
    until = scene.now + scene.drain_timeout
    return replace(
        leaving,
        victims={name: one for name, one in leaving.victims.items() if name not in late},
        spared={**leaving.spared, **dict.fromkeys(late, until)},
    )


def _without_busiest(victims: Victims, count: int, scene: Observation) -> Victims:
    """Those that would leave last come back first."""
    order = sorted(victims, key=lambda name: (victims[name].sealed(scene.now), -_running(name, scene)))
    back = set(order[:count])
    return {name: one for name, one in victims.items() if name not in back}


def _with_more(
    leaving: ScaleDown,
    count: int,
    scene: Observation,
    workers: Mapping[str, Candidate],
    new_nonce: Callable[[], str],
) -> ScaleDown:
    names = choose(
        count,
        scene.pods,
        workers,
        unasked=_unasked(leaving, scene),
        taken={*leaving.victims, *leaving.dismissed},
        spared=leaving.spared,
    )
    lives = {pod.name: pod.life for pod in scene.pods}
    chosen = {name: Victim(scene.now, new_nonce(), scene.now, life=lives[name]) for name in names}
    return replace(leaving, victims={**leaving.victims, **chosen})


def _going(leaving: ScaleDown, scene: Observation) -> set[str]:
    """Victims with which nothing can be lost now."""
    unasked = _unasked(leaving, scene)
    unready = {pod.name for pod in scene.pods if not pod.ready}
    return {
        name
        for name, one in leaving.victims.items()
        if name in unasked or (name in unready and one.sealed(scene.now))
    }


def _absent(leaving: ScaleDown, scene: Observation) -> int:
    """Pods that the Deployment asks for, are not made (a quota, an admission rule), and are not expected.

    The controller must have counted what was read here: one that still counts a pod which was just deleted
    would take another for it.
    """
    long_ago = leaving.absent is not None and scene.now - leaving.absent >= ABSENT_SECONDS
    return scene.replicas - len(scene.pods) if long_ago and scene.counted == len(scene.pods) else 0


def _obstacles(
    going: Collection[str], absent: int, leaving: ScaleDown, scene: Observation
) -> tuple[Hold, ...]:
    """Why the ReplicaSet could take another than those that go; nothing where it can't."""
    if not scene.steady:
        return (Hold(HoldCause.CONTROLLER_BEHIND, "the Deployment's controller has not caught up"),)
    if leaving.dismissed:
        words = "the ReplicaSet's controller has not taken them away yet"
        return (Hold(HoldCause.CONTROLLER_BEHIND, words, tuple(sorted(leaving.dismissed))),)
    if len(scene.pods) + absent != scene.replicas:
        words = f"there are {len(scene.pods)} pods of {scene.replicas}"
        few = len(scene.pods) < scene.replicas
        return (Hold(HoldCause.PODS_MISSING if few else HoldCause.CONTROLLER_BEHIND, words),)
    others = [pod for pod in scene.pods if pod.name not in going and not pod.ready]
    return tuple(Hold(HoldCause.OTHER_NOT_READY, _unready_words(pod), (pod.name,)) for pod in others)


def _unready_words(pod: Pod) -> str:
    why = pod.failing or pod.unschedulable or pod.waiting
    return "is not ready, and could be taken in place of one that leaves" + (f" ({why})" if why else "")


def _asked(
    before: ScaleDown,
    after: ScaleDown,
    replicas: int,
    scene: Observation,
    new_nonce: Callable[[], str],
    *,
    holds: tuple[Hold, ...] = (),
) -> Step:
    """With a new question for everybody, and with those who are to claim again."""

    def fresh(victims: Victims) -> Victims:
        return {
            name: one.asked_anew(new_nonce(), scene.now) if one.asked < scene.now else one
            for name, one in victims.items()
        }

    asked = replace(after, victims=fresh(after.victims), dismissed=fresh(after.dismissed))
    there = {pod.name for pod in scene.pods}
    released = {*before.victims, *before.dismissed} - asked.requests.keys()
    return Step(asked, replicas, tuple(sorted(released & there)), holds)


def _unasked(leaving: ScaleDown, scene: Observation) -> set[str]:
    workers = scene.workers or {}
    return {
        pod.name
        for pod in scene.pods
        if may_go_unasked(pod, workers, scene.now - leaving.unready.get(pod.name, scene.now))
    }


def _running(name: str, scene: Observation) -> int:
    worker = (scene.workers or {}).get(name)
    return worker.running if worker else 0
