"""What any program may import: three job types, each in a queue of its own. `CORRAL_JOBS=shop` names it."""

from pydantic import BaseModel

from corral.catalog import JobType, job_type


class Order(BaseModel):
    """An order of a customer."""

    number: int


confirm: JobType[Order, str] = job_type("shop.confirm", payload=Order, result=str, queue="mails")
"""Sends the confirmation: the image `mails` does."""
draw: JobType[Order, str] = job_type("shop.draw", payload=Order, result=str, queue="pictures")
"""Draws the picture: the image `pictures` does, which has the libraries."""
bill: JobType[Order, str] = job_type("shop.bill", payload=Order, result=str, queue="bills")
"""Writes the bill: the image `bills` does."""
