"""The page docs/reference/tables.md: every table, column and index, and the queries that each index serves."""

from sqlalchemy import ClauseElement, PrimaryKeyConstraint, Table, UniqueConstraint
from sqlalchemy.engine import make_url

from corral.store.tables import metadata

POSTGRES = make_url("postgresql+psycopg://").get_dialect()()


def tables_page() -> str:
    """The page docs/reference/tables.md."""
    lines = [
        "# Tables",
        "",
        "Everything that Corral knows is in Postgres, in a schema of its own (`corral`; `CORRAL_SCHEMA` names another).",
        'Read it as you like: `corral psql` opens it read-only, and so does `corral psql -c "SELECT state, count(*)',
        'FROM jobs GROUP BY state"`. Do not write: the API and the command line keep rules that SQL does not see.',
        "Columns are added and removed by `corral migrate`, one release after the last use, so a query that names its",
        "columns keeps working from one release to the next. Times are `timestamptz`. This page is made by `make docs`",
        "from `corral.store.tables`, which the tests compare with what the migrations make.",
        "",
    ]
    for table in metadata().sorted_tables:
        lines += [
            f"## {table.name}",
            "",
            table.info["holds"],
            "",
            "| column | type | null | meaning |",
            "|---|---|---|---|",
        ]
        for column in table.columns:
            kind = column.type.compile(dialect=POSTGRES).lower()
            null = "yes" if column.nullable else ""
            lines.append(f"| `{column.name}` | {kind} | {null} | {_cell(column.doc or '')} |")
        indexes = _indexes(table)
        if indexes:
            lines += ["", "| index | columns | serves |", "|---|---|---|"]
            lines += [
                f"| `{name}` | {_cell(columns)} | {_cell(serves)} |" for name, columns, serves in indexes
            ]
        lines.append("")
    return "\n".join(lines)


def _indexes(table: Table) -> list[tuple[str, str, str]]:
    """Name, columns with the condition of a partial index, and the queries served; keys first."""
    keys = [one for one in table.constraints if isinstance(one, PrimaryKeyConstraint | UniqueConstraint)]
    found = [
        (str(one.name), ", ".join(column.name for column in one.columns), one.info["serves"])
        for one in sorted(keys, key=lambda one: (isinstance(one, UniqueConstraint), str(one.name)))
        if one.columns
    ]
    for index in sorted(table.indexes, key=lambda index: str(index.name)):
        columns = ", ".join(column.name for column in index.columns)
        if included := index.dialect_options["postgresql"]["include"]:
            columns += " with " + ", ".join(included)
        where = index.dialect_options["postgresql"]["where"]
        condition = (
            "" if where is None else " where " + _sql(where).replace(f"{table.schema}.{table.name}.", "")
        )
        found.append((str(index.name), columns + condition, index.info["serves"]))
    return found


def _sql(condition: ClauseElement) -> str:
    return str(condition.compile(dialect=POSTGRES, compile_kwargs={"literal_binds": True}))


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
