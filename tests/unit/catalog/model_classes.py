"""Classes of models that a team may write: with aliases, validators, unions, types of their own."""

import enum
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Annotated, Any, Generic, Literal, NamedTuple, NotRequired, TypeVar

from pydantic import (
    AfterValidator,
    AliasChoices,
    AliasPath,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    PlainValidator,
    RootModel,
    SkipValidation,
    Tag,
    WrapValidator,
    field_validator,
    model_validator,
)
from pydantic import dataclasses as pydantic_dataclasses
from pydantic.json_schema import SkipJsonSchema
from tests.unit.catalog.own_types import Opaque
from typing_extensions import TypedDict

T = TypeVar("T")


class Word(enum.Enum):
    A = "a"
    ONE = 1


class Whole(enum.IntEnum):
    ONE = 1
    TWO = 2


class Text(enum.StrEnum):
    A = "a"


class Anything(enum.Enum):
    A = "a"

    @classmethod
    def _missing_(cls, _value: object) -> "Anything":
        return cls.A


class Rights(enum.IntFlag):
    READ = 1
    WRITE = 2


class Pair(NamedTuple):
    x: int
    y: str = "a"


class Line(BaseModel):
    model_config = ConfigDict(extra="forbid")

    amount: Annotated[float, Field(ge=0)]
    tags: set[str] = set()


class Order(BaseModel):
    model_config = ConfigDict(extra="forbid")

    to: Annotated[str, Field(pattern="^[a-z]+$")]
    lines: list[Line] = []
    at: datetime | None = None


class ByName(BaseModel):
    model_config = ConfigDict(populate_by_name=True, extra="forbid")

    customer: int = Field(alias="customerId")


class ByNameAlone(BaseModel):
    model_config = ConfigDict(validate_by_name=True, validate_by_alias=False, extra="forbid")

    customer: int = Field(alias="customerId")


class Choices(BaseModel):
    model_config = ConfigDict(extra="forbid")

    customer: int = Field(validation_alias=AliasChoices("customer", "customer_id", AliasPath("who", "id")))


class Within(BaseModel):
    model_config = ConfigDict(extra="forbid")

    customer: int = Field(validation_alias=AliasPath("who", 0))


class Hidden(BaseModel):
    model_config = ConfigDict(extra="forbid")

    shown: int = 1
    hidden: SkipJsonSchema[int] = 2


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int = 9


class Dog(BaseModel):
    kind: Literal["dog", "hound"]
    name: str


class Home(BaseModel):
    pet: Annotated[Cat | Dog, Field(discriminator="kind")]
    other: Cat | Dog | None = None


def _tag(value: Any) -> str:
    return "list" if isinstance(value, list) else "number"


Tagged = Annotated[Annotated[list[int], Tag("list")] | Annotated[float, Tag("number")], Discriminator(_tag)]


class Tree(BaseModel):
    value: int
    children: "list[Tree]" = []
    parent: "Tree | None" = None


class Left(BaseModel):
    right: "Right | None" = None
    number: int = 0


class Right(BaseModel):
    left: Left | None = None


class Strictly(BaseModel):
    model_config = ConfigDict(strict=True)

    count: int
    day: date | None = None
    ratio: float = 1.0


class Trimming(BaseModel):
    model_config = ConfigDict(str_strip_whitespace=True, str_max_length=3)

    code: Annotated[str, Field(pattern="^[a-z]*$")]


class Coercing(BaseModel):
    model_config = ConfigDict(coerce_numbers_to_str=True)

    code: str


class Python(BaseModel):
    model_config = ConfigDict(regex_engine="python-re")

    ahead: Annotated[str, Field(pattern=r"^(?=.*\d)[a-z\d]+$")] = "a1"
    back: Annotated[str, Field(pattern=r"^(a|b)\1$")] = "aa"
    named: Annotated[str, Field(pattern=r"^(?P<x>a)(?P=x)\Z")] = "aa"
    end: Annotated[str, Field(pattern=r"^[a-z]+$")] = "a"
    keys: dict[Annotated[str, Field(pattern=r"^(?!x)")], int] = {}


class Rust(BaseModel):
    letters: Annotated[str, Field(pattern=r"^\p{L}+$")] = "a"
    digits: Annotated[str, Field(pattern=r"^\d+$")] = "1"
    words: Annotated[str, Field(pattern=r"\A\w+\z")] = "a"
    any_case: Annotated[str, Field(pattern=r"(?i)^abc$")] = "abc"
    named: Annotated[str, Field(pattern=r"^(?P<x>a)$")] = "a"
    keys: dict[Annotated[str, Field(pattern=r"^\d+$")], int] = {}


class Before(BaseModel):
    tags: Annotated[
        list[str], BeforeValidator(lambda value: value.split(",") if isinstance(value, str) else value)
    ]
    number: int = 0

    @field_validator("number", mode="before")
    @classmethod
    def _number(cls, value: Any) -> Any:
        return 7 if value == "seven" else value


class Told(BaseModel):
    """Says itself what its validator takes."""

    tags: Annotated[
        list[str],
        BeforeValidator(
            lambda value: value.split(",") if isinstance(value, str) else value,
            json_schema_input_type=str | list[str],
        ),
    ]


class Wrapped(BaseModel):
    number: Annotated[int, WrapValidator(lambda value, handler: 0 if value == "none" else handler(value))]
    plain: Annotated[int, PlainValidator(lambda value: len(str(value)))] = 0
    after: Annotated[int, AfterValidator(lambda value: value + 1)] = 0


class Anyhow(BaseModel):
    number: int

    @model_validator(mode="before")
    @classmethod
    def _read(cls, value: Any) -> Any:
        return {"number": value} if isinstance(value, int) else value


class Skipped(BaseModel):
    number: SkipValidation[int]


class Holding(BaseModel):
    model_config = ConfigDict(arbitrary_types_allowed=True)

    opaque: Opaque | None = None
    call: Callable[[], int] | None = None
    number: int = 1


class Remarked(BaseModel):
    host: Annotated[str, Field(json_schema_extra={"format": "hostname"})] = "a"
    colour: Annotated[str, Field(json_schema_extra={"format": "color"})] = "red"


@dataclass
class Plain:
    x: int
    y: list[int] = field(default_factory=list)


@pydantic_dataclasses.dataclass(config=ConfigDict(extra="forbid"))
class Strange:
    x: int = Field(alias="X")
    y: bool = False


class Typed(TypedDict):
    x: int
    y: NotRequired[bool]


class Part(TypedDict, total=False):
    x: float


class Root(RootModel[list[int]]):
    pass


class Box(BaseModel, Generic[T]):
    content: T
