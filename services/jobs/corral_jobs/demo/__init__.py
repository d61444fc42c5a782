"""Job types to try Corral with: `demo.echo`, `demo.sleep`, `demo.cpu`, `demo.fail`.

Where `CORRAL_DEMO_JOBS=false`, as in production, they do not exist.
"""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from corral.catalog.declaration import JobType, job_type
from corral.job.backoff import Exponential
from corral.job.options import Executor

MAX_SECONDS = 3600.0

Seconds = Annotated[float, Field(ge=0, le=MAX_SECONDS, description="How long it takes.", examples=[1.5])]


class Sleep(BaseModel):
    """How long to wait."""

    model_config = ConfigDict(extra="forbid")

    seconds: Seconds = 1.0


class Cpu(BaseModel):
    """How long to compute."""

    model_config = ConfigDict(extra="forbid")

    seconds: Seconds = 1.0


class Fail(BaseModel):
    """How often to fail before succeeding."""

    model_config = ConfigDict(extra="forbid")

    times: Annotated[int, Field(ge=0, le=1000, description="Errors before it succeeds.")] = 1
    exception: Annotated[
        str, Field(max_length=200, description="A built-in exception's name, or `Discard`.")
    ] = "RuntimeError"


echo: JobType[Any, Any] = job_type(
    "demo.echo", queue="demo", description="Returns its payload, whatever it is."
)

sleep: JobType[Sleep, Any] = job_type(
    "demo.sleep",
    payload=Sleep,
    queue="demo",
    timeout=MAX_SECONDS + 60,
    description="Waits, with progress, without using the processor.",
)

cpu: JobType[Cpu, Any] = job_type(
    "demo.cpu",
    payload=Cpu,
    queue="cpu",
    timeout=MAX_SECONDS + 60,
    executor=Executor.PROCESS,
    description="Keeps one processor busy, in a process of its own.",
)

fail: JobType[Fail, Any] = job_type(
    "demo.fail",
    payload=Fail,
    queue="demo",
    retries=3,
    backoff=Exponential(1.0, jitter=0.1),
    description="Fails as often as asked, then succeeds.",
)
