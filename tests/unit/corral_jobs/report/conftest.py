"""Reports made for the tests: the real renderer, read back with an independent reader."""

import io
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import pytest
from pypdf import PdfReader

from corral_jobs.report import Report, ReportRequest
from corral_jobs.report.document import render

NOW = datetime(2026, 3, 5, 14, 7, tzinfo=UTC)


@dataclass(frozen=True)
class Made:
    """A report and what can be read in it."""

    pdf: bytes
    report: Report
    reader: PdfReader

    @cached_property
    def pages(self) -> list[str]:
        return [page.extract_text() for page in self.reader.pages]

    @property
    def text(self) -> str:
        return "\n".join(self.pages)

    def says(self, text: str) -> bool:
        """Whether `text` stands in it, whatever spaces and line ends the reader sees."""
        return squeezed(text) in squeezed(self.text)


def squeezed(text: str) -> str:
    """`text` without white space and invisible breaks, ligatures resolved."""
    return re.sub(r"[\s\u200b]", "", unicodedata.normalize("NFKC", text))


Make = Callable[..., Made]


@pytest.fixture(scope="session")
def make() -> Make:
    def made(rows_of_source: list[dict[str, Any]] | None = None, **request: Any) -> Made:
        request.setdefault("title", "A report")
        done = render(
            ReportRequest.model_validate(request), rows_of_source, progress=lambda *_: None, now=NOW
        )
        return Made(done.pdf, done.report, PdfReader(io.BytesIO(done.pdf), strict=True))

    return made
