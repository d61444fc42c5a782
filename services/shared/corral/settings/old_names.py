"""Settings of the systems that Corral replaces, each answered with Corral's own."""

import re

HONOURED = {"WORKER_ENABLED": "CORRAL_WORKER_ENABLED"}
"""Old names that are read, because they mean the same."""


def _database(family: str, name: str) -> str:
    """The line for .env that replaces the old names of the database's parts, whatever its password holds."""
    return (
        f"say it in .env as CORRAL_DATABASE_URL=postgresql://${{{family}_USER}}@${{{family}_HOST:-localhost}}:"
        f"${{{family}_PORT:-5432}}/${{{family}_{name}}} and CORRAL_DATABASE_PASSWORD=${{{family}_PASSWORD}}"
    )


_REDIS = (
    "say it in .env as CORRAL_REDIS_URL=redis://${REDIS_HOST:-localhost}:${REDIS_PORT:-6379}/${REDIS_DB:-0} "
    "(rediss:// for TLS) and CORRAL_REDIS_PASSWORD=${REDIS_PASSWORD}"
)
_STALLS = "a lost worker is noticed after CORRAL_LEASE seconds; how many losses a job survives is max_stalls of its job type"
_MAIL = (
    "say it in .env as CORRAL_SMTP_HOST=${EMAIL_HOST}, CORRAL_SMTP_PORT=${EMAIL_PORT}, CORRAL_SMTP_USER=${EMAIL_USER}, "
    "CORRAL_SMTP_PASSWORD=${EMAIL_PASS} and CORRAL_SMTP_FROM=${EMAIL_FROM}"
)
_RESTART = "nothing needs to be said: `corral up` and Kubernetes start again what ends"
_NODE = "what it decided is CORRAL_DEMO_JOBS=false and CORRAL_LOG_FORMAT=json in production"

_OLD = {
    "DATABASE_URL": "say it in .env as CORRAL_DATABASE_URL=${DATABASE_URL}",
    "POSTGRES_URL": "say it in .env as CORRAL_DATABASE_URL=${POSTGRES_URL}",
    r"POSTGRES_(HOST|PORT|USER|PASSWORD|DB)": _database("POSTGRES", "DB"),
    "POSTGRES_DATABASE": _database("POSTGRES", "DATABASE"),
    r"DB_(HOST|PORT|USER|PASSWORD|NAME)": _database("DB", "NAME"),
    "REDIS_URL": "say it in .env as CORRAL_REDIS_URL=${REDIS_URL}",
    r"REDIS_(HOST|PORT|PASSWORD|DB|USERNAME|TLS)": _REDIS,
    "BULL_QUEUE_NAME": "say it as CORRAL_QUEUES for a worker; each job type names its own queue",
    "WORKER_ENABLED": "say it as CORRAL_WORKER_ENABLED",
    "WORKER_CONCURRENCY": "say it as CORRAL_SLOTS_ASYNC, CORRAL_SLOTS_THREAD and CORRAL_SLOTS_PROCESS, for each worker; for all workers together declare a Limit, which `corral limits set NAME total=N` changes",
    r"WORKER_(BATCH_SIZE|FLUSH_MS)": "it is an option of the job type, not of the worker",
    r"WORKER_RATE_LIMIT_[A-Z_]+": "declare a Rate for the job type, which all workers share; `corral limits set NAME rate=N per=SECONDS` changes it",
    "WORKER_INSTANCES": "workers scale with the backlog; `corral up --workers N` fixes their number",
    r"(WORKER_)?AUTO_RESTART": _RESTART,
    "API_INSTANCES": "say it as CORRAL_WEB_WORKERS, a number; on Kubernetes the publisher's replicas come on top",
    r"(WORKER_)?(SHUTDOWN_TIMEOUT|GRACEFUL_SHUTDOWN)(_MS|_SECONDS|_TIMEOUT|_TIMEOUT_MS)?": "say it in seconds as CORRAL_GRACE",
    r"(WORKER_)?HEALTH_?CHECK_INTERVAL(_MS|_SECONDS)?": "say it in seconds as CORRAL_HEARTBEAT",
    r"(WORKER_)?LOCK_(DURATION|RENEW_TIME)(_MS)?": "say it in seconds as CORRAL_LEASE",
    r"(WORKER_)?(STALLED_INTERVAL|STALL_INTERVAL|MAX_STALLED_COUNT|MAX_STALLS)(_MS)?": _STALLS,
    r"EMAIL_(HOST|PORT|USER|PASS|FROM)": _MAIL,
    "APP_PORT": "say it as CORRAL_PORT",
    "APP_BASE_URL": "say it as CORRAL_PUBLIC_URL",
    "NEXT_PUBLIC_API_URL": "pages and API have one address, which is said as CORRAL_PUBLIC_URL; programs that submit read CORRAL_URL",
    "NODE_ENV": _NODE,
    "STORAGE_DIR": "say it as CORRAL_ARTIFACT_STORE=filesystem with CORRAL_ARTIFACT_DIR",
}
_PATTERNS = [(re.compile(pattern), answer) for pattern, answer in _OLD.items()]


def replacement(name: str) -> str | None:
    """The message that answers an old name; None where the name is none of the old ones."""
    return next((answer for pattern, answer in _PATTERNS if pattern.fullmatch(name)), None)
