"""Orders: a job that is to follow only if another one succeeded. `CORRAL_HANDLERS=orders` names it."""

from pydantic import BaseModel

from corral.catalog import job
from corral.context import Context
from corral.errors import NotDone


class Order(BaseModel):
    """What was ordered, and by whom."""

    order: str
    mail: str
    card: str = "4711"


@job("orders.confirm", queue="orders", retries=5)
async def confirm(order: Order) -> str:
    """Write to the customer."""
    return f"wrote to {order.mail} that {order.order} is on its way"


@job("orders.look_into", queue="orders")
async def look_into(order: Order) -> str:
    """Tell a person."""
    return f"{order.order} could not be packed"


async def charge(order: Order) -> str:
    """Take the money. Raise `NotDone` where it is certain that none was taken."""
    if not order.card:
        raise NotDone("there is no card yet", after=60)
    return f"paid with {order.card}"


@job("orders.pack", queue="orders", retries=2)
async def pack(order: Order, ctx: Context) -> str:
    """Pack it. Who ordered pays once, and hears of it once and only if this succeeds, however often it is tried."""
    ctx.log(await ctx.once("charged", charge, order))
    await ctx.then(confirm, order)
    await ctx.then(look_into, order, on="failure")
    return f"packed {order.order}"
