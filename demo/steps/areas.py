"""System 4: an outside service is called within its strict budget, and what it answers is computed apart from the web server."""

import time
from typing import Any

import httpx2

from demo.stage import Stage
from demo.stand_in import StandIn
from demo.stand_ins.providers import KEY
from demo.waiting import until

TITLE = "areas are fetched within what their provider allows"
AREA = {
    "south": 47.3,
    "west": 8.4,
    "north": 47.5,
    "east": 8.7,
    "tags": {"landuse": "forest"},
    "piece_degrees": 0.1,
}
CALLS = 120


def run(stage: Stage) -> None:
    """Fetch and measure an area twice, then call a second provider with its key, as fast as it allows."""
    with StandIn("providers", stage.folder / "providers") as providers:
        _provide(stage, providers)
        first = _area(stage)
        share = 100 * first["measured"]["covered_m2"] / first["measured"]["box_m2"]
        figure = f"{first['measured']['polygons']} shapes, {share:.0f} % of {first['measured']['box_m2'] / 1e6:,.0f} km²"
        stage.account.show("003-20 003-11 003-13", "an area is fetched, measured and drawn", figure)
        told = _told(providers)["overpass"]
        figure = f"{told['counts']['requests']} requests, {told['violations'] or 'no rule broken'}"
        stage.account.show("003-05 003-07", "what Overpass counted", figure, holds=not told["violations"])
        again = _area(stage)["fetched"]
        figure = f"{again['requests']} requests, {again['shared']} answers shared"
        stage.account.show("003-05", "the same area again", figure, holds=again["requests"] == 0)
        _call_google(stage, providers)


def _provide(stage: Stage, providers: StandIn) -> None:
    secrets = stage.folder / "secrets"
    secrets.mkdir(exist_ok=True)
    secrets.chmod(0o755)
    (secrets / "google").write_text(KEY, encoding="utf-8")
    overpass = {"url": f"{providers.url}/overpass/api/", "slots": 2, "per_second": 10, "per_day": 10_000}
    headers = {"X-Goog-Api-Key": "file:google"}
    google = {
        "url": f"{providers.url}/google",
        "slots": 20,
        "per_second": 50,
        "transit": 0.1,
        "headers": headers,
    }
    for name, values in (("overpass", overpass), ("google", google)):
        answer = stage.http.patch(f"/api/v1/providers/{name}", json={"values": values})
        answer.raise_for_status()


def _area(stage: Stage) -> dict[str, Any]:
    began = time.monotonic()
    answer = stage.http.post("/areas", json=AREA)
    milliseconds = 1000 * (time.monotonic() - began)
    holds = answer.status_code == 202
    stage.account.show("003-09", "POST /areas", f"{answer.status_code}, {milliseconds:.0f} ms", holds=holds)
    return stage.until_status(f"/api/v1/areas/{answer.json()['id']}", "ready", "failed")


def _call_google(stage: Stage, providers: StandIn) -> None:
    job = {
        "type": "http.request",
        "payload": {"provider": "google", "path": "v1/places"},
        "tags": ["demo-google"],
    }
    began = time.monotonic()
    stage.post("/api/v1/jobs/bulk", {"jobs": [job] * CALLS})

    def called() -> dict[str, Any] | None:
        told: dict[str, Any] = _told(providers)["google"]
        return told if told["counts"].get("200", 0) >= CALLS else None

    told = until(called, seconds=120, what=f"{CALLS} calls of Google")
    figure = f"{CALLS / (time.monotonic() - began):.0f} a second, {told['violations'] or 'no rule broken'}"
    holds = not told["violations"] and told["most_per_second"] <= 50
    stage.account.show("003-06 003-07", "Google, with its key, 50 a second allowed", figure, holds=holds)
    stored = stage.http.get("/api/v1/jobs", params={"tag": "demo-google", "limit": 200}).text
    stage.account.show("003-12", "its key in what is stored", "nowhere", holds=KEY not in stored)


def _told(providers: StandIn) -> dict[str, Any]:
    answer: dict[str, Any] = httpx2.get(f"{providers.url}/counts", timeout=10).raise_for_status().json()
    return answer
