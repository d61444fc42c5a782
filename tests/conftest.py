"""Fixtures for every test; they live in tests/fixtures, one module per subject."""

pytest_plugins = ["tests.fixtures.servers"]
