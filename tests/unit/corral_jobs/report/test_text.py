"""Text in the document: read back as it was given, whatever it is; nothing interpreted, nothing cut off."""

import re
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.corral_jobs.report.conftest import Make, squeezed

HOSTILE = [
    '#import "@preview/x:0.1.0": *',
    '#read("/etc/passwd")',
    "$ sum_(i=0) $",
    "]] #[",
    "\\u{41} \\ \\n",
    "<label> </script>",
    "*bold* _it_ `raw` @ref",
    "// c /* d */",
    "-- --- ... ~",
    "'q' \"q\"",
    "= Heading",
    "- item",
    "{{ x }} %s ${y}",
]


def test_hostile_text_is_printed_as_it_is(make: Make) -> None:
    made = make(
        title=" ".join(HOSTILE[:3]),
        subtitle="#panic()",
        customer="#[c]",
        rows=[{"text": text, "#let x = 1": "]", "amount": at} for at, text in enumerate(HOSTILE)],
    )
    for text in [*HOSTILE, "#let x = 1", "#panic()", "#[c]"]:
        assert made.says(text), text
    assert made.reader.metadata is not None
    assert made.reader.metadata.title == " ".join(HOSTILE[:3])


def test_control_characters_are_shown_and_cannot_act(make: Make) -> None:
    made = make(rows=[{"a": "x\x00\x1b[31m\u202ey", "b": "one\r\n\r\ntwo\tthree"}])
    assert made.says("x\\x00\\x1b[31m\\u202ey")
    assert made.says("one two three")


def test_scripts_of_europe_are_printed_and_missing_glyphs_are_named(make: Make) -> None:
    made = make(rows=[{"a": "naïve żółć Ελληνικά Привет ₣ €"}])
    assert made.says("naïve żółć Ελληνικά Привет ₣ €")
    assert not made.says("Shown as boxes")
    assert make(rows=[{"a": "漢字 😀"}]).says(
        "Shown as boxes, as no typeface at hand has them: U+5B57, U+6F22, U+1F600."
    )


printable = st.text(
    st.characters(codec="utf-8", categories=["L", "N", "P", "Zs"], max_codepoint=0x24F),
    min_size=1,
    max_size=16,
).filter(str.strip)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(printable, printable, st.integers(-(10**12), 10**12)), min_size=1, max_size=30))
def test_any_row_can_be_read_in_the_document(make: Make, rows: list[tuple[str, str, int]]) -> None:
    made = make(
        rows=[{"first": first, "second": "x" + second, "amount": number} for first, second, number in rows]
    )
    for first, second, number in rows:
        if not any(character.isdigit() for character in first):  # such a column may be one of numbers
            assert made.says(first)
        assert made.says("x" + second)
        assert made.says(f"{number:,}".replace("-", "\u2212"))
    if len(rows) > 1:
        assert made.says(f"{sum(number for *_, number in rows):,}".replace("-", "\u2212"))


cells = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=60)
)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.dictionaries(st.text(min_size=1, max_size=20), cells, min_size=1, max_size=6),
        min_size=1,
        max_size=5,
    ),
    st.booleans(),
)
def test_any_data_make_a_document(make: Make, rows: list[dict[str, Any]], grouped: bool) -> None:
    names = list(dict.fromkeys(name for row in rows for name in row))
    request = {"group_by": names[0]} if grouped and len(names) > 1 else {}
    made = make(rows=rows, **request)
    assert made.report.pages == len(made.reader.pages)
    assert made.report.rows == len(rows)


def test_twenty_columns_stay_whole(make: Make) -> None:
    rows = [{f"measure {at}": f"{at * 137.77 + row + 0.25:,.2f}" for at in range(20)} for row in range(80)]
    made = make(rows=rows)
    words = set(made.text.split())
    for row in rows:
        for value in row.values():
            assert value in words  # on one line, not broken over two


def test_long_texts_wrap_within_their_column(make: Make) -> None:
    prose = "The quick brown fog jumps over the lazy dog and comes back. " * 20
    made = make(
        rows=[{"prose": prose, "word": "x" * 700, "amount": 1}, {"prose": "short", "word": "w", "amount": 2}],
        chart=False,
    )
    runs = [len(run) for run in re.findall("x+", made.text)]
    assert sum(runs) >= 700
    assert max(runs) < 60
    assert made.text.count("quick brown fog") < 20  # broken over lines here and there
    assert squeezed(made.text).count("fog") == 20


def test_a_row_taller_than_a_page_goes_on_the_next(make: Make) -> None:
    lines = "\n".join(f"line {number}" for number in range(150))
    made = make(rows=[{"notes": lines, "amount": 1}, {"notes": "after", "amount": 2}])
    assert made.report.pages > 1
    for number in range(150):
        assert made.says(f"line {number}")
    assert made.says("after")
