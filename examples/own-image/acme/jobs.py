"""Declares Acme's job types; Acme's web application imports this module too."""

from decimal import Decimal

from pydantic import BaseModel, Field

from corral.catalog import JobType, job_type


class Line(BaseModel):
    """One line of an order."""

    article: str
    price: Decimal = Field(ge=0, decimal_places=2)
    quantity: int = Field(ge=1, le=10_000)


class Order(BaseModel):
    """What a customer wants."""

    customer: str
    lines: list[Line] = Field(min_length=1, max_length=1_000)


class Quote(BaseModel):
    """What it costs."""

    customer: str
    total: Decimal


quote: JobType[Order, Quote] = job_type("acme.quote", payload=Order, result=Quote, queue="quotes", retries=3)
