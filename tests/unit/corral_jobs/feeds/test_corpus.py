from collections import Counter

import pytest
from tests.unit.corral_jobs.feeds.cleaned import items_of
from tests.unit.corral_jobs.feeds.corpus import ADDRESS, ITEMS, UNREADABLE, Sample, outcome, samples

from corral_jobs.feeds.parse import parse


@pytest.fixture(scope="module")
def corpus() -> list[Sample]:
    return list(samples())


def test_a_feed_in_any_format_and_encoding_is_read_to_the_last_letter(corpus):
    whole = [sample for sample in corpus if sample.defect == "none"]
    for sample in whole:
        feed = parse(sample.body, address=ADDRESS)
        assert feed.title == sample.title, sample
        assert [item.title for item in items_of(feed)] == [f"{sample.title} {n + 1}" for n in range(ITEMS)], (
            sample
        )
        assert [item.link for item in items_of(feed)] == [
            f"https://feeds.example/{n + 1}" for n in range(ITEMS)
        ]
        assert all(item.published or item.updated for item in items_of(feed)), sample
    assert len(whole) > 100


def test_a_broken_feed_is_read_or_refused_and_never_crashes_the_reader(corpus):
    became = Counter((sample.defect, outcome(sample).split(":")[0]) for sample in corpus)
    assert sum(became.values()) >= 400
    assert [found for found in became if found[1] == "crashed"] == []
    xml = Counter(
        (sample.defect, outcome(sample)) for sample in corpus if not sample.format.startswith("JSON")
    )
    assert {defect for defect, what in xml if what == "refused"} <= UNREADABLE
