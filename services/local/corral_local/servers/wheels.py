"""Finds the installed packages that contain the servers' programs."""

from importlib.util import find_spec
from pathlib import Path

from corral_local.errors import MissingProgram


def package_folder(package: str, *, server: str, wheel: str) -> Path:
    """The folder of an installed package. It is not imported: importing some changes folders and users.

    Raises: MissingProgram.
    """
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise MissingProgram(server, wheel)
    return Path(spec.submodule_search_locations[0])
