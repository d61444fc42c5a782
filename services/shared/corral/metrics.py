"""Every Prometheus metric of the services. docs/reference/metrics.md lists them; a test compares.

Gauges of the database come from the leader alone. Where several processes
answer for one port (gunicorn), PROMETHEUS_MULTIPROC_DIR is set before this
module is imported, and `corral.process.exposition` adds them up.
"""

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

_SHORT: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_LONG: Final = (0.005, 0.02, 0.1, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600)

# Jobs
JOBS_SUBMITTED = Counter("corral_jobs_submitted", "Jobs accepted.", ["queue", "type"])
JOBS_FINISHED = Counter(
    "corral_jobs_finished", "Attempts recorded, by outcome.", ["queue", "type", "outcome"]
)
JOB_WAIT = Histogram("corral_job_wait_seconds", "From due to claimed.", ["queue"], buckets=_LONG)
JOB_RUN = Histogram(
    "corral_job_run_seconds", "From handler start to its end.", ["queue", "type"], buckets=_LONG
)
BATCH_JOBS = Histogram(
    "corral_batch_jobs",
    "Jobs that a handler got at once, of types that are handled in batches.",
    ["queue", "type"],
    buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500, 1000),
)
SUBMIT_BATCH = Histogram(
    "corral_submit_batch_jobs", "Jobs in one group commit.", buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500)
)
SUBMIT_BATCHES_SPLIT = Counter(
    "corral_submit_batches_split", "Group commits that failed and were repeated one by one."
)
IDEMPOTENT_REPLAYS = Counter(
    "corral_idempotent_replays",
    "Requests with an idempotency key that was used before: answered with the jobs of the first one.",
)
DUPLICATES = Counter(
    "corral_duplicates",
    "Submissions that made no new job, because another one holds their unique key, by type and what became of them: existing, replaced or refused.",
    ["type", "outcome"],
)
HAND_OVER_FAILED = Counter(
    "corral_hand_over_failed", "Stored jobs that Redis did not take; the sweep enqueues them."
)

FOLLOW_UPS = Counter(
    "corral_follow_ups", "Jobs that were stored with the outcome that they waited for (`ctx.then`).", ["on"]
)

EFFECTS = Counter(
    "corral_effects",
    "Effects of `ctx.once`: begun, done, withdrawn, known to be done from before, perhaps done.",
    ["what"],
)

# Claiming and completing
CLAIMS = Counter("corral_claims", "Answers to claims: claimed, or why not.", ["queue", "answer"])
FENCED = Counter(
    "corral_fenced_writes", "Writes about an attempt that was no longer the job's own.", ["write"]
)
OUTCOMES_UNKNOWN = Counter(
    "corral_outcomes_unknown", "Commits lost with their connection.", ["write", "resolved"]
)
RESULTS_HELD = Gauge("corral_results_held", "Outcomes waiting to be written.", multiprocess_mode="livesum")
RELEASED = Counter("corral_jobs_released", "Jobs given back by stopping workers.", ["queue"])
RETURNED = Counter(
    "corral_jobs_returned", "Jobs put back before they began: no slot was free for them.", ["queue"]
)
RECLAIMED = Counter("corral_jobs_reclaimed", "Jobs taken from lost workers.", ["queue", "outcome"])
COMPLETION_BATCH = Histogram(
    "corral_completion_batch_jobs", "Outcomes in one write.", buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500)
)

# Workers
SLOTS = Gauge("corral_worker_slots", "Slots of this worker.", ["executor"], multiprocess_mode="livesum")
SLOTS_USED = Gauge("corral_worker_slots_used", "Slots in use.", ["executor"], multiprocess_mode="livesum")
THREADS_ABANDONED = Gauge(
    "corral_worker_threads_abandoned", "Threads past their timeout.", multiprocess_mode="livesum"
)
CHILDREN_DIED = Counter(
    "corral_worker_children_died", "Job processes that died, by signal or exit code.", ["how"]
)
LOOP_BLOCKED = Counter("corral_worker_loop_blocked", "Times a handler blocked a worker's event loop.")
LOOP_BLOCKED_SECONDS = Counter(
    "corral_worker_loop_blocked_seconds", "Seconds for which event loops of workers were blocked."
)
HEARTBEATS_FAILED = Counter("corral_heartbeats_failed", "Heartbeats that did not reach Postgres.")
LOGS_TRUNCATED = Counter("corral_job_logs_truncated", "Jobs whose log reached its cap.", ["type"])

# Limits
LIMIT_MISCOUNTS = Counter(
    "corral_limit_miscounts",
    "Limits or keys whose noted use differed from what ran: a bug, which the leader corrected.",
    ["limit"],
)
LIMIT_REFUSALS = Counter(
    "corral_limit_refusals",
    "Jobs that a limit kept from being stored: it was full, or too-many-wait.",
    ["limit", "reason"],
)
LIMIT_WORKER_FULL = Counter(
    "corral_limit_worker_full",
    "Looks at waiting jobs that a worker left to others, because it ran as many of the limit as each worker may.",
    ["limit"],
)
LIMIT_HOLDERS_DROPPED = Counter(
    "corral_limit_holders_dropped",
    "Slots held for life that were given back for jobs which ended while they waited, cancelled or superseded.",
    ["limit"],
)
LIMIT_KEPT = Gauge(
    "corral_limit_kept_slots",
    "Slots that jobs keep while they wait to be tried again, of limits held for life; from the leader.",
    ["limit"],
    multiprocess_mode="mostrecent",
)
LIMIT_DISPLACED = Counter(
    "corral_limit_displaced",
    "Jobs that made room for new ones at a full limit: superseded, or asked to stop (cancel-running).",
    ["limit", "how"],
)

LIMIT_PARKED = Counter(
    "corral_limit_parked", "Waits that providers asked for, by the limit that was parked for them.", ["limit"]
)

LIMIT_LEASES_LOST = Counter(
    "corral_limit_leases_lost",
    "Slots of handlers (`ctx.limit`) that could not be renewed in time.",
    ["limit"],
)
BUDGET_TAKEN = Counter(
    "corral_budget_taken", "What handlers took of rates of calls, in their units.", ["limit"]
)
BUDGET_LATE = Counter(
    "corral_budget_late",
    "Takes that were thrown away, because their deadline had passed before they could be used.",
    ["limit"],
)
BUDGET_RESTORED = Counter(
    "corral_budget_restored",
    "Budgets that began from the note in Postgres, because Redis had lost them.",
    ["limit"],
)

# Dispatch
REDISPATCHED = Counter("corral_redispatched", "Ids that the sweep enqueued again.", ["queue"])
LANES_REBUILT = Counter(
    "corral_lanes_rebuilt", "Lists that somebody else wrote to, and that were mended.", ["queue"]
)
POPPED_EXPIRED = Counter("corral_popped_expired", "Ids popped and never answered.", ["queue"])
REDIS_ERRORS = Counter("corral_redis_errors", "Commands that Redis did not answer.", ["command"])
EVENTS_DROPPED = Counter("corral_events_dropped", "Events that a slow listener missed.")

# Maintenance
LEADER = Gauge("corral_leader", "Whether this process leads.", multiprocess_mode="livemax")
TICKS_SKIPPED = Counter("corral_ticks_skipped", "Rounds of a duty that did not happen in time.", ["duty"])
DUTY_SECONDS = Histogram("corral_duty_seconds", "One round of a duty.", ["duty"], buckets=_SHORT)
DUTY_ERRORS = Counter("corral_duty_errors", "Rounds of a duty that failed, in whole or in part.", ["duty"])
DUTY_PARTS_FAILED = Counter(
    "corral_duty_parts_failed",
    "Queues, workers, pools or other parts that failed while a duty went on.",
    ["duty"],
)
QUEUE_JOBS = Gauge(
    "corral_queue_jobs", "Live jobs, from the leader.", ["queue", "state"], multiprocess_mode="mostrecent"
)
QUEUE_OLDEST = Gauge(
    "corral_queue_oldest_seconds",
    "Age of the oldest due job, from the leader.",
    ["queue"],
    multiprocess_mode="mostrecent",
)
POOL_DRAINS = Counter(
    "corral_pool_drains",
    "Workers that the leader drained for their pool, or let claim again.",
    ["pool", "change"],
)
WORKERS = Gauge("corral_workers", "Workers, from the leader.", ["state"], multiprocess_mode="mostrecent")

# Schedules
SCHEDULE_TICKS = Counter(
    "corral_schedule_ticks",
    "Ticks of schedules, by what became of them: submitted, waiting, skipped, missed or refused.",
    ["verdict"],
)
SCHEDULE_LATENESS = Histogram(
    "corral_schedule_lateness_seconds",
    "From a tick to the submission of its job, of ticks that were neither missed nor waited.",
    buckets=_SHORT,
)
SCHEDULES_PAUSED = Counter("corral_schedules_paused", "Schedules that paused themselves: their jobs failed.")
SCHEDULES_AHEAD = Gauge(
    "corral_schedules_ahead",
    "Schedules whose last tick lies in the future, from the leader.",
    multiprocess_mode="mostrecent",
)

# Webhooks
WEBHOOK_REQUESTS = Counter(
    "corral_webhook_requests",
    "Requests to webhooks, by what came of the delivery: delivered, retried, failed, or skipped without a request.",
    ["outcome"],
)
WEBHOOKS_DISABLED = Counter(
    "corral_webhooks_disabled", "Webhooks that Corral disabled: their endpoint failed for days, or is gone."
)
WEBHOOKS_OFF = Gauge(
    "corral_webhooks_off", "Webhooks that are disabled, from the leader.", multiprocess_mode="mostrecent"
)
WEBHOOKS_FAILING = Gauge(
    "corral_webhooks_failing_seconds",
    "For how long the enabled webhook that has failed for longest has taken nothing; 0 where none fails; from the leader.",
    multiprocess_mode="mostrecent",
)
WEBHOOK_LATENESS = Histogram(
    "corral_webhook_wait_seconds", "From the end of a job to the job that tells a webhook.", buckets=_SHORT
)

# Feeds
FEED_SOURCES = Gauge(
    "corral_feed_sources",
    "Feeds, from the leader: active, failing, paused or gone, and of the first two those that are due.",
    ["health"],
    multiprocess_mode="mostrecent",
)
FEED_OVERDUE = Gauge(
    "corral_feed_overdue_seconds",
    "Seconds since the feed was due that has waited longest for its fetch to end, from the leader; 0: none waits.",
    multiprocess_mode="mostrecent",
)
FEED_LATENESS = Histogram(
    "corral_feed_lateness_seconds",
    "From the time at which a feed is due to the submission of its fetch.",
    buckets=_SHORT,
)
FEED_FETCHES = Counter(
    "corral_feed_fetches",
    "Fetches of feeds, by what came of them: fetched, not-modified, postponed, skipped, gone or failed.",
    ["outcome"],
)
FEED_ITEMS = Counter(
    "corral_feed_items",
    "Items of feeds, by what became of them: new, updated, unchanged, skipped or failed.",
    ["outcome"],
)

# HTTP
HTTP_REQUESTS = Counter("corral_http_requests", "Requests answered.", ["method", "route", "status"])
HTTP_SECONDS = Histogram(
    "corral_http_request_seconds", "From first byte to answer.", ["method", "route"], buckets=_SHORT
)
WAITERS = Gauge("corral_http_waiters", "Requests with ?wait in progress.", multiprocess_mode="livesum")
STREAMS = Gauge("corral_http_streams", "Open streams of events.", multiprocess_mode="livesum")
WAITERS_REFUSED = Counter(
    "corral_http_waiters_refused", "Requests with ?wait that found no room and did not wait."
)

CALLER_RATE_REFUSED = Counter(
    "corral_caller_rate_refused",
    "Requests refused because their caller asks too much: of `requests` or of `jobs`.",
    ["rate"],
)
CALLER_RATE_UNKNOWN = Counter(
    "corral_caller_rate_unknown",
    "Requests let through uncounted, because Redis did not answer.",
    ["rate"],
)

# Calls of providers
PROVIDER_CALLS = Counter(
    "corral_provider_calls", "Requests to providers, by what came back.", ["provider", "outcome"]
)
PROVIDER_PERMITS_LATE = Counter(
    "corral_provider_permits_late", "Permits to call a provider that came too late to be used.", ["provider"]
)

# Traces
TRACE_SPANS = Counter(
    "corral_trace_spans",
    "Spans that were given to the collector, by what became of them: sent or lost.",
    ["result"],
)

# Everything
SWALLOWED = Counter("corral_swallowed_errors", "Errors that were logged and survived.", ["where"])
