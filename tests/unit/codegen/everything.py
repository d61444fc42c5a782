"""Job types with all that Pydantic has, names that are words of a language, and two hundred more."""

import enum
import re
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, JsonValue
from tests.unit.catalog.models import MODELS

from corral.catalog import Catalog, JobType, job_type


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Item(BaseModel):
    """One line of an order."""

    model_config = ConfigDict(extra="forbid")

    sku: Annotated[str, Field(pattern="^[A-Z]{2}-[0-9]+$", examples=["AB-12"])]
    count: Annotated[int, Field(ge=1, le=99)] = 1


class Card(BaseModel):
    kind: Literal["card"]
    number: str


class Transfer(BaseModel):
    kind: Literal["transfer"]
    iban: str


class Order(BaseModel):
    """An order, with "quotes", \\ and */."""

    model_config = ConfigDict(extra="forbid")

    id: UUID
    items: Annotated[list[Item], Field(min_length=1)]
    payment: Annotated[Card | Transfer, Field(discriminator="kind")]
    colour: Colour = Colour.RED
    placed_at: datetime | None = None
    day: date | None = None
    at: time | None = None
    within: timedelta | None = None
    total: Decimal | None = None
    raw: bytes = b""
    tags: set[str] = set()
    point: tuple[int, float] | None = None
    notes: dict[str, str] = {}
    gift: bool = False
    anything: JsonValue = None


class Node(BaseModel):
    value: int
    children: list["Node"] = []


class Words(BaseModel):
    """Members that are words of Python or JavaScript, or no names at all."""

    class_: int = Field(alias="class")
    from_: int = Field(alias="from")
    await_: int = Field(default=0, alias="await")
    none: str = Field(default="", alias="None")
    str_: str = Field(default="", alias="str")
    dunder: str = Field(default="", alias="__secret")
    dashed: str = Field(default="", alias="with-dash")
    spaced: str = Field(default="", alias='a "b" c')
    unicode: str = Field(default="", alias="größe")
    prototype: str = Field(default="", alias="__proto__")


class Nameless(BaseModel):
    empty: str = Field(default="", alias="")


class Open(BaseModel):
    model_config = ConfigDict(extra="allow")

    name: str


class Größe(BaseModel):  # noqa: PLC2401  names of other scripts stay
    länge: float  # noqa: PLC2401


class Receipt(BaseModel):
    number: int
    paid: bool = True


def job_types() -> dict[str, JobType[Any, Any]]:
    made = [
        job_type(
            "shop.order",
            payload=Order,
            result=Receipt,
            queue="orders",
            queues=["orders-fast"],
            retries=2,
            description='Takes an order. """ and */ end nothing.',
        ),
        job_type("shop.tree", payload=Node, result=Node, queue="orders"),
        job_type("shop.words", payload=Words, result=Words, queue="words"),
        job_type("shop.open", payload=Open, queue="words"),
        job_type("shop.nameless", payload=Nameless, result=Nameless, queue="words"),
        job_type("shop.size", payload=Größe, result=list[Größe], queue="words"),
        job_type("shop.clean", result=dict[str, int], queue="database", delay=5),
        job_type("shop.count", payload=int, result=int, queue="database"),
        job_type("import", payload=list[str], queue="words"),
        job_type("class", queue="words"),
        job_type("call", queue="words"),
        job_type("a-b", payload=Receipt, queue="words"),
        job_type("a.b", payload=Receipt, queue="words"),
        job_type("a_b", payload=Receipt, queue="words"),
    ]
    return {one.name: one for one in made}


def catalog() -> Catalog:
    """A few, to try by hand."""
    return Catalog(job_types())


def whole_catalog() -> Catalog:
    """More than two hundred, of every model there is for tests of judgement."""
    types = job_types()
    for name, model in MODELS.items():
        word = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
        spelled = next(one for one in (f"model.{word}", f"other.{word}") if one not in types)
        types[spelled] = job_type(spelled, payload=model, result=model, queue="models")
    for number in range(len(types), 210):
        types[f"many.n{number}"] = job_type(f"many.n{number}", payload=Item, queue=f"many-{number % 7}")
    return Catalog(types)
