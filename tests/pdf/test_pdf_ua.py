"""Reports are PDF/UA-1 as veraPDF judges it; `make test-pdf` fetches it."""

import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from corral_jobs.report import ReportRequest
from corral_jobs.report.document import render

HERE = Path(__file__).resolve().parent
LIBRARIES = HERE.parents[1] / ".tools" / "verapdf"
NOW = datetime(2026, 3, 5, 14, 7, tzinfo=UTC)
ROWS = [
    {
        "date": f"2026-{1 + n % 12:02}-01",
        "region": ("North", "South", "East")[n % 3],
        "units": n,
        "price": n / 8,
    }
    for n in range(300)
]
REPORTS: dict[str, dict[str, Any]] = {
    "groups": {"rows": ROWS, "group_by": "region"},
    "line": {"rows": ROWS, "columns": ["date", "units"], "chart": {"value": "units", "by": "date"}},
    "no-chart": {"rows": ROWS[:3], "chart": False, "subtitle": "Spring", "customer": "Acme"},
    "long": {"rows": [{"text": "word " * 200, "n": n} for n in range(30)]},
    "wide": {"rows": [{f"c{at}": at for at in range(20)}]},
    "letters": {"rows": [{"name": "Ærøskøbing Łódź Ελλάδα Москва", "sum": 1}]},
    "empty": {"source": "queue-statistics"},
}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.needs(
        "veraPDF", LIBRARIES.is_dir() and shutil.which("java"), "make test-pdf, with java and mvn"
    ),
]


def judged(folder: Path, files: dict[str, bytes]) -> dict[str, str]:
    """What veraPDF says of each: empty where it finds nothing."""
    for name, content in files.items():
        (folder / f"{name}.pdf").write_bytes(content)
    command = ["java", "-cp", f"{LIBRARIES}/*", str(HERE / "Validate.java")]
    paths = [str(folder / f"{name}.pdf") for name in files]
    done = subprocess.run([*command, *paths], capture_output=True, text=True, timeout=300, check=True)
    said: dict[str, str] = {}
    name = ""
    for line in done.stdout.splitlines():
        if line.startswith("\t"):
            said[name] += line.strip() + "\n"
        else:
            path, compliant, count = line.split("\t")
            name = Path(path).stem
            assert int(count) > 100, "assertions that were looked at"
            said[name] = "" if compliant == "true" else "not compliant\n"
    return said


def test_verapdf_finds_nothing_in_reports(tmp_path: Path):
    made = {}
    for name, asked in REPORTS.items():
        request = ReportRequest(title=f"Report {name}", **asked)
        made[name] = render(request, [] if "source" in asked else None, progress=lambda *_: None, now=NOW).pdf
    assert judged(tmp_path, made) == dict.fromkeys(REPORTS, "")


def test_it_finds_what_is_wrong(tmp_path: Path):
    request = ReportRequest(title="Cuneiform", rows=[{"name": "\U00012000"}])
    boxes = render(request, progress=lambda *_: None, now=NOW).pdf
    assert "PDF/UA" in judged(tmp_path, {"boxes": boxes})["boxes"]
