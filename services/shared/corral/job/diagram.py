"""The table of states as pages show it: a table and a diagram, both made from the data."""

from corral.job.state import TRANSITIONS, Event, State, Transition, Writer


def _rows() -> list[Transition]:
    order = [None, *State]
    events = list(Event)
    return sorted(
        TRANSITIONS,
        key=lambda row: (order.index(row.before), events.index(row.event), order.index(row.after)),
    )


def mermaid() -> str:
    """The diagram of states as text for Mermaid; events between the same two states share an arrow."""
    arrows: dict[tuple[str, str], list[str]] = {}
    for row in _rows():
        arrows.setdefault((row.before or "[*]", row.after), []).append(row.event)
    lines = ["stateDiagram-v2"]
    lines += [f"    {before} --> {after}: {', '.join(events)}" for (before, after), events in arrows.items()]
    return "\n".join(lines)


def table() -> str:
    """The table of transitions in Markdown."""
    lines = ["| from | event | to | written by | fenced |", "|---|---|---|---|---|"]
    for row in _rows():
        writers = ", ".join(writer for writer in Writer if writer in row.writers)
        lines.append(
            f"| {row.before or 'none'} | {row.event} | {row.after} | {writers} | {'yes' if row.fenced else ''} |"
        )
    return "\n".join(lines)
