"""What handlers do to their process, to its connection, and to its streams. Children of a test import this module."""

import asyncio
import contextlib
import multiprocessing
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from tests.unit.worker.rig_interrupts import (  # noqa: F401  payloads name them
    interrupt,
    interrupted_by_keyboard,
    interrupted_by_thread,
    interrupted_by_timer,
)
from tests.unit.worker.rig_streams import disturb_streams, streams  # noqa: F401  payloads name them

from corral.catalog import job_type
from corral.context import Context, SyncContext


def ask(ctx: SyncContext) -> int:
    for n in range(20):
        name = f"{ctx.job_id}.{n}"
        assert ctx.artifacts.get(name) == name.encode()
    return os.getpid()


def leave_alarm(ctx: SyncContext) -> int:
    signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.15)
    return os.getpid()


def leave_deadly_alarm(ctx: SyncContext) -> int:
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, 0.15)
    return os.getpid()


def alarm_at_once(ctx: SyncContext) -> int:
    """It goes off while the handler returns, or somewhat later."""
    signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.00005)
    return os.getpid()


def nap(ctx: SyncContext) -> int:
    time.sleep(0.3)
    return os.getpid()


def wait(ctx: SyncContext, payload: Any) -> int:
    """Until the file is there."""
    while not Path(payload["file"]).exists():
        time.sleep(0.01)
    return os.getpid()


LATE: dict[str, str] = {}
NEXT = threading.Event()


def leave_thread(ctx: SyncContext) -> int:
    """A thread that uses the context when the next job runs."""

    def late() -> None:
        NEXT.wait(30)
        for name, use in (
            ("log", lambda: ctx.log("late")),
            ("progress", lambda: ctx.progress(1, "late")),
            ("get", lambda: ctx.artifacts.get("late")),
            ("submit", lambda: ctx.submit("demo.echo", "late")),
            ("checkpoint", lambda: ctx.checkpoint("late")),
        ):
            try:
                use()
            except Exception as error:  # noqa: BLE001  # what it is, the test tells
                LATE[name] = f"{type(error).__name__}: {error}"
        NEXT.clear()

    threading.Thread(target=late).start()
    return os.getpid()


def wait_for_thread(ctx: SyncContext) -> dict[str, str]:
    NEXT.set()
    while NEXT.is_set():
        time.sleep(0.005)
    return LATE


def sockets() -> list[int]:
    """The descriptors of this process that are sockets: its connection to the worker among them."""
    found = []
    for entry in list(Path("/proc/self/fd").iterdir()):
        with contextlib.suppress(OSError):
            if stat.S_ISSOCK(os.fstat(int(entry.name)).st_mode):
                found.append(int(entry.name))
    return found


def fork_writes(ctx: SyncContext) -> str:
    """A fork writes to what it inherited, and uses the context."""
    inherited = sockets()
    said, heard = os.pipe()[::-1]
    pid = os.fork()
    if pid == 0:
        for descriptor in inherited:
            with contextlib.suppress(OSError):
                os.write(descriptor, b"nonsense" * 10)
        try:
            ctx.log("from the fork")
        except RuntimeError as error:
            os.write(said, str(error).encode())
        os._exit(0)
    os.waitpid(pid, 0)
    return os.read(heard, 1000).decode()


def write_nonsense(ctx: SyncContext) -> None:
    for descriptor in sockets():
        os.write(descriptor, b"nonsense that is much longer than the head of a message")
    time.sleep(60)


def write_a_byte(ctx: SyncContext) -> str:
    for descriptor in sockets():
        os.write(descriptor, b"\x00")
    return "returned"


def close_everything(ctx: SyncContext) -> str:
    os.closerange(3, 256)
    return "returned"


def close_and_reuse(ctx: SyncContext, payload: Any) -> None:
    """Files take the numbers of what was closed; what is said to the worker must not land in them."""
    folder = Path(payload["folder"])
    os.closerange(3, 256)
    files = [(folder / f"{n}").open("wb") for n in range(40)]
    ctx.log("into a file?")
    time.sleep(60)
    assert files


def close_and_go_on(ctx: SyncContext) -> None:
    os.closerange(3, 256)
    with contextlib.suppress(BaseException):
        ctx.artifacts.get("never answered")
    time.sleep(60)


def large(ctx: SyncContext, payload: Any) -> str:
    ctx.artifacts.put("large", b"x" * len(payload["text"]))
    assert ctx.artifacts.get("y" * 200) == b"y" * 200
    return payload["text"]


def pools(ctx: SyncContext) -> list[int]:
    """Processes that a handler starts, in each way that Python has."""
    found = [subprocess.run([sys.executable, "-c", "exit(7)"], check=False).returncode]
    for method in ("fork", "spawn", "forkserver"):
        with multiprocessing.get_context(method).Pool(1) as pool:
            found += pool.map(abs, [-1, -2])
    return found


def threads(ctx: SyncContext) -> int:
    """Many threads that use one context; how many got another's answer."""
    wrong: list[str] = []

    def use(number: int) -> None:
        for n in range(20):
            name = f"{number}.{n}"
            ctx.log(name)
            ctx.progress(n, name)
            if ctx.artifacts.get(name) != name.encode():
                wrong.append(name)

    every = [threading.Thread(target=use, args=(number,)) for number in range(6)]
    for one in every:
        one.start()
    for one in every:
        one.join()
    return len(wrong)


def signals(ctx: SyncContext) -> dict[str, str]:
    """Which signals a program that a handler starts finds ignored and blocked; as bits."""
    os.kill(os.getpid(), signal.SIGINT)  # the handler itself is not interrupted
    lines = subprocess.run(
        ["/bin/cat", "/proc/self/status"], check=True, capture_output=True, text=True
    ).stdout.splitlines()
    return dict(line.split(":\t") for line in lines if line.startswith("Sig"))


def family(ctx: SyncContext, payload: Any) -> None:
    """Programs in the same group, in a session of their own, and left to themselves (a daemon)."""
    sleep = ["/bin/sleep", "600"]
    pids = [subprocess.Popen(sleep).pid, subprocess.Popen(sleep, start_new_session=True).pid]
    daemon = ["/bin/sh", "-c", "setsid sleep 600 <&- >&- 2>&- & echo $!"]
    pids.append(int(subprocess.run(daemon, check=True, capture_output=True).stdout))
    Path(payload["pids"]).write_text(" ".join(map(str, [os.getpid(), *pids])))
    match payload["then"]:
        case "exit":
            os._exit(3)
        case "crash":
            os.kill(os.getpid(), signal.SIGSEGV)
        case "stop":
            os.kill(os.getpid(), signal.SIGSTOP)
        case "return":
            return
    time.sleep(600)


plain = job_type("rig.plain", queue="rig", executor="process", retries=0)
bounded = job_type("rig.bounded", queue="rig", executor="process", retries=0, memory_limit=100)
coroutine = job_type("rig.coroutine", queue="rig", executor="process", retries=0)


@plain.handler
def do_plain(payload: Any, ctx: SyncContext) -> Any:
    action = globals()[payload["do"]]
    return (
        action(ctx, payload)
        if action in (large, disturb_streams, family, close_and_reuse, wait)
        else action(ctx)
    )


@bounded.handler
def do_bounded(payload: Any, ctx: SyncContext) -> int:
    """Takes so much memory, itself or in a program that it starts, and keeps it."""
    script = f"x = bytearray(b'x') * {payload['megabytes'] * 1_000_000}; import time; time.sleep(600)"
    if payload["do"] == "starts":
        return subprocess.run([sys.executable, "-c", script], check=False).returncode
    kept = bytearray(b"x") * (payload["megabytes"] * 1_000_000)
    if payload["do"] == "takes":
        time.sleep(600)
    return len(kept)


@coroutine.handler
async def do_coroutine(payload: Any, ctx: Context) -> int:
    """Tasks that use one context at once, some of them given up; how many got another's answer."""

    async def use(number: int) -> int:
        wrong = 0
        for n in range(10):
            name = f"{number}.{n}"
            ctx.log(name)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.001 if number % 3 == 0 else 60):
                    wrong += await ctx.artifacts.get(name) != name.encode()
        return wrong

    return sum(await asyncio.gather(*[use(number) for number in range(12)]))


def end_at_once(_: object) -> None:
    """What a child does instead of its work."""
    os._exit(3)
