"""Packages the chart, with a provenance beside it: from which revision, with which versions, as which bytes.

`python charts/package.py dist` writes both; `make chart` runs it. Needs helm.
"""

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]
CHART = ROOT / "charts" / "corral"
IMAGES = ("publisher", "worker", "worker-cpu", "operator")


def provenance(package: Path, helm: str) -> dict[str, Any]:
    """What the package was made from."""
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text(encoding="utf-8"))
    values = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
    locks = [ROOT / "requirements" / f"{image}.txt" for image in IMAGES]
    servers = {
        name: f"{values[name]['image']['repository']}:{values[name]['image']['tag']}"
        for name in ("postgres", "redis")
    }
    return {
        "package": package.name,
        "sha256": _sha256(package),
        "chart": chart["version"],
        "appVersion": chart["appVersion"],
        "kubeVersion": chart["kubeVersion"],
        "revision": _said("git", "-C", str(ROOT), "rev-parse", "HEAD"),
        "modified": bool(_said("git", "-C", str(ROOT), "status", "--porcelain")),
        "helm": _said(helm, "version", "--short"),
        "images": {f"corral-{name}": f"corral-{name}:{chart['appVersion']}" for name in IMAGES} | servers,
        "locks": {lock.name: _sha256(lock) for lock in locks},
        "definition": _sha256(CHART / "crds" / "workerpool.yaml"),
    }


def main(folder: Path) -> int:
    """Package the chart into a folder; the process's exit code."""
    helm = (
        shutil.which("helm", path=str(ROOT / ".tools" / "bin"))
        or shutil.which("helm")
        or shutil.which("helm3")
    )
    if helm is None:
        sys.stderr.write("helm is missing: install it, or run make tools\n")
        return 3
    folder.mkdir(parents=True, exist_ok=True)
    told = _said(helm, "package", str(CHART), "--destination", str(folder))
    package = Path(told.rsplit(": ", 1)[-1])
    beside = package.with_suffix(".provenance.json")
    beside.write_text(json.dumps(provenance(package, helm), indent=1) + "\n", encoding="utf-8")
    sys.stdout.write(f"{package}\n{beside}\n")
    return 0


def _said(*command: str) -> str:
    done = subprocess.run(  # noqa: S603  # git and helm, with arguments of ours
        command, capture_output=True, text=True, check=False
    )
    return done.stdout.strip() if done.returncode == 0 else ""


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
