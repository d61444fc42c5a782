"""What the image `pictures` alone imports. `CORRAL_HANDLERS=picture_handlers` names it."""

from shop import Order, draw


@draw.handler
async def paint(order: Order) -> str:
    """Draw the picture of an order."""
    return f"order {order.number} is drawn"
