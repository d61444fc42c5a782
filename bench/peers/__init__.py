"""The programs that the peers' own processes run."""
