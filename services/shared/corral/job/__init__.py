"""What a job is: its states, options, backoff and outcomes. Pure; imports nothing of Corral."""
