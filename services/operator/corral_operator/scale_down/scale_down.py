"""Scales a pool down without interrupting a job: workers are chosen, drained, sealed and removed. One pure step.

A chosen worker drains: it claims no more. Once it runs nothing it seals itself: it answers
the nonce in the request, becomes not ready, and claims nothing for 30 seconds whatever happens. Only
then the number of replicas is lowered, by the number of sealed workers; the ReplicaSet removes pods that are not ready.

Each second every victim gets a new nonce, and its earlier answers count meanwhile. So all are
known to be sealed at once, whenever each was chosen, as long as answers take no longer than `ANSWER_VALID_SECONDS` seconds
less two between requests. Were an answer to expire with the next request, one victim would always be in doubt,
and one in doubt that is not ready would block all the others.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final

from corral_operator.cluster.target import Pod
from corral_operator.scale_down.candidates import Candidate, choose, may_go_unasked
from corral_operator.scale_down.holds import Hold, HoldCause
from corral_operator.scale_down.victim import Victim
from corral_operator.timing import TIMING, Timing

UNASKED_WITHIN: Final = 2.0
"""Seconds within which the removal of a pod that does not run must be sent, because its container may start."""


Victims = Mapping[str, Victim]
_NOBODY: Final[Victims] = MappingProxyType({})


def _nobody() -> Victims:
    return _NOBODY


@dataclass(frozen=True, slots=True)
class ScaleDown:
    """The workers of a pool that are leaving. Empty at first."""

    victims: Victims = field(default_factory=_nobody)
    """Chosen workers that the Deployment still asks for."""
    dismissed: Victims = field(default_factory=_nobody)
    """Workers that the Deployment no longer asks for, and whose pods still exist: they stay sealed."""
    spared: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    """Workers that did not finish in time, and until when they are not chosen again while they run jobs."""
    unready: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    """Since when each pod is not ready."""
    absent: float | None = None
    """Since when there are fewer pods than the Deployment asks for."""

    @property
    def anyone(self) -> bool:
        """Whether any worker is leaving."""
        return bool(self.victims or self.dismissed)

    @property
    def requests(self) -> Mapping[str, str]:
        """The current nonce for each leaving worker."""
        return {name: one.nonce for name, one in (*self.victims.items(), *self.dismissed.items())}


@dataclass(frozen=True, slots=True)
class Observation:
    """Everything that one step of a scale-down depends on."""

    desired: int
    """Workers that the law asks for."""
    replicas: int
    """Workers that the Deployment asks for."""
    pods: tuple[Pod, ...]
    workers: Mapping[str, Candidate] | None
    """The workers in the signal; None where the signal is lost."""
    seals: Mapping[str, str]
    """The nonce that each worker answered last."""
    steady: bool
    """Whether one ReplicaSet has all pods, and the Deployment's controller has seen the newest specification."""
    rolling: bool
    """Pods of an older template are being replaced."""
    drain_timeout: float
    now: float
    counted: int | None = None
    """Pods that the Deployment's controller counts; None where that is not known."""
    rollout_paused: bool = False
    """Whether the rollout is paused, so that a person has to continue it."""
    timing: Timing = TIMING

    def sealed(self, victim: Victim) -> bool:
        """Whether it is sealed for long enough to be removed now."""
        return victim.sealed(self.now, self.timing.answer_valid)


@dataclass(frozen=True, slots=True)
class Step:
    """What to do now: the result of one step."""

    leaving: ScaleDown
    replicas: int
    """Replicas that the Deployment should ask for."""
    released: tuple[str, ...] = ()
    """Workers that may claim again."""
    holds: tuple[Hold, ...] = ()
    """Why workers that are ready to leave are not removed."""
    until: float = float("inf")
    """Monotonic seconds before which a lower number must be sent, or the seals might end too early."""


def step(leaving: ScaleDown, scene: Observation, new_nonce: Callable[[], str]) -> Step:
    """Compute the next step for a pool.

    New load cancels drains before it starts pods. No worker leaves while the signal is lost or a rollout is under way.
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
    return replace(done, until=min([soon, *(at + scene.timing.answer_valid for at in seals)]))


def _seen(leaving: ScaleDown, scene: Observation, new_nonce: Callable[[], str]) -> ScaleDown:
    """Add the new answers, and remove the workers whose pods are gone.

    Dismissed workers that the ReplicaSet no longer has to remove become victims again; their answers stay valid.
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
    """Remove the victims that took longer than the drain timeout. They are not chosen again soon while they run jobs."""
    late = {
        name
        for name, one in leaving.victims.items()
        if scene.now - one.since > scene.drain_timeout and not scene.sealed(one)
    }
    until = scene.now + scene.drain_timeout
    return replace(
        leaving,
        victims={name: one for name, one in leaving.victims.items() if name not in late},
        spared={**leaving.spared, **dict.fromkeys(late, until)},
    )


def _without_busiest(victims: Victims, count: int, scene: Observation) -> Victims:
    """Release `count` victims, those that would leave last first."""
    order = sorted(victims, key=lambda name: (scene.sealed(victims[name]), -_running(name, scene)))
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
    """The victims that can be removed now without losing anything."""
    unasked = _unasked(leaving, scene)
    unready = {pod.name for pod in scene.pods if not pod.ready}
    return {
        name
        for name, one in leaving.victims.items()
        if name in unasked or (name in unready and scene.sealed(one))
    }


def _absent(leaving: ScaleDown, scene: Observation) -> int:
    """How many pods the Deployment asks for that are not created (a quota, an admission rule) and not expected soon.

    The controller must have counted the same pods: one that still counts a pod which was just deleted
    would remove another one for it.
    """
    long_ago = leaving.absent is not None and scene.now - leaving.absent >= scene.timing.absent
    return scene.replicas - len(scene.pods) if long_ago and scene.counted == len(scene.pods) else 0


def _obstacles(
    going: Collection[str], absent: int, leaving: ScaleDown, scene: Observation
) -> tuple[Hold, ...]:
    """Why the ReplicaSet could remove another pod than the chosen ones; empty where it can't."""
    if not scene.steady:
        return (
            Hold(
                HoldCause.CONTROLLER_BEHIND, "the Deployment's controller has not processed the last change"
            ),
        )
    if leaving.dismissed:
        words = "the ReplicaSet's controller has not removed them yet"
        return (Hold(HoldCause.CONTROLLER_BEHIND, words, tuple(sorted(leaving.dismissed))),)
    if len(scene.pods) + absent != scene.replicas:
        words = f"{len(scene.pods)} of {scene.replicas} pods exist"
        few = len(scene.pods) < scene.replicas
        return (Hold(HoldCause.PODS_MISSING if few else HoldCause.CONTROLLER_BEHIND, words),)
    others = [pod for pod in scene.pods if pod.name not in going and not pod.ready]
    return tuple(Hold(HoldCause.OTHER_NOT_READY, _unready_words(pod), (pod.name,)) for pod in others)


def _unready_words(pod: Pod) -> str:
    why = pod.failing or pod.unschedulable or pod.waiting
    return "is not ready, so the ReplicaSet could remove it in place of one that leaves" + (
        f" ({why})" if why else ""
    )


def _asked(
    before: ScaleDown,
    after: ScaleDown,
    replicas: int,
    scene: Observation,
    new_nonce: Callable[[], str],
    *,
    holds: tuple[Hold, ...] = (),
) -> Step:
    """The step, with a new nonce for every leaving worker, and with the workers that may claim again."""

    def fresh(victims: Victims) -> Victims:
        return {
            name: one.asked_anew(new_nonce(), scene.now, scene.timing.answer_valid)
            if one.asked < scene.now
            else one
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
