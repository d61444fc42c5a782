"""The declaration of `email.send`."""

from corral.catalog.declaration import JobType, job_type
from corral.catalog.limits.limit import Rate
from corral.job.backoff import Exponential
from corral_jobs.mail.mail import Mail
from corral_jobs.mail.result import MailSent

EMAIL = "email.send"
"""The name of the job type."""

per_domain = Rate("email-domain", 600, per=60, by="domain(to, cc, bcc)")
"""How many mails go to one domain in a minute: a mail counts once for each domain among its recipients."""

send: JobType[Mail, MailSent] = job_type(
    EMAIL,
    payload=Mail,
    result=MailSent,
    queue="email",
    retries=5,
    backoff=Exponential(5, factor=3, jitter=0.1),
    timeout=300,
    limits=[per_domain],
    description="Sends a mail. Without an SMTP server (CORRAL_SMTP_HOST) mails are held until there is one.",
)
