"""A worker with half a core and the memory of the chart's pod, beside the fastest peer's worker with the same."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bench.contenders import bullmq
from bench.contenders.bullmq import BullMQ
from bench.contenders.corral import Corral
from bench.effort import Effort
from bench.goal import Goal
from bench.measuring import race
from bench.measuring.child import Command, started
from bench.measuring.control_group import ControlGroup, NoControlGroupError, control_group
from bench.measuring.cost import MIB
from bench.measuring.pod import MEMORY_MIB, PROCESSORS, REQUESTED_MIB
from bench.parts import idle, throughput
from bench.section import Section, Table
from bench.servers import Servers

CPU_TOLERANCE = 1.15
"""Times its share of the processor from which on a worker was not bounded: its last period began before it was counted."""
TITLE = "Half a core"
TEXT = f"""\
The same jobs, but the worker alone is in a control group of {PROCESSORS:g} of a core and {MEMORY_MIB} MiB, as in a
small pod; the servers, the publisher and the maintenance are outside. One worker with {throughput.CONCURRENCY} slots
beside one of the peer's with as many, in turns, under the same bounds. The goal of the ratio is that of workers
without bounds: what a worker can do with half a core depends on its own CPU per job alone, which is where Corral is
ahead. The goal of the start is that of an idle system as well, since a worker that waits needs no half core: a pod
must not answer later because it is small. For memory the bound is what the chart requests, not what the peer takes:
below its request a pod is not evicted. A job of the peer's is a row and an addition to its queue, without HTTP, and
its start is when its record of it begins; Corral's runs from the POST to the handler."""


@dataclass(frozen=True)
class Bounded:
    """A contender whose workers run in a control group, and what runs in its background does not."""

    contender: race.Contender
    group: ControlGroup

    @property
    def name(self) -> str:
        return self.contender.name

    @property
    def jobs(self) -> int:
        return self.contender.jobs

    def seed(self, servers: Servers) -> None:
        self.contender.seed(servers)

    def background(self, servers: Servers) -> Mapping[str, Command]:
        return self.contender.background(servers)

    def commands(self, servers: Servers) -> Mapping[str, Command]:
        commands = self.contender.commands(servers)
        return {name: self.group.inside(command) for name, command in commands.items()}

    def left(self, servers: Servers) -> int:
        return self.contender.left(servers)

    def span(self, servers: Servers) -> race.Span:
        return self.contender.span(servers)


def measure(servers: Servers, effort: Effort, say: Callable[[str], None]) -> Section:
    """Without goals where no control group can be made."""
    bullmq.install()
    try:
        with control_group(PROCESSORS, MEMORY_MIB * MIB) as group:
            return _measure(servers, effort, say, group)
    except NoControlGroupError as error:
        say(f"not run: {error}")
        return Section(TITLE, f"{TEXT}\n\n**Not run on this machine**: {error}.", (), ())


def _measure(servers: Servers, effort: Effort, say: Callable[[str], None], group: ControlGroup) -> Section:
    if not group.bounds_memory:
        say("control groups of version 1: the processor alone is bounded, memory is only measured")
    ours = Corral(effort.of(throughput.JOBS), _pod(), name="Corral, half a core")
    peer = BullMQ(throughput.CONCURRENCY, effort.of(6_000), name="BullMQ + pg, half a core")
    results = race.race(servers, [Bounded(ours, group), Bounded(peer, group)], effort.laps, say)
    for result in results.values():
        _check(result)
    starts = {
        ours.name: idle.starts_of_a_new_worker(servers, effort, group.inside),
        peer.name: _peers_starts(servers, effort, peer, group),
    }
    for name, of in starts.items():
        say(
            f"{name}: to start median {1000 * idle.at(of, 0.5):.1f} ms, p99 {1000 * idle.at(of, 0.99):.1f} ms"
        )
    peaks = {name: max(lap.usage.peak["worker"] for lap in result.laps) for name, result in results.items()}
    return Section(
        title=TITLE,
        text=TEXT if group.bounds_memory else f"{TEXT} Here memory was measured and not bounded.",
        tables=(
            throughput.table(results, ours.name),
            Table(
                ("Worker", "cores", "CPU ms per job", "peak MiB", "to start: median ms", "p99", "most"),
                tuple(
                    (name, *_cells(result), f"{peaks[name]:.0f}", *idle.row(starts[name]))
                    for name, result in results.items()
                ),
            ),
        ),
        goals=(
            Goal("small_throughput_vs_bullmq", race.ratio(*results.values()), ">=", 4, "x"),
            Goal("small_post_to_start_p99", 1000 * idle.at(starts[ours.name], 0.99), "<=", 12, "ms"),
            Goal("small_worker_peak", peaks[ours.name], "<=", REQUESTED_MIB, "MiB"),
        ),
    )


def _pod() -> dict[str, str]:
    """What the chart sets in a pod of this size: as many processes at once as it has whole processors, at least one."""
    return {"SLOTS_ASYNC": str(throughput.CONCURRENCY), "SLOTS_PROCESS": "1"}


def _cells(result: race.Result) -> tuple[str, str]:
    return (
        f"{result.median(_cores):.2f}",
        f"{result.median(lambda lap: 1000 * lap.usage.cpu['worker'] / lap.usage.jobs):.3f}",
    )


def _cores(lap: race.Lap) -> float:
    return lap.usage.cpu["worker"] / lap.usage.seconds


def _check(result: race.Result) -> None:
    """Raises: RuntimeError when a worker took more than its share: then nothing bounded it."""
    for lap in result.laps:
        if _cores(lap) > CPU_TOLERANCE * PROCESSORS:
            raise RuntimeError(
                f"the worker of {result.name} took {_cores(lap):.2f} cores: nothing bounded it"
            )


def _peers_starts(servers: Servers, effort: Effort, peer: BullMQ, group: ControlGroup) -> list[float]:
    servers.reset()
    idle_peer = BullMQ(peer.concurrency, jobs=0)
    idle_peer.seed(servers)
    commands = Bounded(idle_peer, group).commands(servers)
    with started(commands):
        idle_peer.starts(servers, idle.WARM_UP_POSTS)
        return sorted(idle_peer.starts(servers, effort.idle_posts))
