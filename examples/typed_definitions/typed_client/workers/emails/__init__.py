# Made by corral codegen; the next run overwrites it.
"""Handlers of one queue, for workers of its own: CORRAL_HANDLERS=typed_client.workers.emails."""

from .email_welcome import send_welcome as email_welcome

__all__ = ["email_welcome"]
