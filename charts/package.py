"""Packages the chart, with a provenance beside it: from which revision, with which versions, as which bytes.

`python charts/package.py dist` writes both; `make chart` runs it. Needs helm.

Where the project is published is not the project's to say: SOURCE_URL names the repository (without it, the remote
`origin`, where that is a public address), HOME_URL the home page (without it, the repository). The package's Chart.yaml
gets them as `sources` and `home`; where there is no address it has neither.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]
CHART = ROOT / "charts" / "corral"
IMAGES = ("publisher", "worker", "worker-cpu", "operator")


def published(source: str, home: str, remote: str) -> dict[str, Any]:
    """What Chart.yaml says of where the project is published.

    Args:
        source: the repository's address; empty: made from the remote.
        home: the home page's; empty: the repository's.
        remote: what git calls the repository: an https address, one of ssh, or a folder.

    Raises:
        ValueError: an address that is given is none that a browser opens.
    """
    for name, given in (("SOURCE_URL", source), ("HOME_URL", home)):
        if given and not re.fullmatch(r"https?://[^\s@]+", given):
            raise ValueError(f"{name} is {given!r}; an address begins with https:// and holds no password")
    found = re.fullmatch(r"(?:https://(?:[^@/\s]*@)?|(?:ssh://)?git@)([\w.-]+)(?::\d+)?[/:]([^\s@]+?)(?:\.git)?/?", remote)  # fmt: skip
    source = source or (f"https://{found[1]}/{found[2]}" if found else "")
    home = home or source
    return {**({"home": home} if home else {}), **({"sources": [source]} if source else {})}


def provenance(package: Path, helm: str, addresses: dict[str, Any]) -> dict[str, Any]:
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
        **addresses,
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
    remote = _said("git", "-C", str(ROOT), "remote", "get-url", "origin")
    try:
        addresses = published(os.environ.get("SOURCE_URL", ""), os.environ.get("HOME_URL", ""), remote)
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as made:
        chart = Path(made) / CHART.name
        shutil.copytree(CHART, chart)
        if addresses:
            with (chart / "Chart.yaml").open("a", encoding="utf-8") as described:
                described.write(yaml.safe_dump(addresses))
        told = _said(helm, "package", str(chart), "--destination", str(folder))
    package = Path(told.rsplit(": ", 1)[-1])
    beside = package.with_suffix(".provenance.json")
    beside.write_text(json.dumps(provenance(package, helm, addresses), indent=1) + "\n", encoding="utf-8")
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
