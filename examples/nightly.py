"""A job that runs every night for the day before, and can be made up for. `CORRAL_HANDLERS=nightly` names it."""

from datetime import datetime, timedelta

from pydantic import BaseModel

from corral.catalog import job, schedule


class DayOfOrders(BaseModel):
    """Whose orders are added up: the day before `at`."""

    at: datetime
    shop: str


@job("orders.add_up", queue="reports", retries=3)
async def add_up(request: DayOfOrders) -> str:
    """Add up the orders of a day."""
    day = (request.at - timedelta(days=1)).date()
    return f"orders of {request.shop} on {day.isoformat()}"


nightly = schedule(
    "add-up-orders",
    add_up,
    {"shop": "north"},
    tick_field="at",
    cron="30 2 * * *",
    zone="Europe/Berlin",
    overlap="queue-one",
    pause_after=5,
    description="Yesterday's orders, every night",
)
