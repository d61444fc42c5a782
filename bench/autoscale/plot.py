"""The pictures of the page: each shape over time, and where every scaler stands."""

from collections.abc import Sequence

from bench.autoscale.frontier import frontier, gentle
from bench.autoscale.seen import DRAWN_SLOTS, Seen
from bench.autoscale.shape import SHAPES
from bench.autoscale.svg import Drawing, Panel, stairs
from bench.autoscale.verdict import Contest

OURS, PEER, EDGE, NAIVE, LOAD = "#1a7f37", "#afb8c1", "#57606a", "#bc4c00", "#ddf4ff"
TITLES = {shape.name: shape.title for shape in SHAPES}
PANEL, GAP, HEIGHT = 232, 40, 150


def over_time(seen: Sequence[Seen]) -> Drawing:
    """One shape under each scaler: jobs in the system as the pods they could fill, and the pods there were."""
    name = seen[0].shape
    drawing = Drawing(
        len(seen) * (PANEL + GAP) + 20, HEIGHT + 90, f"{TITLES.get(name, name)}: pods over time"
    )
    end = max(at for one in seen for at, *_ in one.points)
    top = max(max(pods for one in seen for _, pods, _, _ in one.points) * 1.15, 4)
    for number, one in enumerate(seen):
        panel = Panel(drawing, GAP + number * (PANEL + GAP), 34, PANEL, HEIGHT, end, top)
        load = stairs([(at, (queued + running) / DRAWN_SLOTS) for at, _, queued, running in one.points])
        drawing.area([panel.at(0, 0), *(panel.at(x, y) for x, y in load), panel.at(end, 0)], LOAD)
        panel.axes(title=_short(one.scaler), across="seconds", up="pods")
        pods = stairs([(at, float(count)) for at, count, _, _ in one.points])
        drawing.line([panel.at(x, y) for x, y in pods], OURS if number == 0 else EDGE, width=1.8)
    drawing.area(
        [(GAP, HEIGHT + 68), (GAP + 14, HEIGHT + 68), (GAP + 14, HEIGHT + 78), (GAP, HEIGHT + 78)], LOAD
    )
    drawing.text(
        GAP + 20, HEIGHT + 77, "pods that the jobs queued and running would fill; line: pods there are"
    )
    return drawing


def standing(contests: Sequence[Contest]) -> Drawing:
    """Every gentle scaler by its wait and its cost, shape by shape."""
    across = 4
    rows = -(-len(contests) // across)
    row = HEIGHT + 85
    drawing = Drawing(across * (PANEL + GAP) + 20, rows * row + 20, "p95 wait and cost of every scaler")
    for number, contest in enumerate(contests):
        place = (GAP + number % across * (PANEL + GAP), 34 + number // across * row)
        _cloud(drawing, place, contest)
    x, y = GAP + len(contests) % across * (PANEL + GAP), 44 + (rows - 1) * row
    if len(contests) % across:
        legend = [
            (OURS, "Corral"),
            (NAIVE, "naive law, drains"),
            (PEER, "KEDA and HPA settings"),
            (EDGE, "the best of them"),
        ]
        for line, (colour, words) in enumerate(legend):
            drawing.dot((x, y + line * 18), colour, 4)
            drawing.text(x + 12, y + 4 + line * 18, words)
        drawing.text(x, y + 84, "Only those that interrupted no job.")
        drawing.text(x, y + 100, "Lower and further left is better.")
    return drawing


def _cloud(drawing: Drawing, place: tuple[float, float], contest: Contest) -> None:
    ours, naive, peers = contest.ours, contest.naive, gentle(contest.peers)
    right = 1.6 * max(ours.p95, naive.p95, contest.wait_allowed / 2, 1.0)
    near = [peer.cost for peer in peers if peer.p95 <= right]
    top = min(max([ours.cost, naive.cost, *near]) * 1.08, 2.2 * max(ours.cost, naive.cost))
    lowest = 0.92 * min([ours.cost, naive.cost, *near])
    panel = Panel(drawing, *place, PANEL, HEIGHT, right, top, lowest)
    panel.axes(title=contest.shape, across="p95 wait, s", up="cost")
    shown = [peer for peer in peers if peer.p95 <= right and peer.cost <= top]
    for peer in shown:
        drawing.dot(panel.at(peer.p95, peer.cost), PEER, 2)
    edge = [panel.at(peer.p95, peer.cost) for peer in frontier(shown)]
    if edge:
        drawing.line(edge, EDGE, width=1)
    for point in edge:
        drawing.dot(point, EDGE, 2.2)
    drawing.dot(panel.at(naive.p95, naive.cost), NAIVE, 3.5)
    drawing.dot(panel.at(ours.p95, ours.cost), OURS, 4.5)


def _short(name: str) -> str:
    return {"KEDA": "KEDA, its defaults", "naive": "naive law"}.get(
        name.split(" ", maxsplit=1)[0].strip(","), name
    )
