"""A shop's order, and the job that confirms it, in one transaction. `CORRAL_HANDLERS=orders_in_transaction` names it."""

from typing import Any

import psycopg
from pydantic import BaseModel

from corral.catalog import job
from corral.transaction import SubmittedJob, TransactionClient

TABLE = "CREATE TABLE IF NOT EXISTS shop_orders (id int PRIMARY KEY, item text NOT NULL, stock int NOT NULL CHECK (stock >= 0))"


class Order(BaseModel):
    """What was ordered."""

    order: int
    item: str


@job("shop.confirm", queue="orders", retries=5)
async def confirm(order: Order) -> str:
    """Write to the customer. Whatever this reads of the order is committed by now."""
    return f"order {order.order}: {order.item} is on its way"


jobs = TransactionClient()


def take_order(connection: psycopg.Connection[Any], order: Order, stock: int) -> SubmittedJob:
    """Store an order and have it confirmed: both, or none where the stock does not suffice."""
    with connection.transaction():
        job = jobs.submit(connection, confirm, order, idempotency_key=f"order {order.order}")
        connection.execute(
            "INSERT INTO shop_orders VALUES (%s, %s, %s)", [order.order, order.item, stock - 1]
        )
    return job


async def take_order_in_a_coroutine(
    connection: psycopg.AsyncConnection[Any], order: Order, stock: int
) -> SubmittedJob:
    """The same for a web application on asyncio."""
    async with connection.transaction():
        job = await jobs.submit(connection, confirm, order, idempotency_key=f"order {order.order}")
        await connection.execute(
            "INSERT INTO shop_orders VALUES (%s, %s, %s)", [order.order, order.item, stock - 1]
        )
    return job
