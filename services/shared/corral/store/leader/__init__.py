"""What the leader does: it is elected, moves jobs on, folds statistics, and removes what is old."""
