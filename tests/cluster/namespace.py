"""A namespace in which every pod must be restricted, and what can be done to the pods in it."""

import json
import secrets
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO, Any

from tests.cluster.cluster import Cluster, NotThere, apply, until
from tests.cluster.program import ProgramFailed, run

Json = Any

RESTRICTED = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "audit", "warn")}
GONE_SECONDS = 120.0


class Namespace:
    """One namespace; whoever makes it removes it."""

    def __init__(self, cluster: Cluster, purpose: str) -> None:
        self.cluster = cluster
        self.name = f"corral-test-{purpose.replace('_', '-')}-{secrets.token_hex(2)}"
        apply(
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.name, "labels": RESTRICTED}}
        )

    def remove(self) -> None:
        """With all that is in it; returns once it is gone, so that the next tests have the machine for themselves."""
        run("kubectl", "delete", "namespace", self.name, "--wait=false")
        now = ("--all", "--grace-period=0", "--force", "--wait=false")
        run("kubectl", "delete", "pods", "--namespace", self.name, *now)
        until(self._gone, f"namespace {self.name} is gone", GONE_SECONDS)

    def get(self, kind: str, name: str) -> Json:
        """One object in it."""
        return self.cluster.get(kind, self.name, name)

    def every(self, kind: str, selector: str = "") -> list[Json]:
        """Objects in it."""
        return self.cluster.every(kind, self.name, selector)

    def pods(self, component: str, pool: str | None = None) -> list[Json]:
        """Corral's pods of a component that are not on their way out, the oldest first."""
        selector = f"app.kubernetes.io/component={component}" + (f",corral.dev/pool={pool}" if pool else "")
        pods = [pod for pod in self.every("pods", selector) if not pod["metadata"].get("deletionTimestamp")]
        return sorted(pods, key=lambda pod: str(pod["metadata"]["creationTimestamp"]))

    def wait_ready(
        self, component: str, count: int, seconds: float, *, pool: str | None = None
    ) -> list[Json]:
        """Wait until so many pods of a component are there, all of them ready."""

        def there() -> list[Json] | None:
            pods = self.pods(component, pool)
            assert len(pods) == count, f"{len(pods)} pods"
            unready = [pod["metadata"]["name"] for pod in pods if not ready(pod)]
            assert not unready, f"not ready: {unready}"
            return pods or [{}]

        return until(there, f"{count} ready pods of {component} {pool or ''}", seconds)

    def wait_jobs(self, seconds: float) -> None:
        """Wait until every Kubernetes Job has succeeded."""

        def succeeded() -> bool:
            open_ = [
                job["metadata"]["name"] for job in self.every("jobs") if not job["status"].get("succeeded")
            ]
            assert not open_, f"not yet: {open_}"
            return True

        until(succeeded, "all Jobs succeeded", seconds)

    def exec(self, pod: str, *command: str, seconds: float = 60) -> str:
        """Run a command in a pod's first container."""
        return run("kubectl", "exec", "--namespace", self.name, pod, "--", *command, seconds=seconds)

    def session(self, pod: str, *command: str) -> "subprocess.Popen[str]":
        """A command in a pod that reads what it is told, for effects that must be quick. Whoever asks ends it."""
        return subprocess.Popen(
            ["kubectl", "exec", "--stdin", "--namespace", self.name, pod, "--", *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            bufsize=1,
        )

    def delete_pod(self, pod: str, *, force: bool = False) -> None:
        """Delete a pod; by force: without asking it."""
        how = ("--grace-period=0", "--force") if force else ()
        run("kubectl", "delete", "pod", "--namespace", self.name, pod, "--wait=false", *how)

    def scale(self, kind: str, name: str, replicas: int) -> None:
        """Set replicas by hand."""
        run("kubectl", "scale", "--namespace", self.name, f"{kind}/{name}", f"--replicas={replicas}")

    def secret(self, name: str, key: str) -> str:
        """A value of a Secret, decoded by kubectl."""
        template = f'{{{{index .data "{key}" | base64decode}}}}'
        return run(
            "kubectl", "get", "secret", "--namespace", self.name, name, "-o", f"go-template={template}"
        )

    def logs(self, pod: str, *, previous: bool = False) -> str:
        """What a pod has said."""
        more = ("--previous",) if previous else ()
        return run("kubectl", "logs", "--namespace", self.name, pod, "--all-containers", *more)

    def describe(self, folder: Path) -> str:
        """Write all there is to know into files; a short account of what looks wrong."""
        folder.mkdir(parents=True, exist_ok=True)
        commands: dict[str, Sequence[str]] = {
            "objects.txt": (
                "get",
                "all,workerpools,pvc,secrets,networkpolicies,poddisruptionbudgets,leases",
                "-o",
                "wide",
            ),
            "workerpools.json": ("get", "workerpools", "-o", "json"),
            "pods.txt": ("describe", "pods"),
            "events.txt": ("get", "events", "--sort-by=.metadata.creationTimestamp"),
        }
        said: dict[str, str] = {}
        for file, command in commands.items():
            said[file] = _attempt("kubectl", *command, "--namespace", self.name)
            (folder / file).write_text(said[file])
        try:
            pods = self.every("pods")
        except Exception as error:  # noqa: BLE001  the account of a failure must not fail
            return f"pods can't be listed: {error!r}"
        for pod in pods:
            name = pod["metadata"]["name"]
            (folder / f"{name}.log").write_text(
                _attempt("kubectl", "logs", "--namespace", self.name, name, "--all-containers")
            )
            if any(status.get("restartCount") for status in pod["status"].get("containerStatuses", ())):
                (folder / f"{name}.previous.log").write_text(
                    _attempt(
                        "kubectl", "logs", "--namespace", self.name, name, "--all-containers", "--previous"
                    )
                )
        return "\n".join([f"all of it: {folder}", *_states(pods), *said["events.txt"].splitlines()[-25:]])

    def _gone(self) -> bool:
        try:
            self.cluster.ask(f"/api/v1/namespaces/{self.name}")
        except NotThere:
            return True
        return False


def ready(pod: Json) -> bool:
    """Whether its condition Ready is true."""
    return any(c["type"] == "Ready" and c["status"] == "True" for c in pod["status"].get("conditions", ()))


def tell(session: "subprocess.Popen[str]", line: str) -> str:
    """Say a line to a session, and hear one."""
    pipes: tuple[IO[str] | None, IO[str] | None] = (session.stdin, session.stdout)
    assert pipes[0] is not None
    assert pipes[1] is not None
    pipes[0].write(line + "\n")
    pipes[0].flush()
    return pipes[1].readline().strip()


def _states(pods: Iterable[Json]) -> Iterable[str]:
    for pod in pods:
        statuses = pod["status"].get("containerStatuses", ())
        states = json.dumps([status["state"] | {"restarts": status["restartCount"]} for status in statuses])
        yield f"{pod['metadata']['name']}: {pod['status'].get('phase')} {'ready' if ready(pod) else 'not ready'} {states}"


def _attempt(*command: str) -> str:
    try:
        return run(*command)
    except ProgramFailed as error:
        return str(error)
