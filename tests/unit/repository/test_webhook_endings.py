"""Every statement that counts ends of jobs tells webhooks of them, or has a twin that does."""

import importlib
import pkgutil

from corral import store
from corral.store.attempts.endings import WITH_WEBHOOKS
from corral.store.attempts.follow_ups import FOLLOWING

COUNTS, TELLS = "INSERT INTO corral.job_stats_deltas", "INSERT INTO corral.webhook_deliveries"
TWINS = {*WITH_WEBHOOKS, *(FOLLOWING[plain] for plain in WITH_WEBHOOKS)}
WITH_TWINS = {
    *WITH_WEBHOOKS.values(),
    *(FOLLOWING[one] for one in WITH_WEBHOOKS.values()),
}


def statements() -> set[str]:
    """Every statement of the store: texts by name, and those in dictionaries."""
    found: set[str] = set()
    for module in pkgutil.walk_packages(store.__path__, "corral.store."):
        if module.name.startswith("corral.store.migrations."):  # Alembic runs them
            continue
        for value in vars(importlib.import_module(module.name)).values():
            found |= {value} if isinstance(value, str) else set()
            found |= (
                {one for one in value.values() if isinstance(one, str)} if isinstance(value, dict) else set()
            )
    return found


def test_every_end_is_told():
    ends = {one for one in statements() if COUNTS in one and "FROM ended" in one.split(COUNTS)[-1]}
    whole = {one for one in ends if one.lstrip().startswith("WITH") and "\nSELECT" in one.split(COUNTS)[-1]}
    assert len(whole) >= 10
    untold = {one for one in whole if TELLS not in one} - TWINS
    assert not untold, "\n".join(one[:500] for one in untold)
    assert all(TELLS in one for one in WITH_TWINS)


def test_without_webhooks_the_hot_path_pays_nothing():
    assert not any("webhook" in plain for plain in TWINS)
