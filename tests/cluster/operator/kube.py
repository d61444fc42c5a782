"""kubectl, in one namespace."""

import json
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import yaml

ROOT = Path(__file__).parents[3]
CRD = ROOT / "charts/corral/crds/workerpool.yaml"


class KubectlError(AssertionError):
    """kubectl refused; the message is its own."""


@dataclass
class Kube:
    namespace: str
    folder: Path
    """For files with secrets and logs; gone with the namespace."""

    @classmethod
    def create(cls) -> "Kube":
        name = f"corral-op-{uuid4().hex[:8]}"
        kube = cls(name, Path(tempfile.mkdtemp(prefix=f"{name}-")))
        run("create", "namespace", kube.namespace)
        return kube

    def remove(self) -> None:
        shutil.rmtree(self.folder)
        run("delete", "namespace", self.namespace, "--wait=false")

    def __call__(self, *words: str, input: str | None = None) -> str:
        return run("-n", self.namespace, *words, input=input)

    def apply(self, *documents: dict[str, Any]) -> None:
        self("apply", "-f", "-", input=yaml.safe_dump_all(documents))

    def get(self, *words: str) -> dict[str, Any]:
        return json.loads(self("get", *words, "-o", "json"))

    def patch(self, what: str, change: dict[str, Any], *words: str) -> None:
        self("patch", what, "--type=merge", "-p", json.dumps(change), *words)

    def pods(self) -> list[dict[str, Any]]:
        """Those that are not on their way out."""
        return [one for one in self.get("pods")["items"] if "deletionTimestamp" not in one["metadata"]]

    def replicas(self, name: str = "w") -> int:
        return self.get("deployment", name)["spec"]["replicas"]

    def conditions(self, name: str = "io") -> dict[str, str]:
        """The pool's, by type: the message where it holds, empty where it does not."""
        status = self.get("workerpool", name).get("status", {})
        return {
            one["type"]: one["message"] or one["reason"] if one["status"] == "True" else ""
            for one in status.get("conditions", ())
        }

    def kubeconfig_of(self, account: str, server: str | None = None) -> str:
        """The path of a kubeconfig with a token of a service account instead of the tester's own rights.

        Where `server` names another address of the API server, its certificate can't be checked.
        """
        token = self("create", "token", account, "--duration=1h").strip()
        view = json.loads(run("config", "view", "--minify", "--raw", "-o", "json"))
        context = view["contexts"][0]["context"]
        view["users"] = [{"name": "account", "user": {"token": token}}]
        view["contexts"][0]["context"] = {"cluster": context["cluster"], "user": "account"}
        if server is not None:
            view["clusters"][0]["cluster"] = {"server": server, "insecure-skip-tls-verify": True}
        path = self.folder / f"kubeconfig-{uuid4().hex}"
        path.write_text(json.dumps(view))
        path.chmod(0o600)
        return str(path)


def server() -> str:
    """The API server's address."""
    return json.loads(run("config", "view", "--minify", "-o", "json"))["clusters"][0]["cluster"]["server"]


def run(*words: str, input: str | None = None) -> str:
    done = subprocess.run(
        ["kubectl", *words], input=input, capture_output=True, text=True, timeout=60, check=False
    )
    if done.returncode:
        raise KubectlError(done.stderr.strip())
    return done.stdout


def role_documents(namespace: str, deployments: tuple[str, ...] = ("w",)) -> list[dict[str, Any]]:
    """ServiceAccount, Lease, Role and RoleBinding as the chart renders them, for these Deployments."""
    rendered = subprocess.run(
        [
            *("helm", "template", "corral", str(ROOT / "charts/corral"), "--namespace", namespace),
            *("--kube-version", "1.35.0", "--show-only", "templates/operator/access.yaml"),
            *("--set", "existingSecret=any"),
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert rendered.returncode == 0, rendered.stderr
    documents = [one for one in yaml.safe_load_all(rendered.stdout) if one]
    for document in documents:
        for rule in document.get("rules", ()):
            if any(one.startswith("deployments") for one in rule["resources"]):
                rule["resourceNames"] = list(deployments)
    return documents
