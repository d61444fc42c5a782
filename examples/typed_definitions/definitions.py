"""The definitions from which the clients in this folder are made. `CORRAL_JOBS=definitions` names them."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from corral.catalog import JobType, Limit, Rate, job_type
from corral.job.backoff import Exponential
from corral.job.options import Retention


class SignUp(BaseModel):
    """Who signed up, and how to greet them."""

    model_config = ConfigDict(extra="forbid")

    to: Annotated[
        str, Field(pattern=r"^[^@\s]+@[^@\s]+$", description="Their address.", examples=["ada@example.com"])
    ]
    name: Annotated[str, Field(min_length=1, max_length=100)]
    language: Literal["de", "en", "fr"] = "en"
    signed_up_at: datetime | None = None


class Sent(BaseModel):
    """What was sent."""

    to: str
    subject: str


class Cleaned(BaseModel):
    """How many ended jobs were removed, by queue."""

    removed: dict[str, int]


per_worker = Limit("welcome-mails", per_worker=5)
a_minute = Rate("welcome-mails-a-minute", 100, per=60)
one_clean_up = Limit("clean-ups", total=1)
now_and_then = Rate("clean-ups-now-and-then", 1, per=30)

send_welcome: JobType[SignUp, Sent] = job_type(
    "email.welcome",
    payload=SignUp,
    result=Sent,
    description="Sends the e-mail that follows a sign-up.",
    queue="emails",
    retries=2,
    backoff=Exponential(2),
    keep_finished=Retention(count=100),
    keep_failed=Retention(count=50),
    limits=[per_worker, a_minute],
)

clean_database = job_type(
    "database.clean",
    result=Cleaned,
    description="Removes ended jobs that are older than a day, and says how many.",
    queue="database",
    delay=5,
    keep_finished=Retention(count=10),
    keep_failed=Retention(count=10),
    limits=[one_clean_up, now_and_then],
)
