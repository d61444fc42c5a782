"""Webhooks as values: endpoints, what is sent to them, and how it is signed. `corral_jobs.webhook` sends."""
