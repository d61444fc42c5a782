"""Does the work; only Acme's workers import this module."""

from decimal import Decimal

from acme.jobs import Order, Quote, quote
from corral.context import Context


@quote.handler
async def price(order: Order, ctx: Context) -> Quote:
    """Add the lines up."""
    total = Decimal(0)
    for done, line in enumerate(order.lines, start=1):
        total += line.price * line.quantity
        ctx.progress(100 * done // len(order.lines), f"priced {line.article}")
    return Quote(customer=order.customer, total=total)
