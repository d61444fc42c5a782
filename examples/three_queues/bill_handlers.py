"""What the image `bills` alone imports. `CORRAL_HANDLERS=bill_handlers` names it."""

from shop import Order, bill


@bill.handler
async def write(order: Order) -> str:
    """Write the bill of an order."""
    return f"order {order.number} is billed"
