"""The width of every character that a report prints, as the typesetter itself measures it."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import typst

FAMILIES = ("Libertinus Serif", "New Computer Modern", "DejaVu Sans Mono")
"""Embedded in the typesetter; the later ones have the glyphs that the first lacks."""
FEATURES = f'font: {json.dumps(FAMILIES).replace("[", "(").replace("]", ")")}, number-type: "lining", number-width: "tabular"'
"""Arguments of every `set text`."""
BOLD = 600

_ABSENT = "\U0010fffd"
"""A private character that no font has: what its box measures, all characters without a glyph do."""
_MEASURE = f"""
#set text(size: 1000pt, {FEATURES})
#let characters = json(bytes(sys.inputs.characters))
#let widths(weight) = characters.map(c => measure(text(weight: weight, c)).width / 1000pt)
#let shapes = () => characters.map(c => {{
  let (width, height) = measure(text(top-edge: "bounds", bottom-edge: "bounds", c))
  (width / 1pt, height / 1pt)
}})
#context [#metadata((widths(400), widths({BOLD}), shapes())) <widths>]
"""


def fonts() -> typst.Fonts:
    """The embedded fonts alone, so that a report looks the same on every machine."""
    return typst.Fonts(include_system_fonts=False)


@dataclass(frozen=True, slots=True)
class Widths:
    """Advances of single characters, in em. Kerning only narrows what they add up to."""

    regular: Mapping[str, float]
    bold: Mapping[str, float]

    missing: frozenset[str]
    """Characters without a glyph, printed as a box."""

    @classmethod
    def of(cls, texts: Iterable[str]) -> "Widths":
        """The widths of all characters that occur in `texts`."""
        characters = sorted(set().union(*texts) - {"\n"} | {_ABSENT})
        inputs = {"characters": json.dumps(characters)}
        compiler = typst.Compiler(_MEASURE.encode(), sys_inputs=inputs, font_paths=fonts())
        regular, bold, shapes = json.loads(compiler.query("<widths>", field="value", one=True))
        box = shapes[characters.index(_ABSENT)]
        absent = (character for character, shape in zip(characters, shapes, strict=True) if shape == box)
        return cls(
            dict(zip(characters, regular, strict=True)),
            dict(zip(characters, bold, strict=True)),
            frozenset(absent) - {_ABSENT},
        )

    def line(self, text: str, *, bold: bool = False) -> float:
        """The width of `text` on one line."""
        return sum(map((self.bold if bold else self.regular).__getitem__, text))

    def block(self, text: str, *, bold: bool = False) -> float:
        """The width of its widest line."""
        if "\n" not in text:
            return self.line(text, bold=bold)
        return max(self.line(line, bold=bold) for line in text.split("\n"))

    def widest_word(self, text: str, *, bold: bool = False) -> float:
        """The width below which a word of `text` breaks."""
        return max((self.line(word, bold=bold) for word in text.split()), default=0.0)
