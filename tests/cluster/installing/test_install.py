"""Result 1. A fresh install in a restricted namespace ends with a report in the user's hands."""

import io
import re
from dataclasses import dataclass
from datetime import datetime

import httpx2
import pypdf
import pytest
from tests.cluster.cluster import until
from tests.cluster.goals import Goals
from tests.cluster.namespace import ready
from tests.cluster.release import Json, Release

READY_SECONDS = 120
CSV = "region,sum\n" + "".join(f"Region {n},{n * 3.25}\n" for n in range(1, 41))


@dataclass(frozen=True)
class Installed:
    """A release with the chart's own pools, and how long that took."""

    release: Release
    seconds: float
    pods: list[Json]
    """As they were then: pools that rest at zero have none a little later."""


@pytest.fixture(scope="module")
def installed(release: Release) -> Installed:
    """Fresh: the namespace holds nothing else."""
    seconds = release.install()
    return Installed(release, seconds, release.namespace.every("pods"))


def test_a_fresh_install_is_ready_within_two_minutes(installed: Installed, goals: Goals) -> None:
    goals.at_most("install: everything ready, seconds", installed.seconds, READY_SECONDS)
    lasting = [pod for pod in installed.pods if pod["metadata"]["ownerReferences"][0]["kind"] != "Job"]
    assert lasting
    for pod in lasting:
        name = pod["metadata"]["name"]
        assert ready(pod), name
        restarts = [status["restartCount"] for status in pod["status"]["containerStatuses"]]
        assert restarts == [0], f"{name} was restarted"


def test_pools_with_a_minimum_of_zero_rest_at_zero(installed: Installed) -> None:
    def at_zero() -> bool:
        return {pool: installed.release.replicas(pool) for pool in ("io", "cpu")} == {"io": 0, "cpu": 0}

    until(at_zero, "both pools rest at zero", 150)


def test_helm_test_runs_a_job_through_the_whole_system(installed: Installed) -> None:
    assert "Phase:          Succeeded" in installed.release.test()


def test_a_report_is_generated_and_downloaded(installed: Installed, goals: Goals) -> None:
    client = installed.release.client
    job = client.submit("report.generate", {"title": "Sales by region", "csv": CSV}, wait=90)
    assert job["state"] == "completed", job
    files = client.get(f"/jobs/{job['id']}/artifacts")["items"]
    artifact = next(one for one in files if one["media_type"] == "application/pdf")
    content = client.download(f"/jobs/{job['id']}/artifacts/{artifact['name']}")
    text = "".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(content)).pages)
    assert "Sales by region" in text
    assert "Region 40" in text
    goals.at_most("install: jobs of the first report claimed more than once", job["attempt"] - 1, 0)
    goals.note(f"install: the first report, from a pool at zero: {_seconds(job):.1f} s, {len(content)} bytes")


def test_the_page_and_its_files_answer(installed: Installed) -> None:
    url = installed.release.forward.url
    page = httpx2.get(url, headers={"Accept": "text/html"}, follow_redirects=True, timeout=30)
    assert page.status_code == 200
    assert "Sign in" in page.text
    stylesheet = re.search(r'href="(/static/[^"]+\.css[^"]*)"', page.text)
    assert stylesheet is not None, page.text[:2000]
    assert httpx2.get(url + stylesheet[1], timeout=30).headers["content-type"].startswith("text/css")


def _seconds(job: dict[str, str]) -> float:
    ended, created = (datetime.fromisoformat(job[key]) for key in ("finished_at", "created_at"))
    return (ended - created).total_seconds()
