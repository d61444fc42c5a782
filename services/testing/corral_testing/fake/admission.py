"""The fake's admission: what submissions find at limits that count what waits. See corral.store.limits.admission."""

from collections.abc import Sequence

from corral.job.admission import Admission, Counted, KeyLoad, admit
from corral.job.job import Displaced, NewJob
from corral.job.limit_use import parsed
from corral.job.state import Event, State, Writer
from corral.store.limits.admission import HOLDERS_TOLD, is_counted, load_of, refused
from corral_testing.fake.job_row import JobRow
from corral_testing.fake.memory import Memory


class FakeAdmission:
    """Decides about new jobs, and makes room for them."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def admit(self, jobs: Sequence[NewJob]) -> Admission:
        """What is decided about these jobs; raises as the store does where one is refused."""
        counted = [
            Counted(job.id, job.limits.counted if job.limits and is_counted(job) else ()) for job in jobs
        ]
        loads = {name: self._load(name) for job in counted for name in job.names}
        admission = admit(counted, loads)
        if admission.refused:
            raise refused(admission, len(jobs))
        return admission

    def make_room(self, admission: Admission) -> tuple[Displaced, ...]:
        """End and stop what makes room for jobs that are stored by now."""
        displaced = []
        for name, by in admission.superseding.items():
            for row in self._counted(name):
                if row.state is not State.RUNNING and row.id not in admission.kept[name]:
                    limit = parsed(name)[0]
                    row.error = {
                        "kind": "superseded",
                        "message": f"superseded by job {by}, as the limit {limit} says",
                    }
                    self._memory.move(row, Event.CANCELLED, Writer.ACTION, State.CANCELLED)
                    displaced.append(Displaced(row.id, limit, by))
        for name, count in admission.stopping.items():
            rows = [row for row in self._counted(name) if row.state is State.RUNNING]
            going = [row for row in rows if row.cancel_requested_at is None]
            for row in sorted(going, key=lambda row: (row.started_at, row.id))[:count]:
                row.cancel_requested_at = self._memory.clock.now()
                worker = self._memory.workers[row.worker].record.name if row.worker else ""
                displaced.append(Displaced(row.id, parsed(name)[0], None, worker))
        return tuple(displaced)

    def _load(self, name: str) -> KeyLoad:
        values, rows = self._memory.values_of(name), self._counted(name)
        running = [row for row in rows if row.state is State.RUNNING]
        waiting = sorted((row for row in rows if row.state is not State.RUNNING), key=lambda row: row.id)
        running.sort(key=lambda row: (row.started_at, row.id))
        stopping = sum(row.cancel_requested_at is not None for row in running)
        holders = [row.id for row in [*running, *waiting]][:HOLDERS_TOLD]
        bound = values.get("each" if parsed(name)[1] else "total")
        return load_of(name, values, bound=bound, jobs=(len(running), stopping, len(waiting), holders))

    def _counted(self, name: str) -> list[JobRow]:
        """The live jobs that the name counts; dependants that wait for others are none of them."""
        live = (State.QUEUED, State.SCHEDULED, State.RUNNING)
        return [
            row
            for row in self._memory.in_state(live)
            if row.new.limits is not None and name in row.new.limits.counted
        ]
