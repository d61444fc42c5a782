"""What the template `report.typ` is given: the report as JSON, all texts printable, all lengths known."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from corral_jobs.report.page.chart import Chart, draw, subject_of
from corral_jobs.report.page.layout import Layout, broken, lay_out, lines_of
from corral_jobs.report.page.printable import printable
from corral_jobs.report.page.typeface import Widths
from corral_jobs.report.request import ReportRequest
from corral_jobs.report.table.calendar_date import print_day
from corral_jobs.report.table.column import Column, ColumnKind
from corral_jobs.report.table.summary import Figure, figures_of
from corral_jobs.report.table.table import Group, Table

Content = Mapping[str, Any]

_LONGEST_NAME = 34
"""Characters of a category beside its bar."""
_LONGEST_FIGURE, _LONGEST_REMARK, _LONGEST_FOOTER = 24, 40, 80
_TITLE, _SUBTITLE, _CUSTOMER = 23.0, 11.5, 9.0
"""Sizes of type, in points."""
_MOST_MISSING = 12
"""Characters without a glyph that the note names."""
_LINE = 1.1
"""Lines of a heading, in em."""


def content_of(request: ReportRequest, table: Table, now: datetime) -> Content:
    """All that is printed.

    Raises:
        InvalidReport: the request names a column for the chart that isn't there, or is no number.
    """
    subject = subject_of(table, request)
    chart = None if request.chart is False else draw(subject)
    widths = Widths.of(_texts(request, table))
    totals = [_total(column) for column in table.columns]
    layout = lay_out(table.columns, widths, totals)
    heads = (
        lines_of(column.label, width / layout.size, widths.bold)
        for column, width in zip(table.columns, layout.widths, strict=True)
    )
    title, subtitle, customer = (
        printable(text or "") for text in (request.title, request.subtitle, request.customer)
    )
    customer = broken(customer, widths.bold, layout.measure * 0.7 / _CUSTOMER)
    return {
        "title": title,
        "heading": broken(title, widths.bold, layout.measure / _TITLE),
        "subtitle": broken(subtitle, widths.regular, layout.measure / _SUBTITLE),
        "customer": customer,
        "date": _moment(now),
        "footer": " · ".join(filter(None, (_shortened(customer, _LONGEST_FOOTER), print_day(now)))),
        "author": "Corral",
        "description": f"{table.row_count:,} rows",
        "figures": [_figure(figure) for figure in figures_of(table, subject)] if table.row_count else [],
        "chart": None if chart is None else _chart(chart),
        "labels": [
            broken(column.label, widths.bold, width / layout.size)
            for column, width in zip(table.columns, layout.widths, strict=True)
        ],
        "rows": list(_rows(table, layout, widths, totals)),
        "notes": [*table.notes, *_missing(widths)],
        "layout": {
            "landscape": layout.landscape,
            "measure": layout.measure,
            "size": layout.size,
            "gap": layout.gap,
            "head": (max(heads, default=0) * _LINE + 0.3) * layout.size,
            "widths": layout.widths,
            "right": [column.kind is ColumnKind.NUMBER for column in table.columns],
        },
    }


def _texts(request: ReportRequest, table: Table) -> Iterator[str]:
    """Every text that is printed, and the characters that totals add to them."""
    yield " 0123456789.,\u2212Total"
    yield from (printable(text or "") for text in (request.title, request.subtitle, request.customer))
    yield from (group.label for group in table.groups)
    for column in table.columns:
        yield column.label
        yield column.style.prefix + column.style.suffix
        yield from column.texts


def _rows(table: Table, layout: Layout, widths: Widths, totals: Sequence[str]) -> Iterator[list[str]]:
    """Each row as its kind and its texts."""
    texts = [column.texts for column in table.columns]
    for at in layout.breaking:
        room = layout.widths[at] / layout.size
        split = {text: broken(text, widths.regular, room) for text in set(texts[at])}
        texts[at] = tuple(split[text] for text in texts[at])
    rows = list(zip(*texts, strict=True))
    summed = table.totalled
    for group in table.groups or (Group("", range(table.row_count)),):
        if group.label:
            count = len(group.rows)
            label = broken(group.label, widths.bold, 0.7 * layout.table_width / layout.size)
            yield ["group", label, f"{count:,} row{'' if count == 1 else 's'}"]
        for row in group.rows:
            tall = row in layout.tall
            # The last row is kept on one page with the totals below it.
            last = summed and row == group.rows[-1]
            yield [("tall-last" if tall else "last") if last else "tall" if tall else "row", *rows[row]]
        if table.groups and summed and len(group.rows) > 1:
            yield [
                "subtotal",
                *_titled(table, [_total(column, group.rows) for column in table.columns], "Subtotal"),
            ]
    if summed:
        yield ["total", *_titled(table, totals, "Total")]


def _missing(widths: Widths) -> list[str]:
    """The note that names, for whoever sees boxes, what they stand for."""
    codes = [f"U+{ord(character):04X}" for character in sorted(widths.missing)]
    if not codes:
        return []
    more = f" and {len(codes) - _MOST_MISSING:,} more" if len(codes) > _MOST_MISSING else ""
    return [f"Shown as boxes, as no typeface at hand has them: {', '.join(codes[:_MOST_MISSING])}{more}."]


def _total(column: Column, rows: range | None = None) -> str:
    if not column.additive:
        return ""
    decimals = column.style.decimals
    style = column.style if decimals is not None else column.style.with_decimals(2)
    return style.print(column.total(rows))


def _titled(table: Table, sums: Sequence[str], title: str) -> list[str]:
    """The sums, with their title in the first column that has none."""
    cells = list(sums)
    for at, column in enumerate(table.columns):
        if not column.additive:
            cells[at] = title
            break
    return cells


def _figure(figure: Figure) -> dict[str, str]:
    return {
        "label": figure.label,
        "value": _shortened(figure.value, _LONGEST_FIGURE),
        "remark": _shortened(figure.remark, _LONGEST_REMARK),
    }


def _chart(chart: Chart) -> dict[str, Any]:
    points = [
        {
            "label": _shortened(point.label, _LONGEST_NAME),
            "printed": point.printed,
            "at": chart.axis.place(point.value),
            "muted": point.muted,
        }
        for point in chart.points
    ]
    read_out = "; ".join(f"{point['label']} {point['printed']}" for point in points[:40])
    return {
        "shape": chart.shape,
        "title": chart.title,
        "caption": chart.caption,
        "alt": f"{chart.caption}: {read_out}",
        "zero": chart.axis.zero,
        "ticks": [{"at": tick.at, "label": tick.label} for tick in chart.axis.ticks],
        "points": points,
    }


def _shortened(text: str, most: int) -> str:
    text = text.replace("\n", " ")
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def _moment(now: datetime) -> str:
    zone = "UTC" if now.utcoffset() == UTC.utcoffset(None) else f"UTC{now:%z}"
    return f"{print_day(now)}, {now:%H:%M} {zone}"
