"""The commands, environments and logs with which a local system starts Corral's programs."""

import asyncio
import os
import sys
from collections.abc import Iterable, Mapping, Sequence

from corral.catalog import TypeRecord
from corral.errors import DeclarationError
from corral.job.options import Executor
from corral.settings.sources import PREFIX
from corral_local.home import Home
from corral_local.plan import Plan
from corral_local.processes.code_watch import OURS
from corral_local.processes.processes import ProgramProcess

SINK_HOST = "127.0.0.1"
SINK_SENDER = "Corral <corral@localhost>"
"""The sender of mails that nobody gets, where no setting names one."""


class Programs:
    """Makes `ProgramProcess` objects for Corral's programs."""

    def __init__(
        self, plan: Plan, home: Home, database_url: str, redis_url: str, *, sink_port: int | None = None
    ) -> None:
        """Take what all programs share; `sink_port` is the port of the mail sink, None where there is a mail server."""
        self._plan, self._home = plan, home
        self._joined = {
            "database_url": database_url,
            "redis_url": redis_url,
            "port": str(plan.port),
            "public_url": plan.settings.public_url or plan.url,
        }
        if sink_port is not None:
            self._joined |= {
                "mail_sink": "true",
                "smtp_host": SINK_HOST,
                "smtp_port": str(sink_port),
                "smtp_security": "none",
                "smtp_from": plan.settings.mail_sender or SINK_SENDER,
            }
        home.write_services({f"{PREFIX}{name.upper()}": value for name, value in self._joined.items()})

    def publisher(
        self, name: str, ready: int, gate: int | None, *, listener: int, metrics: int | None
    ) -> ProgramProcess:
        """The publisher, on inherited listening sockets.

        Each of its processes writes a byte to `ready` when it serves. With `gate`, it loads its libraries and waits there.
        """
        module = ["corral_publisher"] if gate is None else ["corral_publisher.processes.spare", str(gate)]
        sockets = ["--bind", f"fd://{listener}"] + (
            [] if metrics is None else ["--metrics", f"fd://{metrics}"]
        )
        return self._program(
            name,
            [*module, *sockets, "--ready", str(ready)],
            log="publisher",
            handed=[one for one in (ready, listener, metrics, gate) if one is not None],
            maintenance_enabled="false",
            metrics_port=str(self._plan.metrics_port),
        )

    def maintenance(self, name: str, ready: int, _gate: int | None) -> ProgramProcess:
        """The maintenance process. It writes a byte to `ready` when it is a candidate for leadership; it never waits at a gate."""
        return self._program(
            name,
            ["corral.maintenance", "--ready", str(ready)],
            log="maintenance",
            handed=[ready],
            metrics_port="0",
        )

    def mail_sink(self, listener: int) -> ProgramProcess:
        """The mail sink, on an inherited listening socket."""
        return self._program(
            "mail sink",
            ["corral_publisher.mail_sink", "--bind", f"fd://{listener}"],
            log="mail-sink",
            handed=[listener],
        )

    def worker(self, name: str) -> ProgramProcess:
        """One worker."""
        return self._program(name, ["corral_worker"], worker_name=name, worker_port="0", metrics_port="0")

    async def register_types(self) -> None:
        """Register the job types in a fresh interpreter, so that changed code counts.

        Raises:
            DeclarationError: the code does not load, or declares wrongly; the message is what it printed.
        """
        command = (sys.executable, "-m", "corral.cli", "types", "register", "--force")
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=self._plan.folder,
            env=self._environment(),
            start_new_session=True,
        )
        try:
            out, err = await process.communicate()
        except asyncio.CancelledError:
            process.kill()
            await process.wait()
            raise
        if process.returncode != 0:
            raise DeclarationError(_said(err or out) or f"ended with {process.returncode}")

    def slots_of_queues(self, types: Iterable[TypeRecord]) -> Mapping[str, int]:
        """Slots of one worker for each queue: of the executors that the queue's job types use, the smallest number."""
        settings = self._plan.settings
        slots = {
            Executor.ASYNC: settings.slots_async,
            Executor.THREAD: settings.slots_thread,
            Executor.PROCESS: settings.slots_process,
        }
        found: dict[str, int] = {}
        for record in types:
            options = record.parsed_options
            for queue in {options.queue, *options.queues}:
                found[queue] = min(found.get(queue, sys.maxsize), max(1, slots[options.executor]))
        return found

    def packages(self) -> tuple[str, ...]:
        """The packages whose source is watched: Corral's, where they are edited, and the team's."""
        settings = self._plan.settings
        return (
            *OURS,
            *(name.partition(".")[0] for name in (*settings.jobs, *settings.handlers)),
        )

    def _program(
        self,
        name: str,
        module: Sequence[str],
        *,
        log: str | None = None,
        handed: Sequence[int] = (),
        **given: str,
    ) -> ProgramProcess:
        return ProgramProcess(
            name,
            [sys.executable, "-m", *module],
            environment=self._environment(**given),
            folder=self._plan.folder,
            log=self._home.logs / f"{log or name}.log",
            handed=handed,
        )

    def _environment(self, **given: str) -> dict[str, str]:
        said = {f"{PREFIX}{name.upper()}": value for name, value in (self._joined | given).items()}
        return {**os.environ, "PYTHONUNBUFFERED": "1", **said}


def _said(text: bytes) -> str:
    """The output of one of Corral's commands, without the command's name at the beginning of each line."""
    lines = text.decode(errors="replace").strip().splitlines()
    return "\n".join(line.removeprefix("corral: ") for line in lines)
