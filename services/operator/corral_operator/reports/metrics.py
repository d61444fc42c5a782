"""The operator's metrics. docs/reference/operator.md lists them; a test compares."""

from prometheus_client import Counter, Gauge, Histogram

from corral_operator.scale_down.standstill import Stand

LEADS = Gauge("corral_operator_leads", "Whether this operator decides: it holds the Lease.")
LOOP_SECONDS = Histogram(
    "corral_operator_loop_seconds",
    "One round over all pools.",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
API_ERRORS = Counter(
    "corral_operator_api_errors", "Requests that Kubernetes did not answer as hoped.", ["method", "status"]
)
SIGNAL_AGE = Gauge("corral_operator_signal_age_seconds", "Since the backlog's signal moved last.")
DECISIONS = Counter(
    "corral_operator_decisions", "Changes of a pool's number of workers.", ["pool", "direction"]
)
REVERSALS = Counter(
    "corral_operator_reversals", "Times a pool grew within 300 seconds after it had shrunk.", ["pool"]
)
DESIRED = Gauge("corral_operator_pool_desired", "Workers there should be.", ["pool"])
REPLICAS = Gauge("corral_operator_pool_replicas", "Workers that the Deployment asks for.", ["pool"])
READY = Gauge("corral_operator_pool_ready", "Workers that are ready.", ["pool"])
DRAINING = Gauge("corral_operator_pool_draining", "Workers on their way out.", ["pool"])
CONDITION = Gauge("corral_operator_pool_condition", "1 while the condition holds.", ["pool", "condition"])
HELD_SECONDS = Gauge(
    "corral_operator_pool_held_seconds",
    "Since a pool came nearer to the number of workers that it is to have; absent where it has them.",
    ["pool", "direction", "cause"],
)
ROUNDS_ENDED = Counter(
    "corral_operator_rounds_ended", "Rounds over all pools that took too long and were ended."
)
TURNS_ENDED = Counter(
    "corral_operator_turns_ended", "Turns of a pool that took too long and were ended.", ["pool"]
)


def held(pool: str, stand: Stand | None) -> None:
    """Set the gauge of what a pool is waiting for, and remove what it was waiting for before."""
    HELD_SECONDS.remove_by_labels({"pool": pool})
    if stand is not None:
        HELD_SECONDS.labels(pool, stand.direction, stand.cause).set(stand.seconds)


def forget(pool: str) -> None:
    """Remove the gauges of a pool that was deleted."""
    for gauge in (DESIRED, REPLICAS, READY, DRAINING):
        gauge.remove(pool)
    CONDITION.remove_by_labels({"pool": pool})
    HELD_SECONDS.remove_by_labels({"pool": pool})
