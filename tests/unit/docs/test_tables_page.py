"""docs/reference/tables.md describes every table, column and index."""

from pathlib import Path

from corral.store.postgres.psql import psql_command
from corral.store.tables import metadata
from corral.store.tables.reference import tables_page

PAGE = Path(__file__).resolve().parents[3] / "docs" / "reference" / "tables.md"


def test_the_tables_page_is_what_the_tables_say():
    assert PAGE.read_text() == tables_page()


def test_every_table_column_and_index_says_what_it_is_for():
    for table in metadata().sorted_tables:
        assert table.info["holds"].endswith("."), table.name
        assert [column.name for column in table.columns if not column.doc] == [], table.name
        for one in [*table.indexes, *(one for one in table.constraints if one.columns)]:
            assert one.info.get("serves"), one.name


def test_psql_gets_no_password_as_an_argument_and_nothing_of_the_environment_that_leads_elsewhere():
    url = "postgresql://ann:s%40cr%23t@db.example:5433/jobs?sslmode=require&options=-c%20jit%3Doff"
    arguments, environment = psql_command(url, "team", ["SELECT 1"], {"PGHOST": "elsewhere", "HOME": "/h"})
    assert arguments[1:] == ["--command", "SELECT 1"]
    assert "s@cr#t" not in " ".join(arguments)
    assert environment["PGPASSWORD"] == "s@cr#t"
    assert "PGHOST" not in environment
    assert environment["HOME"] == "/h"
    assert "sslmode=require" in arguments[0]
    assert environment["PGOPTIONS"] == (
        "-c jit=off -c default_transaction_read_only=on -c search_path=team,public"
    )
