"""An API server that knows a few objects: what `lookup` of a template finds in a cluster, and nothing else."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.chart.helm import Manifest

ASKED = {
    ("v1", "Secret"), ("v1", "ServiceAccount"), ("v1", "PersistentVolumeClaim"), ("apps/v1", "Deployment"),
}  # fmt: skip
"""What the chart's templates look up: apiVersion and kind."""


def _plural(kind: str) -> str:
    return f"{kind.lower()}s".replace("ys", "ies")


def _path(version: str) -> str:
    return f"apis/{version}" if "/" in version else f"api/{version}"


def _discovery(kinds: set[tuple[str, str]]) -> dict[str, Any]:
    """What it has, as a client asks before all else."""
    groups = [
        {"name": version.split("/")[0], "versions": [{"groupVersion": version, "version": version.split("/")[1]}]}
        for version in sorted({version for version, _ in kinds if "/" in version})
    ]  # fmt: skip
    found: dict[str, Any] = {
        "version": {"major": "1", "minor": "37", "gitVersion": "v1.37.0"},
        "api": {"kind": "APIVersions", "versions": ["v1"]},
        "apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups},
    }
    for version, kind in sorted(kinds):
        listed = found.setdefault(
            _path(version), {"kind": "APIResourceList", "groupVersion": version, "resources": []}
        )
        listed["resources"].append({"name": _plural(kind), "kind": kind, "namespaced": True, "verbs": ["get", "list"]})  # fmt: skip
    return found


def _answers(objects: list[Manifest], known: list[Manifest]) -> dict[str, Any]:
    """By path, all that it says."""
    found = _discovery(ASKED | {(one["apiVersion"], one["kind"]) for one in known})
    for version, kind in ASKED:
        at = f"{_path(version)}/namespaces/jobs/{_plural(kind)}"
        ours = [{"apiVersion": version, **given} for given in objects if given["kind"] == kind]
        found[at] = {"kind": f"{kind}List", "apiVersion": version, "metadata": {}, "items": ours}
        found |= {f"{at}/{given['metadata']['name']}": given for given in ours}
    return found


def installed(release: str, full: str, name: str = "corral") -> Manifest:
    """The publisher that a release has in a cluster, of the chart that is called `name` there."""
    labels = {"name": name, "instance": release, "managed-by": "Helm"}
    return {
        "kind": "Deployment",
        "metadata": {
            "name": f"{full}-publisher",
            "namespace": "jobs",
            "labels": {f"app.kubernetes.io/{label}": value for label, value in labels.items()},
            "annotations": {"meta.helm.sh/release-name": release, "meta.helm.sh/release-namespace": "jobs"},
        },
    }


@contextmanager
def serving(objects: list[Manifest], known: list[Manifest], folder: Path) -> Iterator[tuple[str, ...]]:
    """Serve these objects of the namespace `jobs`, and the kinds of `known`; yields the arguments by which helm asks it."""
    answers = _answers(objects, known)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = answers.get(self.path.split("?")[0].strip("/"))
            missing = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404}  # fmt: skip
            said = json.dumps(found or missing).encode()
            self.send_response(200 if found else 404)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        try:
            config = folder / "kubeconfig"
            address = {"server": f"http://127.0.0.1:{server.server_port}"}
            config.write_text(json.dumps({
                "apiVersion": "v1", "kind": "Config", "current-context": "a",
                "contexts": [{"name": "a", "context": {"cluster": "a", "user": "a"}}],
                "clusters": [{"name": "a", "cluster": address}], "users": [{"name": "a", "user": {}}],
            }))  # fmt: skip
            yield ("--dry-run=server", "--disable-openapi-validation", "--kubeconfig", str(config))
        finally:
            server.shutdown()
