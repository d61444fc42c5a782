"""What a team's web application imports: job types, without their handlers. `CORRAL_JOBS=jobs` names it."""

from pydantic import BaseModel

from corral.catalog import JobType, job_type


class Welcome(BaseModel):
    """Whom to greet."""

    name: str
    language: str = "en"


welcome: JobType[Welcome, str] = job_type(
    "mail.welcome", payload=Welcome, result=str, queue="mail", retries=5
)
