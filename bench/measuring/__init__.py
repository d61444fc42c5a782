"""How is measured: processes and what they cost, laps in turn, load, the machine, revisions beside each other."""
