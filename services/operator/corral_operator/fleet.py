"""Counts of a pool's pods for the law, and the reasons why pods are missing."""

from collections.abc import Mapping

from corral.scaling.decision import Fleet
from corral.scaling.signal import Signal
from corral_operator.cluster.target import Deployment, Owned
from corral_operator.scale_down.candidates import Candidate
from corral_operator.scale_down.holds import Hold, HoldCause
from corral_operator.scale_down.scale_down import ScaleDown


def fleet_of(deployment: Deployment, owned: Owned | None, leaving: ScaleDown) -> Fleet:
    """Count the workers that stay, and those that leave, for the law.

    Args:
        deployment: as it was read.
        owned: its pods; None where they were not read, because all are ready and nobody leaves.
        leaving: who leaves.
    """
    wanted = max(0, deployment.replicas - len(leaving.victims))
    if owned is None:
        return Fleet(wanted, ready=min(wanted, deployment.ready))
    staying = [pod for pod in owned.pods if pod.name not in leaving.requests]
    missing = [pod for pod in staying if not pod.ready]
    refused = max(0, wanted - len(staying)) if deployment.refused else 0
    return Fleet(
        wanted,
        ready=min(wanted, len(staying) - len(missing)),
        leaving=len(leaving.victims),
        failing=min(wanted, sum(pod.failing is not None for pod in missing) + refused),
        unschedulable=min(wanted, sum(pod.unschedulable is not None for pod in missing)),
    )


def trouble_of(deployment: Deployment, owned: Owned | None) -> str | None:
    """Why pods are missing, in Kubernetes' words; None where it gives no reason."""
    pods = owned.pods if owned else ()
    missing = (pod.failing or pod.unschedulable for pod in pods if not pod.ready)
    return deployment.refused or next((why for why in missing if why), None)


def missing_of(deployment: Deployment, owned: Owned | None, leaving: ScaleDown) -> list[Hold]:
    """What the workers are waiting for that the Deployment asks for and that are not ready."""
    if owned is None:
        return []
    holds = [
        Hold(
            HoldCause.PODS_NOT_READY,
            pod.failing or pod.unschedulable or pod.waiting or "not ready",
            (pod.name,),
        )
        for pod in owned.pods
        if not pod.ready and pod.name not in leaving.requests
    ]
    unmade = deployment.replicas - len(owned.pods)
    if unmade > 0:
        why = deployment.refused or "its controller has not created them"
        holds.append(Hold(HoldCause.PODS_MISSING, f"{unmade} pods are missing: {why}"))
    return holds


def workers_of(signal: Signal | None) -> Mapping[str, Candidate] | None:
    """The workers in the leader's signal, by name; None where the signal is lost."""
    if signal is None:
        return None
    return {
        name: Candidate(name, one.running, one.alive_for, draining=one.state == "draining")
        for name, one in signal.workers.items()
    }
