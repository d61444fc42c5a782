"""`email.send`: one mail to one or many recipients, over the SMTP server that the installation names.

from corral_jobs.mail import Mail, send

Importing this package needs no SMTP client: `handlers` sends, in workers.
"""

from corral_jobs.mail.declaration import send
from corral_jobs.mail.mail import Attachment, Mail
from corral_jobs.mail.result import MailSent, RecipientResult, RecipientStatus

__all__ = ["Attachment", "Mail", "MailSent", "RecipientResult", "RecipientStatus", "send"]
