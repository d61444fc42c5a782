"""Orders: a job that is to follow only if another one succeeded. `CORRAL_HANDLERS=orders` names it."""

from pydantic import BaseModel

from corral.catalog import job
from corral.context import Context


class Order(BaseModel):
    """What was ordered, and by whom."""

    order: str
    mail: str


@job("orders.confirm", queue="orders", retries=5)
async def confirm(order: Order) -> str:
    """Write to the customer."""
    return f"wrote to {order.mail} that {order.order} is on its way"


@job("orders.look_into", queue="orders")
async def look_into(order: Order) -> str:
    """Tell a person."""
    return f"{order.order} could not be packed"


@job("orders.pack", queue="orders", retries=2)
async def pack(order: Order, ctx: Context) -> str:
    """Pack it. Who ordered hears of it once, and only if this succeeds, however often it is tried."""
    await ctx.then(confirm, order)
    await ctx.then(look_into, order, on="failure")
    return f"packed {order.order}"
