"""The templates, ours or a team's own: Jinja, with filters for the source text of both languages."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from corral.codegen import source_text
from corral.codegen.errors import TemplateFault

if TYPE_CHECKING:
    from jinja2 import Environment

_OURS = Path(__file__).parent / "templates"


class Templates:
    """The templates of one language. One in a team's own folder goes before ours of the same name."""

    def __init__(self, language: str, folder: Path | None = None) -> None:
        """Raises: TemplateFault where Jinja is not installed, or the folder does not exist."""
        if folder is not None and not folder.is_dir():
            raise TemplateFault(f"there is no folder {folder} with templates")
        own = [] if folder is None else [folder / language, folder]
        self._environment = _environment([*own, _OURS / language])

    def render(self, name: str, context: Mapping[str, Any]) -> str:
        """The text of `<name>.j2`.

        Raises:
            TemplateFault: it can't be used.
        """
        from jinja2 import TemplateSyntaxError  # noqa: PLC0415  an extra

        try:
            return self._environment.get_template(f"{name}.j2").render(context)
        except TemplateSyntaxError as error:
            raise TemplateFault(f"{error.filename or name}, line {error.lineno}: {error.message}") from error
        except Exception as error:  # a template is code of whoever wrote it
            raise TemplateFault(f"template {name}.j2: {error}") from error


def _environment(folders: list[Path]) -> "Environment":
    try:
        from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415  an extra
    except ImportError:
        raise TemplateFault("generating code needs Jinja: pip install 'corral[codegen]'") from None
    made = Environment(  # noqa: S701  it writes code, and no HTML
        loader=FileSystemLoader([str(one) for one in folders]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters |= {
        "python_string": source_text.python_string,
        "python_value": source_text.python_value,
        "typescript_value": source_text.typescript_value,
        "docstring": source_text.docstring,
        "number": _number,
    }
    return made


def _number(value: float) -> str:
    return repr(int(value)) if isinstance(value, int) or value.is_integer() else repr(value)
