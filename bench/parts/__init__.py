"""The parts of the benchmarks: a question each, named as in `python -m bench NAME` or close to it."""
