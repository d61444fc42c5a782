"""Typed clients of job types, in Python and TypeScript, generated from a catalog or from a publisher.

from corral.catalog import Catalog
from corral.codegen import generate

generate("typescript", Catalog.load(["acme.jobs"]), "web/src/corral")
"""

from typing import TYPE_CHECKING, Any

from corral.codegen.errors import OutputInUse, TemplateFault

if TYPE_CHECKING:
    from corral.codegen.changes import Change
    from corral.codegen.generator import Generated, Language, generate

__all__ = ["Change", "Generated", "Language", "OutputInUse", "TemplateFault", "generate"]


def __getattr__(name: str) -> Any:
    """What is slow to import comes when it is asked for: the command line imports this package for its errors."""
    if name == "Change":
        from corral.codegen import changes  # noqa: PLC0415

        return changes.Change
    if name in __all__:
        from corral.codegen import generator  # noqa: PLC0415

        return getattr(generator, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
