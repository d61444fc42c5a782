"""What any program may import: job types that share a provider, and the limits that protect it."""

from pydantic import BaseModel

from corral.catalog import JobType, Limit, Rate, job_type


class Ask(BaseModel):
    """A question of a customer."""

    customer: str
    question: str = ""


provider = Limit("ask-provider", total=3)
"""The provider takes three calls at once, from all workers together."""
calls = Rate("ask-calls", 100, per=60, at="call")
"""It takes 100 calls in a minute: handlers take of it before each call."""
customer = Limit("ask-customer", each=1, by="customer")
"""One call at once for each customer, so that a large one leaves room for others."""

ask: JobType[Ask, dict[str, float]] = job_type(
    "asks.ask", payload=Ask, result=dict[str, float], queue="asks", limits=[provider, customer]
)
summary: JobType[Ask, dict[str, float]] = job_type(
    "asks.summary", payload=Ask, result=dict[str, float], queue="asks", limits=[provider]
)
