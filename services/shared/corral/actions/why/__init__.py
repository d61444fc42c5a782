"""Why a job does not run, or a schedule: each cause with its fact, and what lifts it."""
