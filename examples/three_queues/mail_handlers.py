"""What the image `mails` alone imports. `CORRAL_HANDLERS=mail_handlers` names it."""

from shop import Order, confirm


@confirm.handler
async def send(order: Order) -> str:
    """Send the confirmation of an order."""
    return f"order {order.number} is confirmed"
