"""The scaling law beside its peers, in one simulator: `python -m bench.autoscale`."""
