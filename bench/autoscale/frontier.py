"""Who is better than whom: on the wait, on the cost, or on both."""

from collections.abc import Iterable, Sequence

from bench.autoscale.reading import Standing

CLEARLY_SOONER = (0.25, 0.05)
"""Seconds, and share of the wait, the larger of which makes a difference."""
CLEARLY_CHEAPER = 0.02
"""Share of the cost that makes a difference."""


def gentle(peers: Iterable[Standing]) -> list[Standing]:
    """Those that interrupted nothing."""
    return [peer for peer in peers if not peer.interrupted]


def beating(ours: Standing, peers: Iterable[Standing]) -> list[Standing]:
    """Gentle peers that are at least as good on both, and clearly better on one."""
    seconds, share = CLEARLY_SOONER
    return [
        peer
        for peer in gentle(peers)
        if peer.p95 <= ours.p95
        and peer.cost <= ours.cost
        and (
            ours.p95 - peer.p95 > max(seconds, share * ours.p95)
            or ours.cost - peer.cost > CLEARLY_CHEAPER * ours.cost
        )
    ]


def cheapest_as_soon(ours: Standing, peers: Iterable[Standing]) -> Standing | None:
    """The cheapest gentle peer whose jobs wait no longer."""
    return min((peer for peer in gentle(peers) if peer.p95 <= ours.p95), key=lambda p: p.cost, default=None)


def frontier(peers: Sequence[Standing]) -> list[Standing]:
    """Gentle peers that no other one is better than on both, the soonest first."""
    kept: list[Standing] = []
    for peer in sorted(gentle(peers), key=lambda one: (one.p95, one.cost)):
        if not kept or peer.cost < kept[-1].cost:
            kept.append(peer)
    return kept
