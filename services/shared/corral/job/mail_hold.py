"""The hold of mails: while no mail server is set, the queue of mails is paused in this name."""

from typing import Final

QUEUE: Final = "email"
"""The queue of `email.send`."""
JOB_TYPE: Final = "email.send"
HOLDER: Final = "corral: set mail.host"
"""Who has paused the queue. A pause by a person goes before it, and stays when a mail server is set."""
ACTION: Final = "Set a mail server: mail.host in the chart's values, CORRAL_SMTP_HOST elsewhere"
