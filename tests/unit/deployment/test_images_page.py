"""docs/reference/images.md names each image with a size that is within its goal. tests/images compares it with built images."""

import re

import pytest
from tests.images.belonging import IMAGES, ROOT
from tests.images.page import PAGE, base_of_the_page, sizes_of_the_page
from tests.images.test_contents import LARGEST_MB

GOALS_MB = {"worker": 330, "worker-cpu": 520}
"""Unpacked, with the base: what a worker may have in all, with and without what pictures and areas need."""


def test_the_page_has_a_row_for_each_image():
    assert sorted(sizes_of_the_page()) == sorted(IMAGES)


@pytest.mark.parametrize("image", IMAGES)
def test_each_image_is_within_its_goal(image: str):
    said = sizes_of_the_page()[image]
    assert said.corral <= LARGEST_MB[image]
    assert said.all <= GOALS_MB.get(image, 330)
    assert said.all == pytest.approx(base_of_the_page() + said.corral, abs=1)


def test_parity_says_the_same_sizes():
    (row,) = [
        line for line in (ROOT / "docs/reference/parity.md").read_text().splitlines() if "| G-14 |" in line
    ]
    told = re.findall(r"\b(\d{3})\b", row)
    order = ("publisher", "worker", "worker-cpu", "operator")
    assert [int(one) for one in told] == [sizes_of_the_page()[image].all for image in order]
    assert PAGE.name in row
