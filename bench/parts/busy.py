"""The laps of the fastest contenders, and POST to start, on cores that others want too: nodes of Kubernetes are busy machines."""

import sys
from collections.abc import Callable

from bench.contenders import bullmq
from bench.contenders.bullmq import BullMQ
from bench.effort import Effort
from bench.goal import Goal
from bench.measuring import race
from bench.measuring.child import Command, started
from bench.parts import idle, throughput
from bench.section import Section, Table
from bench.servers import Servers

OTHERS = 2
"""Processes that each want a core, with the priority of everything here."""
TEXT = f"""\
The same laps and the same POSTs while {OTHERS} processes beside them compute without end, each at the priority of the
systems that are measured: every wake-up waits for its turn on a core."""


def measure(servers: Servers, effort: Effort, say: Callable[[str], None]) -> Section:
    bullmq.install()
    at_fifty, shipped = throughput.at_fifty(effort), throughput.shipped(effort)
    peer = BullMQ(throughput.CONCURRENCY, effort.of(10_000))
    spin = Command([sys.executable, "-c", "while True: pass"])
    with started({f"other {number}": spin for number in range(OTHERS)}):
        results = race.race(servers, [at_fifty, peer, shipped], effort.laps, say)
        starts = idle.starts_of_a_new_worker(servers, effort)
    p99 = 1000 * idle.at(starts, 0.99)
    say(f"POST to start: median {1000 * idle.at(starts, 0.5):.1f} ms, p99 {p99:.1f} ms")
    rivals = results[peer.name]
    return Section(
        title="Throughput on busy cores",
        text=TEXT,
        tables=(
            throughput.table(results, shipped.name),
            Table(
                ("Milliseconds", "median", "p99", "most"), (("POST to handler's start", *idle.row(starts)),)
            ),
        ),
        goals=(
            Goal("busy_throughput_50_vs_bullmq", race.ratio(results[at_fifty.name], rivals), ">=", 3.5, "x"),
            Goal(
                "busy_throughput_shipped_vs_bullmq", race.ratio(results[shipped.name], rivals), ">=", 4.5, "x"
            ),
            Goal("busy_post_to_start_p99", p99, "<=", 25, "ms"),
        ),
    )
