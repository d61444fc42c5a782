"""Faults in any order, one after the other, under load: what nobody thought of."""

import random
import signal
from collections import Counter
from collections.abc import Callable

from tests.faults import invariants, servers
from tests.faults.infrastructure.test_postgres import TERMINATE
from tests.faults.system import System
from tests.fixtures.process import Process
from tests.fixtures.waiting import eventually

ACTIONS = 8
RETRIED = 4
"""Jobs that a person retries before each fault."""
LEASE = 3


class Chaos:
    """Two workers and two candidates that are killed, frozen and replaced, on servers that fare no better."""

    def __init__(self, system: System, chance: random.Random) -> None:
        self._system = system
        self._chance = chance
        self._workers = [system.worker(lease=LEASE, grace=1) for _ in range(2)]
        self._leaders = [system.maintenance(lease=LEASE), system.maintenance(lease=LEASE, leads=False)]
        self._frozen: list[Process] = []
        self.done: Counter[str] = Counter()

    def act(self) -> None:
        """One fault by chance."""
        actions: list[Callable[[], None]] = [
            self.kill_a_worker,
            self.stop_a_worker,
            self.freeze_a_worker,
            self.kill_a_leader,
            self.freeze_a_leader,
            self.wipe_redis,
            self.kill_redis,
            self.hang_redis,
            self.cut_connections,
            self.restart_postgres,
        ]
        action = self._chance.choice(actions)
        action()
        self.done[action.__name__] += 1
        self._thaw(sometimes=True)

    def calm(self) -> None:
        """Nothing is frozen any more."""
        self._thaw(sometimes=False)

    def retry_what_ended(self) -> None:
        """A person's: what it takes off the counts is committed with it or not at all."""
        self._system.client.retry(self._chance.sample(self._system.accepted, RETRIED))

    def kill_a_worker(self) -> None:
        worker = self._pick(self._workers)
        worker.send(signal.SIGCONT)
        worker.kill()
        self._replace_worker(worker)

    def stop_a_worker(self) -> None:
        worker = self._pick(self._workers)
        if worker not in self._frozen:
            worker.send(signal.SIGTERM)
            worker.wait(60)
            self._replace_worker(worker)

    def freeze_a_worker(self) -> None:
        self._freeze(self._pick(self._workers))

    def kill_a_leader(self) -> None:
        leader = self._pick(self._leaders)
        leader.send(signal.SIGCONT)
        leader.kill()
        self._leaders.remove(leader)
        self._leaders.append(self._system.maintenance(lease=LEASE, leads=False))

    def freeze_a_leader(self) -> None:
        self._freeze(self._pick(self._leaders))

    def wipe_redis(self) -> None:
        with self._system.redis() as client:
            client.flushall()

    def kill_redis(self) -> None:
        servers.kill(self._system.servers.valkey)
        self._system.servers.valkey.start()

    def hang_redis(self) -> None:
        with self._system.redis() as client:
            client.client_pause(self._chance.randint(100, 4000), all=True)

    def cut_connections(self) -> None:
        self._system.rows(TERMINATE)

    def restart_postgres(self) -> None:
        servers.kill(self._system.servers.postgres, signal.SIGQUIT)
        self._system.servers.postgres.start()

    def _pick(self, parts: list[Process]) -> Process:
        return self._chance.choice(parts)

    def _replace_worker(self, worker: Process) -> None:
        self._workers.remove(worker)
        self._workers.append(self._system.worker(lease=LEASE, grace=1))

    def _freeze(self, part: Process) -> None:
        part.send(signal.SIGSTOP)
        self._frozen.append(part)

    def _thaw(self, *, sometimes: bool) -> None:
        for part in list(self._frozen):
            if not part.alive:
                self._frozen.remove(part)
            elif not sometimes or self._chance.random() < 0.4:
                part.send(signal.SIGCONT)
                self._frozen.remove(part)


def test_no_order_of_faults_loses_a_job_or_ends_it_twice(system: System, chance: random.Random):
    chaos = Chaos(system, chance)
    system.submit(4, "faults.child", seconds=1)
    with system.load(every=0.05, count=4, seconds=0.2) as load:
        for _ in range(ACTIONS):
            load.until(chance.randint(1, 60), seconds=60)
            chaos.retry_what_ended()
            chaos.act()
        load.until(10, seconds=60)
    chaos.calm()
    eventually(lambda: system.redis().ping(), timeout=20)
    assert sum(chaos.done.values()) == ACTIONS
    invariants.check(system)
    invariants.all_completed(system)
