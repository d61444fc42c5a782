"""One attempt, from its claim until its outcome is written and told: held, run, ended."""
