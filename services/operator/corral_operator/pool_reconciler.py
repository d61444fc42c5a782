"""Reconciles one pool, once a second: reads its Deployment, decides how many workers there should be, and scales it."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Final

import structlog

from corral.dispatch import Dispatch
from corral.scaling.decision import Condition, Decision, Fleet
from corral.scaling.history import History
from corral.scaling.law import decide
from corral.scaling.pool_backlog import PoolBacklog
from corral.scaling.signal import LOST_SECONDS, Signal
from corral.scaling.throughput import Throughput
from corral_operator.cluster.api import ApiError, ApiForbidden, Away, Outdated
from corral_operator.cluster.cluster import Cluster
from corral_operator.cluster.target import Deployment
from corral_operator.cluster.target_reader import TargetReader, TargetView, forbidden
from corral_operator.cluster.worker_pool import WorkerPool
from corral_operator.fleet import fleet_of, missing_of, trouble_of, workers_of
from corral_operator.reports import metrics
from corral_operator.reports.container_exits import ContainerExits
from corral_operator.reports.log_repeats import LogRepeats
from corral_operator.reports.reporter import PoolReport, Reporter
from corral_operator.reports.status import Held, Trouble
from corral_operator.rival_scaler import RivalScaler
from corral_operator.scale_down.holds import Hold, HoldCause, said
from corral_operator.scale_down.leave_requests import LeaveRequests, nonce
from corral_operator.scale_down.scale_down import Observation, ScaleDown, Step, step
from corral_operator.scale_down.standstill import Direction, Stand, Standstill, StuckPods
from corral_operator.scale_down.waits import waits_of
from corral_operator.timing import TIMING, Timing

log = structlog.get_logger(__name__)

REVERSAL_SECONDS: Final = 300.0
SCALE_UP_TRIES: Final = 3
"""Tries of one scale-up, where the Deployment changes between reading and scaling it."""


class Late(ApiError):
    """A change was not sent, because the workers' seals might end before it takes effect."""


class PoolReconciler:
    """Scales one pool. It keeps what has to be remembered between two turns; a new one adopts what it finds."""

    def __init__(
        self,
        cluster: Cluster,
        dispatch: Dispatch,
        pool: WorkerPool,
        may_act: Callable[[], bool],
        timing: Timing = TIMING,
    ) -> None:
        self._timing = timing
        self._cluster, self._may_act = cluster, may_act
        self._asking = LeaveRequests(dispatch, pool.name)
        self._target = TargetReader(cluster, pool.target)
        self._announcer = Reporter(cluster, dispatch, pool)
        self._exits = ContainerExits(dispatch.exits)
        self._throughput = Throughput()
        self._history, self._rivalry = History(), RivalScaler()
        self._repeats = LogRepeats()
        self._leaving: ScaleDown | None = None
        self._shrunk = float("-inf")
        self._since = time.monotonic()
        self._told: PoolReport | None = None
        self._standstill, self._ending = Standstill(timing), StuckPods()
        self._waits: tuple[Hold, ...] = ()
        """What the scale-down is waiting for."""
        self._refusals: list[Hold] = []
        """What prevented the change in this turn."""
        self._conflicts = 0
        """Changes in a row that were refused because the Deployment had changed."""

    async def turn(self, pool: WorkerPool, signal: Signal | None, rival: str | None, now: float) -> None:
        """Read, decide and scale once. Raises nothing that Kubernetes or Redis could cause; may be cancelled anywhere.

        Args:
            pool: as it is now.
            signal: the backlog; None when it is lost.
            rival: why this pool must leave its Deployment alone; None where it need not.
            now: monotonic seconds.
        """
        if pool.target != self._target.name:
            self._target = TargetReader(self._cluster, pool.target)
            self._history, self._rivalry = History(), RivalScaler()
        self._waits, self._refusals = (), []
        self._asking.begin()
        if self._leaving is None:
            self._leaving = await self._asking.adopted(now)
        leaving = self._leaving or ScaleDown()
        sight = await self._target.look(now, closely=leaving.anyone or self._history.first)
        backlog = PoolBacklog.of(signal, pool.pool)
        rate = self._throughput.at(now, backlog.arrived, backlog.live) if signal else 0.0
        if isinstance(sight, Held):
            await self._blind(pool, sight, backlog, rate, now)
            return
        if sight.owned is not None:
            await self._exits.tell(sight.owned.exits)
        if not sight.stale:
            rival = self._rivalry.found(sight.deployment.replicas, now) or rival
        asked = pool if rival is None else replace(pool, pool=replace(pool.pool, paused=True))
        fleet = fleet_of(sight.deployment, sight.owned, leaving)
        decision = decide(signal, asked.pool, self._history, fleet, now)
        if rival is not None:
            decision = replace(decision, reason=f"Keeping {fleet.wanted}: {rival}")
        held = [*_held(decision, sight), *([Held(Trouble.TARGET_TAKEN, rival)] if rival else [])]
        if now - self._since < LOST_SECONDS and not self._announcer.holds(Condition.SIGNAL_LOST):
            held = [one for one in held if one.type != Condition.SIGNAL_LOST]  # nobody has spoken yet
        replicas, refusal = await self._tried(
            asked, sight, decision, signal, leaving=leaving, wanted=fleet.wanted, now=now
        )
        held += [refusal] if refusal else []
        stand = None if asked.pool.paused or refusal else self._stand(sight, decision, fleet, replicas, now)
        if stand is not None and (lasting := stand.told) is not None:
            told = {Condition.WORKERS_FAILING, Condition.UNSCHEDULABLE} & decision.conditions
            held += [] if told and stand.direction is Direction.UP else [lasting]
        in_force = next((one for one in held if one.type in {Trouble.FORBIDDEN, Trouble.TARGET_TAKEN}), None)
        report = PoolReport(
            pool=pool, wanted=fleet.wanted, replicas=replicas, ready=sight.deployment.ready,
            desired=decision.desired, needed=decision.needed, reason=decision.reason, backlog=backlog,
            throughput=rate, draining=tuple(sorted((self._leaving or leaving).requests)), held=tuple(held),
            not_ready=in_force, stand=stand,
        )  # fmt: skip
        self._told = report
        await self._announcer.tell(report, now)

    def _stand(
        self, sight: TargetView, decision: Decision, fleet: Fleet, replicas: int, now: float
    ) -> Stand | None:
        """What the pool is waiting for; None where it has the workers that it should have."""
        missing = missing_of(sight.deployment, sight.owned, self._leaving or ScaleDown())
        ending = self._ending.overdue(sight.owned.ending if sight.owned else {}, now)
        down = decision.desired < replicas
        return self._standstill.look(
            replicas=replicas, ready=fleet.ready, wanted=fleet.wanted, desired=decision.desired,
            holds=[*self._refusals, *([*self._asking.holds, *self._waits] if down else missing), *ending], ending=bool(ending), now=now,
        )  # fmt: skip

    async def close(self, pool: WorkerPool) -> None:
        """Withdraw all requests to leave, because the pool was deleted. Raises nothing."""
        leaving = self._leaving or ScaleDown()
        await self._asking.ask(Step(ScaleDown(), 0, tuple(leaving.requests)))
        metrics.forget(pool.name)

    async def _tried(
        self,
        pool: WorkerPool,
        sight: TargetView,
        decision: Decision,
        signal: Signal | None,
        *,
        leaving: ScaleDown,
        wanted: int,
        now: float,
    ) -> tuple[int, Held | None]:
        """Do `_act` and note what Kubernetes refuses. Returns the replicas and, where the Role forbids it, a condition."""
        try:
            replicas = await self._act(pool, sight, decision, signal, leaving=leaving, wanted=wanted, now=now)
        except ApiForbidden as error:
            return sight.deployment.replicas, Held(Trouble.FORBIDDEN, forbidden(pool.target, error))
        except Outdated:
            self._conflicts += 1
            if self._repeats.due("its Deployment changed", now):
                log.info("pool.not_scaled", pool=pool.name, why="its Deployment changed")
            words = f"its Deployment changed before it could be scaled, {self._conflicts} times in a row"
            self._refusals.append(Hold(HoldCause.CONFLICTS, words))
            return sight.deployment.replicas, None
        except ApiError as error:
            if self._repeats.due(str(error), now):
                log.warning("pool.not_scaled", pool=pool.name, desired=decision.desired, error=str(error))
            self._refusals.append(_refusal(error))
            return sight.deployment.replicas, None
        if not sight.stale:  # else nothing was ordered
            self._history = decision.history
        return replicas, None

    async def _act(
        self,
        pool: WorkerPool,
        sight: TargetView,
        decision: Decision,
        signal: Signal | None,
        *,
        leaving: ScaleDown,
        wanted: int,
        now: float,
    ) -> int:
        """Take one step towards the decided number of workers; returns the replicas that the Deployment then asks for.

        Raises:
            ApiError: Kubernetes did not do it; the next turn tries again.
        """
        deployment = sight.deployment
        if sight.stale:
            self._refusals.append(Hold(HoldCause.KUBERNETES_AWAY, "the API server does not answer"))
        if decision.desired < wanted and sight.owned is None and not sight.stale:
            sight = await self._target.closely(sight)
        if sight.owned is None:
            done = Step(leaving, max(deployment.replicas, decision.desired))
        else:
            # Nobody scales a paused pool, so nobody leaves it either: a lost signal means the same.
            known = None if pool.pool.paused else workers_of(signal)
            seen_at = time.monotonic()  # reading took its time, and answers are believed by the second
            scene = Observation(
                desired=deployment.replicas if pool.pool.paused else decision.desired,
                replicas=deployment.replicas,
                pods=sight.owned.pods,
                workers=known,
                seals=await self._asking.answers(leaving),
                steady=deployment.observed and sight.owned.sets <= 1 and not sight.stale,
                rolling=deployment.rolling or sight.owned.sets > 1,
                drain_timeout=pool.drain_timeout,
                now=seen_at,
                counted=deployment.counted,
                rollout_paused=deployment.paused,
                timing=self._timing,
            )
            done = step(leaving, scene, nonce)
            self._waits = waits_of(done, scene)
            if self._waits:
                log.debug("pool.waits", pool=pool.name, why=said(self._waits))
        if self._leaving is not None:
            self._leaving = done.leaving
            await self._asking.ask(done)
        if sight.stale or done.replicas == deployment.replicas or not self._may_act():
            return deployment.replicas
        return await self._scale(pool, deployment, done, now)

    async def _scale(self, pool: WorkerPool, deployment: Deployment, done: Step, now: float) -> int:
        replicas = done.replicas
        down = replicas < deployment.replicas
        if time.monotonic() > done.until:
            raise Late("too late: reading the pool's pods and asking its workers took too long")
        for left in reversed(range(SCALE_UP_TRIES)):
            try:
                await self._cluster.scale(deployment.name, replicas, deployment.version)
                break
            except (Away, asyncio.CancelledError):
                self._rivalry.unsure()
                raise
            except Outdated:
                if down or not left:
                    raise
                deployment = await self._cluster.deployment(deployment.name)
                if deployment.replicas >= replicas:
                    return deployment.replicas
        log.info("pool.scaled", pool=pool.name, before=deployment.replicas, after=replicas)
        self._announcer.scaled()
        self._repeats.over()
        self._conflicts = 0
        self._rivalry.wrote(replicas)
        metrics.DECISIONS.labels(pool.name, "down" if down else "up").inc()
        if down:
            self._shrunk = now
        elif now - self._shrunk <= REVERSAL_SECONDS:
            metrics.REVERSALS.labels(pool.name).inc()
            self._shrunk = float("-inf")
        return replicas

    async def _blind(
        self, pool: WorkerPool, why: Held, backlog: PoolBacklog, rate: float, now: float
    ) -> None:
        """Report that the Deployment can't be read, and leave it as it is: the last decision stays."""
        held = (why,) if why.type == Trouble.FORBIDDEN else ()
        nothing = PoolReport(
            pool=pool, wanted=0, replicas=0, ready=0, desired=0, needed=0, reason="", backlog=backlog,
            throughput=rate, draining=(),
        )  # fmt: skip
        last = replace(self._told or nothing, pool=pool, backlog=backlog, throughput=rate)
        await self._announcer.tell(replace(last, reason=why.message, held=held, not_ready=why), now)


def _held(decision: Decision, sight: TargetView) -> list[Held]:
    """The law's conditions, with what Kubernetes says about missing pods."""
    trouble = trouble_of(sight.deployment, sight.owned)
    pods = {Condition.WORKERS_FAILING, Condition.UNSCHEDULABLE}
    return [
        Held(one.value, f"{decision.reason} ({trouble})" if trouble and one in pods else decision.reason)
        for one in sorted(decision.conditions)
    ]


def _refusal(error: ApiError) -> Hold:
    """The hold for a change that Kubernetes did not make, with its own words."""
    match error:
        case Late():
            return Hold(HoldCause.TOO_SLOW, str(error))
        case Away():
            return Hold(HoldCause.KUBERNETES_AWAY, f"the API server does not answer: {error}")
        case _:
            return Hold(HoldCause.REFUSED, f"the API server refuses the change: {error}")
