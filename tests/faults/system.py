"""A whole Corral of real processes on real servers, to be broken and looked into."""

import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import redis
from bench.measuring.revision import path_of
from psycopg.rows import dict_row
from tests.faults import witness
from tests.faults.client import Client, Load
from tests.faults.leftovers import gone, leftovers
from tests.faults.servers import Servers
from tests.fixtures import programs
from tests.fixtures.process import Process
from tests.fixtures.waiting import START, eventually

from corral.dispatch import key_names

HEARTBEAT, LEASE = 0.5, 2.0
"""Seconds: the shipped ratio and a tenth of the shipped times, so that a fault is over soon."""
GRACE = 5.0
ENDED = ("completed", "failed", "cancelled")


class System:
    """Processes on one database; all end with it. `accepted` are the jobs that clients were promised."""

    def __init__(self, folder: Path, servers: Servers, database_url: str) -> None:
        self.folder = folder
        self.servers = servers
        self.client = Client(database_url, servers.valkey.url)
        self.parts: list[Process] = []
        self.receiver = ""
        """The provider that jobs call, where a test has one."""
        self._connection: psycopg.Connection[dict[str, Any]] | None = None

    # -- its processes

    def worker(self, *, rig: str = "", **settings: object) -> Process:
        """A worker that serves; `rig` names failpoints or switched-off guards (see rig.py)."""
        part = self.part("worker", "corral_worker", rig, settings)
        eventually(lambda: part.said("worker.ready") or not part.alive, timeout=START)
        assert part.said("worker.ready"), part.tail()
        return part

    def maintenance(self, *, rig: str = "", leads: bool = True, **settings: object) -> Process:
        """A process for the duties; waits until it leads, unless told otherwise."""
        part = self.part("maintenance", "corral.maintenance", rig, settings)
        if leads:
            eventually(lambda: part.said("leadership.taken") or not part.alive, timeout=START)
            assert part.said("leadership.taken"), part.tail()
        return part

    def part(
        self, name: str, module: str, rig: str = "", settings: Mapping[str, object] | None = None
    ) -> Process:
        """Any process, with `settings` in its environment as CORRAL_….

        `database_url` and `redis_url` may lead through a proxy; `tree` is the checkout of another revision to run it from.
        """
        program = ("tests.faults.rig", module) if rig else (module,)
        chosen = dict(settings or {})
        tree = chosen.pop("tree", None)
        path = {"PYTHONPATH": f"{path_of(tree)}:{programs.ROOT}"} if isinstance(tree, Path) else {}
        part = Process(
            *program,
            environment=self._environment(chosen) | {"RIG": rig} | path,
            log=self.folder / f"{name}-{len(self.parts)}.log",
            folder=programs.ROOT,
            forked=False,  # the processes of a system are found by the environment they were started with
        )
        self.parts.append(part)
        return part

    def _environment(self, settings: Mapping[str, object]) -> dict[str, str]:
        chosen = {
            "database_url": self.client.database_url,
            "redis_url": self.client.redis_url,
            "jobs": "tests.faults.jobs",
            "heartbeat": HEARTBEAT,
            "lease": LEASE,
            "grace": GRACE,
            "slots_process": 2,
            "metrics_port": 0,
            "log_format": "json",
            "log_level": "info",
            **settings,
        }
        return (
            programs.environment(**chosen)
            | programs.OF_TESTS
            | {
                "FAULTS_FOLDER": str(self.folder),
                "FAULTS_RECEIVER": self.receiver,
            }
        )

    # -- its jobs

    def submit(self, count: int = 1, type: str = "faults.work", **payload: Any) -> list[UUID]:
        return self.client.submit(count, type, **payload)

    def let_end(self, name: str = "go") -> None:
        """Jobs that were submitted with `until` this end, those that begin later at once."""
        (self.folder / name).touch()

    def load(self, **options: Any) -> Load:
        """Jobs without end; use as a context manager."""
        return Load(self.client, **options)

    @property
    def accepted(self) -> list[UUID]:
        return self.client.accepted

    def until_ended(self, ids: Sequence[UUID] | None = None, *, seconds: float = 60) -> None:
        """Wait until these jobs, or all that were accepted, have ended."""
        wanted = list(self.accepted if ids is None else ids)
        eventually(lambda: not self.live(wanted), timeout=seconds, ignoring=(psycopg.OperationalError,))

    def until_running(self, count: int, *, seconds: float = 30) -> list[UUID]:
        """Wait until so many jobs at least run, and their handlers have started; their ids."""

        def found() -> list[UUID]:
            started = {job for job, _ in self.starts()}
            rows = self.rows("SELECT id FROM corral.jobs WHERE state = 'running'")
            ids = [row["id"] for row in rows if str(row["id"]) in started]
            return ids if len(ids) >= count else []

        return eventually(found, timeout=seconds)

    def live(self, ids: Sequence[UUID]) -> dict[str, int]:
        """How many of these jobs have not ended, by state."""
        rows = self.rows(
            "SELECT state, count(*) AS n FROM corral.jobs WHERE id = ANY(%s) AND finished_at IS NULL GROUP BY 1",
            list(ids),
        )
        return {row["state"]: row["n"] for row in rows}

    def jobs(self, ids: Sequence[UUID] | None = None) -> dict[UUID, dict[str, Any]]:
        """The rows of these jobs, or of all accepted ones."""
        wanted = list(self.accepted if ids is None else ids)
        return {row["id"]: row for row in self.rows("SELECT * FROM corral.jobs WHERE id = ANY(%s)", wanted)}

    def states(self, ids: Sequence[UUID] | None = None) -> dict[str, int]:
        """How many of them are in which state."""
        counts: dict[str, int] = {}
        for row in self.jobs(ids).values():
            counts[row["state"]] = counts.get(row["state"], 0) + 1
        return counts

    def stalled(self) -> int:
        """Attempts that were taken from workers."""
        return int(self.rows("SELECT count(*) AS n FROM corral.attempts WHERE outcome = 'stalled'")[0]["n"])

    def lost_workers(self) -> int:
        return int(self.rows("SELECT count(*) AS n FROM corral.workers WHERE state = 'lost'")[0]["n"])

    # -- what can be seen from outside

    def rows(self, statement: str, *values: Any) -> list[dict[str, Any]]:
        """Ask the database; once more where the connection was lost since the last question."""
        fresh = self._connection is None or self._connection.closed
        try:
            return self._rows(statement, values)
        except psycopg.OperationalError:
            if fresh:
                raise
            return self._rows(statement, values)

    def _rows(self, statement: str, values: Sequence[Any]) -> list[dict[str, Any]]:
        if self._connection is None or self._connection.closed:
            self._connection = psycopg.connect(
                self.client.database_url,
                autocommit=True,
                row_factory=dict_row,
                application_name="faults test",
                connect_timeout=5,
            )
        try:
            cursor = self._connection.execute(statement, values)  # type: ignore[arg-type]
            return cursor.fetchall() if cursor.description else []
        except psycopg.OperationalError:
            self._connection.close()
            raise

    def connection(self) -> "psycopg.Connection[tuple[Any, ...]]":
        """One of the test's own, in a transaction from its first statement on."""
        return psycopg.connect(self.client.database_url, application_name="faults test")

    def history(self) -> list[witness.Change]:
        """Every change of a job, as it was committed."""
        return witness.changes(self.rows("SELECT * FROM public.history ORDER BY n"))

    def redis(self) -> "redis.Redis":
        return self.servers.redis()

    def wiped_with_jobs(self, lane: str) -> bool:
        """Wipe Redis; whether there was a job of that lane in it at that moment: quick workers leave it empty most of the time."""
        with self.redis() as client, client.pipeline(transaction=True) as together:
            together.llen(key_names.LIST + lane)
            together.zcard(key_names.POPPED + lane)
            together.flushall()
            listed, popped, _ = together.execute()
        return bool(listed + popped)

    def starts(self) -> list[tuple[str, int]]:
        """Job and attempt of every handler start."""
        trace = self.folder / "starts"
        lines = trace.read_text().splitlines() if trace.exists() else []
        return [(job, int(attempt)) for job, attempt in (line.split() for line in lines)]

    def effects(self) -> set[str]:
        return {path.name.removeprefix("effect-") for path in self.folder.glob("effect-*")}

    # -- its end

    def close(self) -> None:
        """End every process. Fails where one outlives its worker."""
        for part in self.parts:
            if part.alive:
                part.send(signal.SIGCONT)
                part.kill()
        if self._connection is not None:
            self._connection.close()
        left = gone(self.folder, 10)
        for process in left:
            process.kill()
        assert not left, f"outlived their parents: {[process.cmdline() for process in left]}"

    def processes(self) -> int:
        """How many processes run for it."""
        return len(leftovers(self.folder))
