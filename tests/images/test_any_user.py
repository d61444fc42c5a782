"""The images run as a user that has no entry of its own, in group 0, as OpenShift starts them."""

import json

import pytest
from tests.images.belonging import IMAGES
from tests.images.rig import Namespace, image

UID = 1000620000
PROGRAMS = {
    "publisher": "corral_publisher.__main__, corral_publisher.run, corral.cli.main",
    "worker": "corral_worker.__main__, corral.cli.main",
    "worker-cpu": "corral_worker.__main__, corral.cli.main, corral_jobs.image.handlers, corral_jobs.area.handlers",
    "operator": "corral_operator.main, kopf",
}
LOOK = """
import getpass, json, os, pathlib, tempfile
import {modules}
pathlib.Path(tempfile.mkdtemp(), "written").write_text("x")
unreadable = [
    os.path.join(root, name)
    for top in ("/opt/corral", "/app")
    for root, folders, files in os.walk(top)
    for name in folders + files
    if not os.access(os.path.join(root, name), os.R_OK)
]
print("looked", json.dumps([os.getuid(), os.getgid(), getpass.getuser(), os.path.expanduser("~"), unreadable]))
"""


@pytest.mark.parametrize("service", IMAGES)
def test_an_image_runs_as_any_user_of_group_0(namespace: Namespace, tag: str, service: str) -> None:
    name = f"any-user-{service}"
    namespace.run(
        name,
        image(service, tag),
        user=UID,
        group=0,
        args=["python", "-c", LOOK.format(modules=PROGRAMS[service])],
    )
    told = next(line for line in namespace.finish(name).splitlines() if line.startswith("looked "))
    assert json.loads(told.removeprefix("looked ")) == [UID, 0, "corral", "/tmp", []]
    namespace.remove(name)
