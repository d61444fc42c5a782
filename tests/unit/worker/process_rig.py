"""Attempts in children of a worker, without a worker: the rig of the tests of processes."""

import asyncio
import json
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from tests.fixtures.claimed import claimed_job
from tests.unit.worker import rig_processes

from corral.context import ContextLink
from corral_worker.attempts.execution import Execution
from corral_worker.attempts.handler_call import Ending, Returned
from corral_worker.attempts.outcomes import Stop
from corral_worker.child_processes.child_process import ChildProcess
from corral_worker.child_processes.child_run import ChildRun
from corral_worker.child_processes.processes import Processes


def files_of(folder: Path) -> list[Path]:
    return list(folder.iterdir())


def size_of(file: Path) -> int:
    return file.stat().st_size


class Recorded:
    """A line that notes what arrives, for one attempt."""

    cancelled = False

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.percents: list[int] = []
        self.stored: dict[str, Any] = {}

    def progress(self, percent: int, _: str | None) -> None:
        self.percents.append(percent)

    def log(self, text: str, _: dict[str, Any]) -> None:
        self.lines.append(text)

    async def checkpoint(self, value: str) -> None:
        self.stored["checkpoint"] = value

    async def submit(self, job_type: str, payload: str, _: Any) -> UUID:
        self.stored[job_type] = payload
        return uuid4()

    async def then(self, job_type: str, payload: str, _: Any, on: str) -> UUID:
        self.stored[f"{job_type} on {on}"] = payload
        return uuid4()

    async def begin_effect(self, _: str) -> tuple[UUID | None, str | None]:
        return uuid4(), None

    async def end_effect(self, name: str, _: UUID, receipt: str | None) -> None:
        self.stored[name] = receipt

    async def withdraw_effect(self, name: str, token: UUID) -> None: ...

    async def put(self, name: str, _: str, data: bytes | Path) -> None:
        self.stored[name] = data

    async def publish(self, name: str) -> None: ...

    async def get(self, name: str, _job: UUID | None = None) -> bytes | None:
        return name.encode()

    async def statistics(self) -> list[Any]:
        return []


class Rig:
    """One slot for processes."""

    def __init__(self) -> None:
        self.processes = Processes(1)
        self.made: list[ChildProcess] = []
        self.executions: list[Execution] = []

    def start(
        self, do: str, line: ContextLink | None = None, declared: Any = None, **payload: Any
    ) -> asyncio.Task[Ending]:
        chosen = declared or rig_processes.plain
        claimed = claimed_job(
            id=uuid4(), type=chosen.name, queue="rig", payload=json.dumps({"do": do, **payload})
        )
        execution = Execution(claimed, chosen)
        self.executions.append(execution)
        return asyncio.create_task(
            self.processes.run(ChildRun({execution: line or Recorded()}), lambda: None)
        )

    async def run(self, do: str, line: ContextLink | None = None, **payload: Any) -> Ending:
        async with asyncio.timeout(60):
            return await self.start(do, line, **payload)

    async def result(self, do: str, line: ContextLink | None = None, **payload: Any) -> Any:
        ending = await self.run(do, line, **payload)
        assert isinstance(ending, Returned), ending
        return json.loads(ending.result or "null")

    def kill(self) -> None:
        self.executions[-1].stop = Stop.TIMEOUT
        self.processes.kill(self.executions[-1])
