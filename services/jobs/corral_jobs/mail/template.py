"""Subjects and bodies that are templates: rendered with fuel, so that none can run or grow without end."""

from collections.abc import Mapping
from typing import Any

from minijinja import Environment, TemplateError

from corral.errors import FieldError, InvalidInput

FUEL = 200_000
"""Instructions that rendering one text may take; a page with a table of a thousand rows takes about 20,000."""
MAX_RENDERED = 1_000_000
"""Characters of one rendered text."""


def render(field: str, source: str, variables: Mapping[str, Any], *, html: bool = False) -> str:
    """The text of a template; values are escaped where it is HTML, and an unknown name is an error.

    Raises:
        InvalidInput: the template is wrong, needs too much, or makes too much; names the field and the line.
    """
    environment = Environment(
        undefined_behavior="strict",
        fuel=FUEL,
        auto_escape_callback=lambda name: html,  # noqa: ARG005  it is called with the template's name
        keep_trailing_newline=True,
    )
    try:
        text = environment.render_str(source, field, **variables)
    except TemplateError as error:
        line = f" (line {error.line})" if error.line else ""
        raise InvalidInput(FieldError(f"/{field}", f"the template fails: {error.message}{line}")) from error
    if len(text) > MAX_RENDERED:
        raise InvalidInput(
            FieldError(f"/{field}", f"the template makes {len(text):,} characters; at most {MAX_RENDERED:,}")
        )
    return text
