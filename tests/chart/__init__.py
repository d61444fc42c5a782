"""The Helm chart as it is rendered; tests/cluster installs it."""
