"""What a finished report says of itself."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field


class PhaseSeconds(BaseModel):
    """Time spent in each phase, in seconds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    fetch: float = Field(ge=0)
    process: float = Field(ge=0)
    render: float = Field(ge=0)


class DownloadLink(BaseModel):
    """A link that downloads the report without signing in. The link itself stands in the mail alone."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sha256: str = Field(pattern="^[0-9a-f]{64}$", description="Of the link's secret")
    expires_at: datetime


class DataFile(BaseModel):
    """The data of a report as a file beside its document; an artifact of this name."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    media_type: str
    size_bytes: int = Field(gt=0)
    sha256: str = Field(pattern="^[0-9a-f]{64}$")


class Report(BaseModel):
    """The result of `report.generate`; the document itself is an artifact of this name."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(description="The file's name")
    media_type: str = "application/pdf"
    size_bytes: int = Field(gt=0)
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    pages: int = Field(gt=0)
    rows: int = Field(ge=0, description="Rows of data in the table")
    seconds: PhaseSeconds
    files: list[DataFile] = Field(default=[], description="Its data as CSV and XLSX, beside the document")
    link: DownloadLink | None = Field(default=None, description="The link in its mail, where it has one")
    mail: UUID | None = Field(default=None, description="The job that sends its mail, where it has one")


@dataclass(frozen=True, slots=True)
class RenderedReport:
    """The document and its description."""

    pdf: bytes
    report: Report
    files: tuple[bytes, ...] = ()
    """The contents of `report.files`, in their order."""
