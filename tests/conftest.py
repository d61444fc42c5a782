"""Fixtures for every test; they live in tests/fixtures, one module per subject."""

import gc

from hypothesis import HealthCheck, settings

pytest_plugins = ["tests.fixtures.servers", "tests.fixtures.leaks", "tests.fixtures.needs"]

# How long an example takes says nothing on a machine with other work; pytest-timeout ends what hangs.
settings.register_profile("corral", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("corral")


def pytest_collection_finish() -> None:
    """Nothing that is imported and collected by now ends before the run: garbage is not looked for in it again and again."""
    gc.collect()
    gc.freeze()
