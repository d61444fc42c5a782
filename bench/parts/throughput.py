"""Jobs that do nothing, as fast as each system goes."""

from collections.abc import Callable, Mapping

from bench.contenders import bullmq
from bench.contenders.bullmq import BullMQ, BullMQPostgres
from bench.contenders.celery import CeleryPrefork
from bench.contenders.corral import Corral, PostgresAlone
from bench.contenders.procrastinate import Procrastinate
from bench.contenders.rq import Rq
from bench.contenders.taskiq import Taskiq
from bench.effort import Effort
from bench.goal import Goal
from bench.measuring import race
from bench.section import Section, Table
from bench.servers import Servers
from corral.settings.cpus import cpu_limit

JOBS = 20_000
CONCURRENCY = 50
TEXT = """\
Jobs that return their payload. All are queued before the clock runs; the rate is from the first start to the
last finish as the system itself recorded them. Every system but RQ records both transitions of each job in
Postgres, which syncs every commit. The ratio is the median of the laps' ratios. CPU counts every process of
the system and both servers, from the first job that was seen to end. Corral's maintenance runs beside its
workers. As shipped means default settings and a worker for each processor: the pool scales
itself further than that under such a backlog, and what is compared is what users get."""


def measure(servers: Servers, effort: Effort, say: Callable[[str], None]) -> Section:
    bullmq.install()
    fifty, default = at_fifty(effort), shipped(effort)
    alone = PostgresAlone(default)
    peer = BullMQ(CONCURRENCY, effort.of(JOBS))
    stock = Rq(effort.of(4_000))
    slower = (
        BullMQPostgres(CONCURRENCY, effort.of(10_000)),
        CeleryPrefork(jobs=effort.of(6_000)),
        Taskiq(CONCURRENCY, effort.of(6_000)),
        Procrastinate(CONCURRENCY, effort.of(4_000)),
    )
    contenders = [fifty, peer, default, alone, stock, *(slower if effort.slow_peers else ())]
    results = race.race(servers, contenders, effort.laps, say)
    return Section(
        title="Throughput",
        text=TEXT,
        tables=(table(results, default.name), _processes(results)),
        goals=(
            Goal(
                "throughput_50_vs_bullmq",
                race.ratio(results[fifty.name], results[peer.name]),
                ">=",
                4,
                "x",
            ),
            Goal(
                "throughput_shipped_vs_bullmq",
                race.ratio(results[default.name], results[peer.name]),
                ">=",
                5.5,
                "x",
            ),
            Goal("throughput_vs_rq", race.ratio(results[default.name], results[stock.name]), ">=", 15, "x"),
            Goal(
                "throughput_vs_postgres_alone",
                race.ratio(results[default.name], results[alone.name]),
                ">=",
                0.5,
                "x",
            ),
        ),
    )


def at_fifty(effort: Effort) -> Corral:
    """One worker with as many slots as the peers run jobs at once."""
    return Corral(effort.of(JOBS), {"SLOTS_ASYNC": str(CONCURRENCY)}, name=f"Corral, {CONCURRENCY} slots")


def shipped(effort: Effort) -> Corral:
    """Default settings, and a worker for each processor."""
    return Corral(effort.of(JOBS), name="Corral as shipped", workers=cpu_limit())


def table(results: Mapping[str, race.Result], ours: str) -> Table:
    return Table(
        ("System", "jobs/s", "lowest to highest lap", f"{ours} is", "CPU ms per job"),
        tuple(
            (
                name,
                f"{result.rate:,.0f}",
                f"{min(lap.span.rate for lap in result.laps):,.0f} to {max(lap.span.rate for lap in result.laps):,.0f}",
                "" if name == ours else f"{race.ratio(results[ours], result):.1f} x",
                f"{result.median(lambda lap: 1000 * lap.usage.cpu_per_job):.2f}",
            )
            for name, result in results.items()
        ),
    )


def _processes(results: Mapping[str, race.Result]) -> Table:
    rows: list[tuple[str, ...]] = []
    for name, result in results.items():
        usage = result.laps[-1].usage
        for process, cpu in usage.cpu.items():
            peak = f"{usage.peak[process]:.0f}" if process in usage.peak else ""
            rows.append(
                (f"{name}: {process}", f"{1000 * cpu / usage.jobs:.3f}", f"{cpu / usage.seconds:.2f}", peak)
            )
    return Table(("Process in the last lap", "CPU ms per job", "cores", "peak MiB"), tuple(rows))
