"""One version, said in several places."""

from importlib.metadata import version

import corral


def test_all_packages_have_the_version_that_the_code_says():
    assert {version(name) for name in ("corral", "corral-publisher", "corral-worker")} == {corral.__version__}
