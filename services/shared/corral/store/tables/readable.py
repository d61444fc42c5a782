"""Constraints that keep out what nobody could read back, whoever writes: our own statements or SQL by hand.

Named `<table>_<column>_check`, so that a refusal names the column. They were added without a look at the
rows that were there (NOT VALID): those are survived by the readers, in corral.store.jobs.shaping.
"""

from sqlalchemy import CheckConstraint, Table

CALENDAR = "BETWEEN '0001-01-01 00:00Z' AND '9999-12-31 23:59:59.999999Z'"
"""The calendar of Python and JSON's readers, in UTC."""


def readable_times(table: Table, *columns: str) -> None:
    """Times that lie within the calendar; NULL is none."""
    for column in columns:
        check(table, column, f"{column} {CALENDAR}")


def check(table: Table, column: str, condition: str) -> None:
    """A condition on one column."""
    table.append_constraint(CheckConstraint(condition, name=f"{table.name}_{column}_check"))
