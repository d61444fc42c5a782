# Made by corral codegen; the next run overwrites it.
"""All handlers: CORRAL_HANDLERS=typed_client.workers."""

from .database.database_clean import clean_database as database_clean
from .emails.email_welcome import send_welcome as email_welcome

__all__ = ["database_clean", "email_welcome"]
