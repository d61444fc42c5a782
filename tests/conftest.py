"""Fixtures for every test; they live in tests/fixtures, one module per subject."""

import gc

from hypothesis import HealthCheck, given, settings, strategies

pytest_plugins = [
    "tests.fixtures.servers.servers",
    "tests.fixtures.servers.object_server",
    "tests.fixtures.leaks",
    "tests.fixtures.needs",
    "tests.fixtures.distribution",
]

# How long an example takes says nothing on a machine with other work; pytest-timeout ends what hangs.
# Each run draws other examples; where CI is set, the same.
settings.register_profile(
    "corral", max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("corral")


def pytest_collection_finish() -> None:
    """Nothing that is imported and collected by now ends before the run: garbage is not looked for in it again and again."""
    _prepare_hypothesis()
    gc.collect()
    gc.freeze()


@settings(derandomize=True, database=None, max_examples=1)
@given(strategies.none())
def _prepare_hypothesis(_nothing: None) -> None:
    """Let Hypothesis make its source of random numbers while the garbage collector still sees who holds it.

    Otherwise it warns with Python 3.14 that nobody does, when no test draws from that source before one that is
    derandomized: with the variable CI set, all of them are.
    """
