"""Sizes: plain arithmetic, held to what it promises for any numbers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from corral_jobs.image import ArtifactSource, Crop, ImageOutput, ImageRequest
from corral_jobs.image.color import dominant
from corral_jobs.image.invalid import InvalidImage
from corral_jobs.image.size import MAX_PIXELS, Size, area_of, refuse_too_large, size_of, turned
from corral_jobs.image.source import stem_of

sides = st.integers(1, 16_383)
sizes = st.builds(Size, st.integers(1, 100_000), st.integers(1, 100_000))


@given(sizes, st.none() | sides, st.none() | sides, st.booleans())
def test_fit_stays_within_what_was_asked_for_and_keeps_the_shape(source: Size, width, height, enlarge: bool):
    made = size_of(ImageOutput(width=width, height=height, enlarge=enlarge), source)
    assert 1 <= made.width <= (width or 10**12)
    assert 1 <= made.height <= (height or 10**12)
    if not enlarge:
        assert made.width <= source.width
        assert made.height <= source.height
    scale = made.width / source.width
    if min(made) > 1:
        assert abs(made.height - source.height * scale) <= 1 + source.height / source.width


@given(sizes, sides, sides, st.sampled_from(["fill", "exact"]))
def test_fill_and_exact_make_what_was_asked_for(source: Size, width: int, height: int, resize):
    assert size_of(ImageOutput(width=width, height=height, resize=resize), source) == (width, height)


@given(st.integers(1, 8), st.data())
def test_a_crop_stays_within_the_stored_pixels(orientation: int, data: st.DataObject):
    upright = Size(data.draw(st.integers(1, 500)), data.draw(st.integers(1, 500)))
    left, top = data.draw(st.integers(0, upright.width - 1)), data.draw(st.integers(0, upright.height - 1))
    width = data.draw(st.integers(1, upright.width - left))
    height = data.draw(st.integers(1, upright.height - top))
    stored = Size(upright.height, upright.width) if turned(orientation) else upright
    area = area_of(Crop(left=left, top=top, width=width, height=height), upright, orientation)
    assert area.left >= 0
    assert area.top >= 0
    assert area.left + area.width <= stored.width
    assert area.top + area.height <= stored.height
    assert area.width * area.height == width * height


def test_pixels_of_all_frames_count():
    refuse_too_large(Size(MAX_PIXELS, 1), 1, "it has")
    with pytest.raises(InvalidImage, match="2 frames of 50,000,000 x 1 pixels"):
        refuse_too_large(Size(MAX_PIXELS, 1), 2, "it has")


@pytest.mark.parametrize(
    ("request_", "told"),
    [
        ({}, "exactly one of upload, url and artifact must be given; none is"),
        ({"url": "https://a", "upload": "01890000-0000-7000-8000-000000000000"}, "upload and url are"),
        ({"upload": "01890000-0000-7000-8000-00000000000A"}, "upload"),
        ({"url": "https://a", "outputs": []}, "at least 1 item"),
        ({"url": "https://a", "outputs": [{}] * 21}, "at most 20 items"),
        ({"url": "https://a", "outputs": [{"width": 0}]}, "greater than or equal to 1"),
        ({"url": "https://a", "outputs": [{"width": 20_000}]}, "less than or equal to 16383"),
        ({"url": "https://a", "outputs": [{"width": "9"}]}, "valid integer"),
        (
            {"url": "https://a", "outputs": [{"width": 9, "resize": "fill"}]},
            "resize fill needs width and height",
        ),
        ({"url": "https://a", "outputs": [{"format": "heic"}]}, "'jpeg', 'png', 'webp' or 'avif'"),
        ({"url": "https://a", "outputs": [{"name": "../a.png"}]}, "pattern"),
        (
            {"url": "https://a", "outputs": [{"name": "a.png"}, {"name": "a.png"}]},
            "outputs names 'a.png' twice",
        ),
        (
            {"url": "https://a", "crop": {"left": -1, "top": 0, "width": 1, "height": 1}},
            "greater than or equal to 0",
        ),
        ({"url": "https://a", "sharpen": 1}, "Extra inputs"),
    ],
)
def test_a_wrong_request_is_refused_with_its_reason(request_: dict[str, object], told: str):
    with pytest.raises(ValidationError, match=told):
        ImageRequest.model_validate(request_)


def test_a_request_has_one_source():
    assert ImageRequest(url="https://example.com/a.png").outputs == [ImageOutput()]
    source = ArtifactSource.model_validate({"job": "01890000-0000-7000-8000-000000000000", "name": "a.png"})
    assert ImageRequest(artifact=source).artifact == source


def test_the_dominant_color_ignores_what_is_transparent():
    assert dominant([(255, 0, 0, 255)] * 3 + [(0, 0, 255, 0)] * 9) == "#ff0000"
    assert dominant([(0, 0, 255, 0)]) is None
    assert dominant([(16, 16, 16, 255), (20, 20, 20, 255), (250, 0, 0, 255)]) == "#121212"


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("/holiday/Beach 1.JPG", "Beach-1"),
        ("C:\\photos\\a.b.png", "a-b"),
        ("", "image"),
        ("ünïcode.png", "n-code"),
        ("..", "image"),
        ("x" * 300, "x" * 60),
    ],
)
def test_names_of_made_pictures_are_safe_everywhere(name: str, stem: str):
    assert stem_of(name) == stem
