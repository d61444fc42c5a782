"""Scaling down without interrupting a job: which workers leave, how they are asked, and what is waited for."""
