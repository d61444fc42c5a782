"""What a report is asked for with."""

from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    StrictStr,
    StringConstraints,
    model_validator,
)

from corral_jobs.mail.mail import ADDRESS_PATTERN

MAX_ROWS = 50_000
MAX_COLUMNS = 30
"""More do not stay legible on A4: at 30 a landscape column holds eight characters."""
MAX_CELLS = 400_000
"""Rows times columns: 50,000 rows of eight. Typesetting takes about 1 KB of memory for each."""
MAX_CELL_LENGTH = 2_000
"""Characters in one cell."""
MAX_NAME_LENGTH = 120
"""Characters in a column's name or label."""
MAX_CSV_LENGTH = 20_000_000
"""Characters of CSV text; the API's own limit on a payload is usually reached first."""

Cell = StrictStr | StrictInt | Annotated[float, Field(strict=True, allow_inf_nan=False)] | StrictBool | None
"""One value as JSON has it. Numbers in text are recognised where they can mean one thing only."""

Name = Annotated[str, StringConstraints(min_length=1, max_length=MAX_NAME_LENGTH)]
Line = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=r"^[^\r\n]*$")
]


Pace = Annotated[
    list[Annotated[float, Field(ge=0, le=60, allow_inf_nan=False)]], Field(min_length=3, max_length=3)
]


class ColumnRequest(BaseModel):
    """One column to print; a plain string stands for `{"name": …}`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Name = Field(description="The column's name in the data")
    label: Line | None = Field(default=None, description="Its heading; made from the name if absent")
    total: StrictBool | None = Field(
        default=None, description="Whether to sum it; decided from its name and values if absent"
    )


def _named(value: object) -> object:
    return {"name": value} if isinstance(value, str) else value


class ChartRequest(BaseModel):
    """Which number to draw, by which category. What is left out is chosen."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    value: Name | None = Field(default=None, description="The numeric column to draw")
    by: Name | None = Field(default=None, description="The column of its categories or dates")
    measure: Literal["sum", "mean", "count"] | None = Field(
        default=None, description="How the values of one category become one figure"
    )


class ReportRequest(BaseModel):
    """A report: a title, the data from exactly one source, and how to arrange them."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "oneOf": [
                {"required": ["rows"], "properties": {"rows": {"type": "array"}}},
                {"required": ["csv"], "properties": {"csv": {"type": "string"}}},
                {"required": ["source"], "properties": {"source": {"type": "string"}}},
            ],
            "examples": [
                {
                    "title": "Sales by region",
                    "csv": "month,region,orders,amount\n"
                    "2026-01,North,12,1840.50\n2026-01,South,7,990.00\n"
                    "2026-02,North,15,2210.00\n2026-02,South,9,1315.25\n"
                    "2026-03,North,11,1702.75\n2026-03,South,14,2068.00\n",
                },
                {
                    "title": "Orders by region",
                    "rows": [
                        {"region": "North", "orders": 12, "amount": 1840.5},
                        {"region": "South", "orders": 7, "amount": 990},
                    ],
                },
                {"title": "Queue statistics", "source": "queue-statistics"},
            ],
        },
    )

    title: Line = Field(description="The report's title, one line")
    subtitle: Line | None = Field(default=None, description="A line below the title")
    customer: Line | None = Field(default=None, description="Whom the report is for")
    rows: (
        Annotated[
            list[Annotated[dict[Name, Cell], Field(min_length=1, max_length=MAX_COLUMNS)]],
            Field(min_length=1, max_length=MAX_ROWS),
        ]
        | None
    ) = Field(default=None, description="The data as a list of objects, one for each row")
    csv: Annotated[str, StringConstraints(min_length=1, max_length=MAX_CSV_LENGTH)] | None = Field(
        default=None,
        description="The data as CSV text with a header line; comma, semicolon or tab",
        json_schema_extra={"contentMediaType": "text/csv"},
    )
    source: Literal["queue-statistics"] | None = Field(
        default=None, description="Data that Corral itself provides"
    )
    columns: (
        Annotated[
            list[
                Annotated[ColumnRequest, BeforeValidator(_named, json_schema_input_type=str | ColumnRequest)]
            ],
            Field(min_length=1, max_length=MAX_COLUMNS),
        ]
        | None
    ) = Field(default=None, description="Which columns, in which order; all of them if absent")
    group_by: Name | None = Field(
        default=None, description="A column whose values divide the table, with a subtotal for each"
    )
    chart: ChartRequest | StrictBool = Field(
        default=True, description="What to draw; `true` chooses, `false` draws nothing"
    )

    email: Annotated[str, StringConstraints(max_length=320, pattern=ADDRESS_PATTERN)] | None = Field(
        default=None, description="Who gets a mail with a link when it is ready"
    )
    pace: Pace | None = Field(
        default=None,
        description="Seconds that the phases fetch, process and render take at least, to watch it; in demo mode only",
    )
    fail_times: Annotated[StrictInt, Field(ge=0, le=100)] = Field(
        default=0, description="Attempts that fail before one succeeds, to watch retries; in demo mode only"
    )

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        given = [name for name in ("rows", "csv", "source") if getattr(self, name) is not None]
        if len(given) != 1:
            said = "none is" if not given else f"{' and '.join(given)} are"
            raise ValueError(f"exactly one of rows, csv and source must be given; {said}")
        return self

    @model_validator(mode="after")
    def _columns_once(self) -> Self:
        seen: set[str] = set()
        for column in self.columns or ():
            if column.name in seen:
                raise ValueError(f"columns names {column.name!r} twice")
            seen.add(column.name)
        return self
