"""Models of every kind, to compare what a publisher takes with what they take."""

import enum
import ipaddress
import re
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, Generic, Literal, NamedTuple, NotRequired, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import (
    UUID4,
    AfterValidator,
    AliasChoices,
    AliasPath,
    AmqpDsn,
    AnyHttpUrl,
    AnyUrl,
    AwareDatetime,
    Base64Bytes,
    Base64UrlStr,
    BaseModel,
    BeforeValidator,
    ByteSize,
    ConfigDict,
    Discriminator,
    Field,
    FiniteFloat,
    GetCoreSchemaHandler,
    HttpUrl,
    ImportString,
    IPvAnyAddress,
    IPvAnyInterface,
    IPvAnyNetwork,
    Json,
    NaiveDatetime,
    PastDate,
    PlainValidator,
    PostgresDsn,
    RootModel,
    SecretStr,
    SkipValidation,
    Strict,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
    StringConstraints,
    Tag,
    WrapValidator,
    field_validator,
    model_validator,
)
from pydantic import dataclasses as pydantic_dataclasses
from pydantic.json_schema import SkipJsonSchema
from pydantic_core import core_schema
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


class Forgiving:
    """A whole number, or 0."""

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.with_default_schema(core_schema.int_schema(), default=0, on_error="default")


class Opaque:
    """Pydantic knows nothing of it."""


class Colour:
    """Reads everything itself, and says that it is text."""

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(cls._read)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: Any) -> dict[str, Any]:
        return {"type": "string", "format": "color"}

    @staticmethod
    def _read(value: Any) -> Any:
        if isinstance(value, str | list):
            return value
        raise ValueError("no colour")


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


MODELS: dict[str, Any] = {
    "int": int,
    "float": float,
    "bool": bool,
    "str": str,
    "bytes": bytes,
    "None": None,
    "date": date,
    "datetime": datetime,
    "aware": AwareDatetime,
    "naive": NaiveDatetime,
    "time": time,
    "timedelta": timedelta,
    "past": PastDate,
    "Decimal": Decimal,
    "Decimal bounded": Annotated[Decimal, Field(ge=1, max_digits=4, decimal_places=1)],
    "Fraction": Fraction,
    "complex": complex,
    "UUID": UUID,
    "UUID4": UUID4,
    "HttpUrl": HttpUrl,
    "AnyHttpUrl": AnyHttpUrl,
    "AnyUrl": AnyUrl,
    "PostgresDsn": PostgresDsn,
    "AmqpDsn": AmqpDsn,
    "IPv4": ipaddress.IPv4Address,
    "IPv6": ipaddress.IPv6Address,
    "IPv4Network": ipaddress.IPv4Network,
    "IPv6Interface": ipaddress.IPv6Interface,
    "IPvAny": IPvAnyAddress,
    "IPvAnyNetwork": IPvAnyNetwork,
    "IPvAnyInterface": IPvAnyInterface,
    "Path": Path,
    "Pattern": re.Pattern,
    "ZoneInfo": ZoneInfo,
    "SecretStr": SecretStr,
    "ByteSize": ByteSize,
    "Base64": Base64Bytes,
    "Base64Url": Base64UrlStr,
    "bytes long": Annotated[bytes, Field(min_length=4, max_length=6)],
    "Json": Json,
    "Json of": Json[list[int]],
    "enum": Word,
    "IntEnum": Whole,
    "StrEnum": Text,
    "enum of anything": Anything,
    "flags": Rights,
    "literal": Literal["a", 1],
    "literal true": Literal[True],
    "literal none": Literal[0] | None,
    "StrictInt": StrictInt,
    "StrictFloat": StrictFloat,
    "StrictBool": StrictBool,
    "StrictStr": StrictStr,
    "strict date": Annotated[date, Strict()],
    "FiniteFloat": FiniteFloat,
    "int bounded": Annotated[int, Field(ge=1, le=5)],
    "int above": Annotated[int, Field(gt=1, lt=5)],
    "int multiple": Annotated[int, Field(multiple_of=2)],
    "float multiple": Annotated[float, Field(multiple_of=0.1)],
    "str long": Annotated[str, Field(min_length=2, max_length=3)],
    "str stripped": Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2, pattern="^[a-z]+$")
    ],
    "str lower": Annotated[str, StringConstraints(to_lower=True, pattern="^[A-Z]$")],
    "optional": int | None,
    "union": int | str | list[int],
    "union of dates": date | datetime | int,
    "list": list[int],
    "list bounded": Annotated[list[int], Field(min_length=1, max_length=2)],
    "set": set[int],
    "set bounded": Annotated[set[int], Field(min_length=1, max_length=1)],
    "frozenset": frozenset[str],
    "deque": deque[int],
    "tuple": tuple[int, str],
    "tuple of many": tuple[int, ...],
    "sequence": Sequence[int],
    "iterable": Iterable[int],
    "dict": dict[str, int],
    "dict of ints": dict[int, int],
    "dict of dates": dict[date, int],
    "dict of UUIDs": dict[UUID, bool],
    "dict of words": dict[Whole, int],
    "dict of literals": dict[Literal["a", "b"], int],
    "dict of long keys": dict[Annotated[str, Field(min_length=2)], int],
    "mapping": Mapping[str, Any],
    "counter": Counter[str],
    "ordered": OrderedDict[str, int],
    "named tuple": Pair,
    "any": Any,
    "order": Order,
    "by name": ByName,
    "by name alone": ByNameAlone,
    "choices": Choices,
    "within": Within,
    "hidden": Hidden,
    "home": Home,
    "tagged": Tagged,
    "tree": Tree,
    "left": Left,
    "strictly": Strictly,
    "trimming": Trimming,
    "coercing": Coercing,
    "python": Python,
    "rust": Rust,
    "before": Before,
    "told": Told,
    "wrapped": Wrapped,
    "anyhow": Anyhow,
    "skipped": Skipped,
    "forgiving": Forgiving,
    "holding": Holding,
    "colour": Colour,
    "import": ImportString,
    "remarked": Remarked,
    "dataclass": Plain,
    "pydantic's dataclass": Strange,
    "typed dict": Typed,
    "typed dict in part": Part,
    "root": Root,
    "generic": Box[datetime],
}

SCALARS: list[Any] = [
    *(None, True, False, 0, 1, 2, -1, 5, 2**63, 2**70, -(10**400), 1.0, 1.5, 0.3, -0.0, 1e308, -1.5e-7),
    *("", "a", "A", "ab", "abc", " a ", "a\n", "aa", "a1", "ä", "٣", "x" * 3000, "née"),
    *("5", " 5 ", "5.0", "+5", "-1", "1_000", "1e3", "0x10", "nan", "inf", "-Infinity", "1,5"),
    *("true", "TRUE", "Yes", "no", "on", "off", "t", "0", "1", "null"),
    *("2024-01-01", "2024-01-01T00:00:00", "2024-01-01 10:00", "2024-01-01T10:00:00Z", "20240101"),
    *("2024-01-01T10:00:00.5+02:00", "2024-02-30", "1704067200", 1704067200, 1704067200000, "yesterday"),
    *("10:00", "10:00:00", "10:00:00Z", "10:00:00.123456+02:00", "25:00", 3600, 90000),
    *("P1D", "PT1H", "P1DT2H", "1 day, 2:00:00", "-P1D", "3 days", "P1W"),
    "550e8400-e29b-41d4-a716-446655440000",
    "550e8400e29b41d4a716446655440000",
    "{550e8400-e29b-41d4-a716-446655440000}",
    "urn:uuid:550e8400-e29b-41d4-a716-446655440000",
    "550E8400-E29B-41D4-A716-446655440000",
    *(
        "https://müller.de/ü?q=ä b",
        "https://example.com",
        "http://a b",
        "HTTP://EXAMPLE.com",
        " https://x.de ",
    ),
    *(
        "http://[::1]:80/",
        "ftp://x",
        "example.com",
        "mailto:a@b.co",
        "postgresql://u:p@h:5432,i/x",
        "amqp://h",
    ),
    *("1.2.3.4", "::1", "1.2.3.0/24", "1.2.3.4/24", "2001:db8::/32", "01.2.3.4", "fe80::1%eth0"),
    *(
        "a@b.co",
        "Ann <a@b.co>",
        "ü@ü.de",
        "/tmp",
        "C:\\x",
        "1.5GB",
        "1 MiB",
        "aGVsbG8=",
        "aGVsbG8",
        "not base64!",
    ),
    *("[1]", '{"a":1}', "Europe/Berlin", "(", "1/3", "1+2j", "none", "seven", "a,b"),
]
PARTS: list[Any] = [
    *([], [1], [1, 1], [1, 2], [1, 2, 3], ["1", "2"], [1, "a"], [[1]], [None], [1.5], ["a", "a"], [True]),
    *({}, {"x": 1}, {"x": "1", "y": "b"}, {"x": 1, "y": True}, {"1": 1}, {"1": "1"}, {"a": 1}, {"a": [1]}),
    *({"2024-01-01": 1}, {"550e8400e29b41d4a716446655440000": "yes"}, {"ab": 1}, {"3": 1}, {"X": 1}),
    *(
        {"X": "1", "y": "on"},
        {"x": 1, "y": [1, "2"]},
        {"x": True, "y": "no"},
        {"content": 0},
        {"content": "2024-01-01"},
    ),
    {"to": "ab", "lines": [{"amount": "1.5"}, {"amount": True, "tags": ["a", "a"]}], "at": 0},
    {"to": "AB"},
    {"to": "ab", "more": 1},
    *(
        {"customer": 1},
        {"customerId": "1"},
        {"customer_id": 1},
        {"who": {"id": 1}},
        {"who": ["7"]},
        {"who": {}},
    ),
    *({"customer": 1, "customerId": 1}, {"shown": 1, "hidden": 3}, {"shown": 1, "other": 3}),
    *(
        {"pet": {"kind": "cat"}},
        {"pet": {"kind": "cat", "lives": "3"}},
        {"pet": {"kind": "hound", "name": "x"}},
    ),
    *({"pet": {"kind": "dog"}}, {"pet": {}}, {"pet": {"kind": "cat"}, "other": {"kind": "dog", "name": "y"}}),
    {"value": "1", "children": [{"value": 2, "children": [{"value": 3.0}]}], "parent": {"value": 0}},
    {"right": {"left": {"right": {"left": {"number": "7"}}}}},
    *({"count": 1}, {"count": "1"}, {"count": 1, "day": "2024-01-01"}, {"count": 1, "ratio": 2}),
    *({"code": "abc"}, {"code": " abc "}, {"code": "abcd"}, {"code": 5}, {"code": "AB"}, {"code": True}),
    *({"ahead": "a1"}, {"ahead": "a"}, {"back": "bb"}, {"back": "ab"}, {"named": "aa"}, {"end": "a\n"}),
    *(
        {"keys": {"ab": 1}},
        {"keys": {"xb": 1}},
        {"keys": {"12": "1"}},
        {"keys": {"٣": 1}},
        {"keys": {"a": "b"}},
    ),
    *(
        {"letters": "é"},
        {"digits": "٣"},
        {"digits": "a"},
        {"words": "née"},
        {"any_case": "ABC"},
        {"named": "a"},
    ),
    *({"tags": "a,b"}, {"tags": ["a"]}, {"tags": 5}, {"tags": ["a"], "number": "seven"}),
    *({"number": "none"}, {"number": 1, "plain": [1]}, {"number": "x"}, {"number": [1], "after": "1"}),
    *(
        {"opaque": None, "number": "1"},
        {"call": None},
        {"opaque": 1},
        {"host": "-not a host-", "colour": "blue"},
    ),
]
VALUES: list[Any] = [*SCALARS, *PARTS]
