"""Where columns stand: always on the paper, as large as they can be."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corral_jobs.report.page.layout import Layout, broken, lay_out, lines_of
from corral_jobs.report.page.typeface import Widths
from corral_jobs.report.table.column import Column, ColumnKind, RawColumn, read_columns

CHARACTERS = [chr(code) for code in range(0x20, 0x17F) if chr(code).isprintable()]


@pytest.fixture(scope="module")
def widths() -> Widths:
    return Widths.of([*CHARACTERS, "\u2212"])


def columns(*cells: list[str]) -> list[Column]:
    return read_columns([RawColumn(f"column {at}", own) for at, own in enumerate(cells)])[0]


def laid_out(made: list[Column], widths: Widths) -> Layout:
    return lay_out(made, widths, [""] * len(made))


words = st.text(CHARACTERS, max_size=40)
amounts = st.integers(-(10**9), 10**9).map(lambda number: f"{number:,}.00")
tables = st.integers(1, 4).flatmap(
    lambda rows: st.lists(
        st.lists(words, min_size=rows, max_size=rows) | st.lists(amounts, min_size=rows, max_size=rows),
        min_size=1,
        max_size=30,
    )
)


@settings(deadline=None)
@given(tables)
def test_any_table_fits_the_paper_and_keeps_its_numbers_whole(widths: Widths, cells: list[list[str]]) -> None:
    made = columns(*cells)
    layout = laid_out(made, widths)
    assert layout.table_width <= layout.measure * 1.001
    assert 4.0 <= layout.size <= 9.0
    for column, width in zip(made, layout.widths, strict=True):
        if column.kind is ColumnKind.NUMBER and layout.size > 4.0:
            assert max(map(widths.line, column.texts)) * layout.size <= width


def test_type_shrinks_and_paper_turns_only_when_needed(widths: Widths) -> None:
    def of(count: int) -> tuple[bool, float]:
        layout = laid_out(columns(*[["1,234,567.89"]] * count), widths)
        return layout.landscape, layout.size

    assert of(3) == (False, 9.0)
    assert of(8)[0] is False
    assert of(12)[0] is True
    sizes = [of(count) for count in range(1, 31)]
    assert sizes == sorted(sizes, key=lambda made: (made[0], -made[1]))


def test_a_few_narrow_columns_do_not_spread_over_the_page(widths: Widths) -> None:
    layout = laid_out(columns(["a"], ["1.50"]), widths)
    assert layout.table_width < layout.measure / 2


def test_text_gives_way_before_numbers_do(widths: Widths) -> None:
    number = "12,345,678.90"
    layout = laid_out(columns(["incomprehensibilities " * 5], *[[number]] * 26), widths)
    assert layout.breaking == {0}
    assert layout.widths[0] == pytest.approx(4 * layout.size)
    assert all(width >= widths.line(number) * layout.size for width in layout.widths[1:])


@given(st.text(CHARACTERS, max_size=200), st.floats(1.5, 30))
def test_breaks_leave_the_text_as_it_is_and_no_part_too_wide(widths: Widths, text: str, width: float) -> None:
    split = broken(text, widths.regular, width)
    assert split.replace("\u200b", "") == text
    for part in split.replace("\u200b", " ").split(" "):
        assert widths.line(part) <= width or len(part) == 1


def test_a_text_takes_as_many_lines_as_its_words_need(widths: Widths) -> None:
    text = "Average unit price"
    one = widths.line(text)
    assert lines_of(text, one + 0.01, widths.regular) == 1
    assert lines_of(text, one * 0.7, widths.regular) == 2
    assert lines_of(text, one * 0.45, widths.regular) == 3
    assert lines_of("x" * 100, widths.line("x") * 24.5, widths.regular) == 5
    assert lines_of("a\nb\n\nc", 10, widths.regular) == 4


def test_only_rows_of_many_lines_may_break_over_pages(widths: Widths) -> None:
    layout = laid_out(
        columns(["word", "word " * 80, "\n".join("words"), "\n".join("many words")], ["1"] * 4), widths
    )
    assert layout.tall == {3}


def test_characters_without_a_glyph_are_known(widths: Widths) -> None:
    assert widths.missing == frozenset()
    assert Widths.of(["a漢\u00a0x\u0301"]).missing == {"漢"}
