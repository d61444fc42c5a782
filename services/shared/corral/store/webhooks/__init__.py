"""Webhooks: their rows, the ends of jobs that they are told, and their deliveries."""
