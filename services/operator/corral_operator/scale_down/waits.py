"""What a scale-down is waiting for, worker by worker, as far as it can be seen from outside of the workers."""

from collections.abc import Iterator

from corral_operator.cluster.target import Pod
from corral_operator.scale_down.holds import Hold, HoldCause, gathered
from corral_operator.scale_down.scale_down import Observation, Step
from corral_operator.scale_down.victim import Victim


def waits_of(done: Step, scene: Observation) -> tuple[Hold, ...]:
    """Why a pool still has more workers than it should have, ordered as in `HoldCause`; empty where it has not.

    Args:
        done: the step that was just computed.
        scene: what the step was computed from.
    """
    if scene.workers is None or done.replicas <= scene.desired:
        return ()
    if scene.rolling:
        return (_rollout(scene),)
    pods = {pod.name: pod for pod in scene.pods}
    told = {name for hold in done.holds for name in hold.pods}
    waits = [
        _wait(pods[name], victim, scene)
        for name, victim in done.leaving.victims.items()
        if name in pods and name not in told and not _goes(pods[name], victim, scene)
    ]
    if len(done.leaving.victims) < done.replicas - scene.desired:
        waits.extend(_unchosen(done, scene))
    return gathered([*done.holds, *waits])


def _rollout(scene: Observation) -> Hold:
    if scene.rollout_paused:
        words = "its Deployment is paused in the middle of a rollout; continue it with kubectl rollout resume"
        return Hold(HoldCause.ROLLOUT_PAUSED, words)
    return Hold(HoldCause.ROLLOUT, "no worker is removed before the rollout is over")


def _goes(pod: Pod, victim: Victim, scene: Observation) -> bool:
    """Whether a victim is ready to be removed, so that the pool is waiting for others."""
    return not pod.ready and (scene.sealed(victim) or not pod.born)


def _wait(pod: Pod, victim: Victim, scene: Observation) -> Hold:
    worker = (scene.workers or {}).get(pod.name)
    if worker is None:
        words = "the leader of maintenance does not know this worker"
        return Hold(HoldCause.UNKNOWN_WORKER, words, (pod.name,))
    if scene.sealed(victim):
        return Hold(HoldCause.STILL_READY, "is sealed, but Kubernetes still reports it as ready", (pod.name,))
    if not worker.draining:
        return Hold(
            HoldCause.NOT_DRAINED, "the leader of maintenance has not written its drain yet", (pod.name,)
        )
    if worker.running:
        return Hold(HoldCause.JOBS_RUNNING, f"is finishing {_jobs(worker.running)}", (pod.name,))
    if victim.sealed_at is None:
        words = f"is drained, but has not answered{_for(scene.now - victim.since)}"
    else:
        words = f"is sealed, but has not answered{_for(scene.now - victim.sealed_at)}"
    return Hold(HoldCause.NOT_ANSWERED, words, (pod.name,))


def _unchosen(done: Step, scene: Observation) -> Iterator[Hold]:
    """Why other workers can't be asked to leave."""
    workers = scene.workers or {}
    for pod in scene.pods:
        if pod.name in done.leaving.requests:
            continue
        worker = workers.get(pod.name)
        if worker is not None and worker.running and pod.name in done.leaving.spared:
            words = (
                f"did not finish within {scene.drain_timeout:.0f} s and still runs {_jobs(worker.running)}"
            )
            yield Hold(HoldCause.JOBS_RUNNING, words, (pod.name,))
        elif worker is None and pod.ready:
            words = "is ready, but the leader of maintenance does not know it as a worker"
            yield Hold(HoldCause.UNKNOWN_WORKER, words, (pod.name,))
        elif worker is None:
            seconds = scene.now - done.leaving.unready.get(pod.name, scene.now)
            why = pod.failing or pod.waiting or "starts"
            yield Hold(HoldCause.UNKNOWN_WORKER, f"is not ready{_for(seconds)} ({why})", (pod.name,))


def _jobs(count: int) -> str:
    return "1 job" if count == 1 else f"{count} jobs"


def _for(seconds: float) -> str:
    """How long, in steps of five seconds, so that a text does not change every second."""
    return f" for {seconds // 5 * 5:.0f} s" if seconds >= 5 else ""
