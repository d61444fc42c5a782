"""The document: data in, PDF out, and what it says of itself. Imports the typesetter."""

import hashlib
import json
import re
import time
import unicodedata
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import typst

from corral_jobs.report.page.content import Content, content_of
from corral_jobs.report.page.typeface import BOLD, FEATURES, fonts
from corral_jobs.report.request import ReportRequest
from corral_jobs.report.result import PhaseSeconds, RenderedReport, Report
from corral_jobs.report.table.data import Row, gather
from corral_jobs.report.table.datafile import data_files
from corral_jobs.report.table.table import arrange

Progress = Callable[[int, str], None]
"""Told percent and message; what it raises ends the rendering."""

STANDARD: Literal["ua-1"] = "ua-1"
"""PDF/UA-1. Source: ISO 14289-1."""
_TAGGED_CELLS = 20_000
"""Tags, which screen readers follow, take more room than the text: 40 to 250 bytes a cell."""
_PAGE_COUNT = re.compile(rb"/Type/Pages/Count (\d+)")
"""In the first object that the typesetter writes, before anything of the input."""


def render(
    request: ReportRequest,
    rows: Sequence[Row] | None = None,
    *,
    progress: Progress,
    now: datetime,
) -> RenderedReport:
    """Make the report. The same request, rows and `now` make the same bytes.

    `rows` are the data of `request.source`; without a source they are ignored.
    `now` carries its time zone, which is also the one that is printed. Blocks
    for as long as it takes: run it in a process. `progress` is called between
    the phases, never within one.

    Raises:
        InvalidReport: the data are not a table, or the request names a column that they lack.
    """
    if now.tzinfo is None:
        raise ValueError("now needs a time zone")
    clock = [time.perf_counter()]
    progress(10, "fetch: reading the data")
    data = gather(request, rows)
    clock.append(time.perf_counter())
    progress(30, f"process: {data.row_count:,} rows of {len(data.columns)} columns")
    table = arrange(data, request)
    content = content_of(request, table, now)
    clock.append(time.perf_counter())
    progress(60, f"render: typesetting {table.row_count:,} rows")
    pdf = _typeset(content, now, tagged=table.row_count * len(table.columns) <= _TAGGED_CELLS)
    clock.append(time.perf_counter())
    pages = _pages(pdf)
    name = _file_name(request.title, now)
    files = tuple(data_files(table, name.removesuffix(".pdf"), request.title, now))
    progress(100, f"render: {pages:,} page{'' if pages == 1 else 's'}")
    fetch, process, rendering = (round(end - begin, 3) for begin, end in pairwise(clock))
    return RenderedReport(
        pdf,
        Report(
            name=name,
            size_bytes=len(pdf),
            sha256=hashlib.sha256(pdf).hexdigest(),
            pages=pages,
            rows=table.row_count,
            seconds=PhaseSeconds(fetch=fetch, process=process, render=rendering),
            files=[one.file for one in files],
        ),
        tuple(one.content for one in files),
    )


def _typeset(content: Content, now: datetime, *, tagged: bool) -> bytes:
    template = files(__package__).joinpath("report.typ").read_text("utf-8")
    template = template.replace("FEATURES", FEATURES).replace("BOLD", str(BOLD))
    inputs = {"report": json.dumps(content, ensure_ascii=False)}
    # The template reads no file; an empty root makes sure that none can be read.
    with TemporaryDirectory(prefix="corral-report-") as root:
        compiler = partial(
            typst.Compiler,
            template.encode(),
            root=Path(root),
            sys_inputs=inputs,
            font_paths=fonts(),
            package_path=Path(root),
        )
        pdf = _compiled(compiler, int(now.timestamp()), tagged=tagged)
    if not isinstance(pdf, bytes):
        raise TypeError(f"the typesetter returned {type(pdf).__name__}, not a document")
    return pdf


def _compiled(compiler: Callable[[], typst.Compiler], timestamp: int, *, tagged: bool) -> Any:
    """The document: as PDF/UA-1 where it is tagged and all of its characters have glyphs, which that standard asks for.

    A compiler that has refused once forgets its source, so the second document has one of its own.
    """
    if tagged:
        with suppress(typst.TypstError):
            return compiler().compile(format="pdf", pdf_standards=[STANDARD], timestamp=timestamp)
    return compiler().compile(format="pdf", pdf_tags=tagged, timestamp=timestamp)


def _pages(pdf: bytes) -> int:
    found = _PAGE_COUNT.search(pdf)
    if found is None:
        raise ValueError("the typesetter's document has no page count where it is expected")
    return int(found[1])


def _file_name(title: str, now: datetime) -> str:
    """regional-sales-2026-03-05.pdf: safe on every file system and in every header."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:60].rstrip("-")
    return f"{slug or 'report'}-{now:%Y-%m-%d}.pdf"
