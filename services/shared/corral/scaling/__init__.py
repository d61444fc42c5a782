"""How many workers a pool should have: the signal, the law, the reason. Pure: no clock, no I/O."""
