"""Pictures as they come out: upright, in sRGB, of the right size, without metadata unless it was asked for."""

from typing import Any

import pytest
import pyvips
from tests.unit.corral_jobs.image.pictures import deep, frames, saved, scene, see_through, upright

from corral_jobs.image.picture import Made, Picture
from corral_jobs.image.request import Crop, Format, ImageOutput

FORMATS: list[Format] = ["jpeg", "png", "webp", "avif"]
NEAR = 12
"""What a lossy format may change of a channel."""


def made(data: bytes, kind: Format = "png", /, **asked: Any) -> Made:
    more = {name: asked.pop(name) for name in ("crop", "animation", "keep_metadata") if name in asked}
    return Picture(data).make(ImageOutput(**asked), kind, **more)


def seen(one: Made, **options: Any) -> Any:
    return pyvips.Image.new_from_buffer(one.data, "", **options)


def near(pixel: list[float], wanted: tuple[int, ...], by: int = NEAR) -> bool:
    return all(abs(a - b) <= by for a, b in zip(pixel, wanted, strict=True))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("resized", [{}, {"width": 60, "height": 60}])
def test_every_orientation_of_exif_is_turned_upright(orientation: int, resized: dict[str, int]):
    """The corner that is red in the stored pixels is shown where EXIF says."""
    corner = seen(made(upright(orientation), **resized))
    right, bottom = corner.width - 3, corner.height - 3
    where = {1: (2, 2), 2: (right, 2), 3: (right, bottom), 4: (2, bottom), 5: (2, 2), 6: (right, 2)}
    where |= {7: (right, bottom), 8: (2, bottom)}
    assert (corner.width > corner.height) is (orientation < 5)
    assert near(corner(*where[orientation]), (255, 0, 0), 20)
    assert corner.get_typeof("orientation") == 0


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_crop_is_that_of_the_upright_picture(orientation: int):
    """Cropping at once gives what cropping the upright picture gives."""
    whole = seen(made(upright(orientation, ".png")))
    crop = Crop(left=11, top=7, width=30, height=20)
    part = seen(made(upright(orientation, ".png"), crop=crop))
    assert (part - whole.crop(11, 7, 30, 20)).abs().max() == 0


@pytest.mark.parametrize(
    ("asked", "size"),
    [
        ({"width": 60, "height": 60}, (60, 40)),
        ({"width": 60}, (60, 40)),
        ({"height": 20}, (30, 20)),
        ({"width": 600}, (120, 80)),
        ({"width": 600, "enlarge": True}, (600, 400)),
        ({"width": 50, "height": 50, "resize": "fill"}, (50, 50)),
        ({"width": 500, "height": 50, "resize": "fill"}, (500, 50)),
        ({"width": 50, "height": 50, "resize": "fill", "position": "attention"}, (50, 50)),
        ({"width": 31, "height": 97, "resize": "exact"}, (31, 97)),
        ({}, (120, 80)),
    ],
)
def test_it_has_the_size_that_was_asked_for(asked: dict[str, Any], size: tuple[int, int]):
    one = made(saved(scene(), ".jpg"), **asked)
    assert (one.size, (seen(one).width, seen(one).height)) == (size, size)


def test_fit_keeps_the_shape_and_fill_cuts_where_exact_stretches():
    halves = scene(100, 50).draw_rect([0, 0, 0], 0, 0, 50, 50, fill=True)
    halves = saved(halves.draw_rect([255, 255, 255], 50, 0, 50, 50, fill=True), ".png")
    low = seen(made(halves, width=20, height=20, resize="fill", position="low"))
    high = seen(made(halves, width=20, height=20, resize="fill", position="high"))
    stretched = seen(made(halves, width=20, height=20, resize="exact"))
    assert near(low(10, 10), (0, 0, 0))
    assert near(high(10, 10), (255, 255, 255))
    assert (near(stretched(4, 10), (0, 0, 0)), near(stretched(15, 10), (255, 255, 255))) == (True, True)


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("keep", [False, True])
def test_metadata_is_gone_unless_it_was_asked_for(kind: Format, keep: bool):
    photo = scene().copy()
    photo.set_type(pyvips.GValue.gstr_type, "exif-ifd0-Copyright", "Ann (Ann, ASCII, 4 components, 4 bytes)")
    photo.set_type(pyvips.GValue.gstr_type, "exif-ifd3-GPSLatitude", "47/1 0/1 0/1")
    one = made(saved(photo, ".jpg"), kind, keep_metadata=keep)
    assert ("exif-data" in seen(one).get_fields()) is keep
    assert (b"Ann" in one.data) is keep


@pytest.mark.parametrize("kind", FORMATS)
def test_a_wide_gamut_becomes_srgb(kind: Format):
    """Pixels of Display P3 that show sRGB's red have other numbers; what comes out has sRGB's, and no profile."""
    red = (scene() * 0 + [200, 30, 40]).cast("uchar").copy(interpretation="srgb")
    wide = red.icc_transform("p3", input_profile="srgb")
    assert not near(wide(50, 50), (200, 30, 40), 5)
    one = seen(made(saved(wide, ".png"), kind))
    assert near(one(50, 50), (200, 30, 40), 6)
    assert one.get_typeof("icc-profile-data") == 0


def test_cmyk_and_sixteen_bits_become_srgb_of_eight():
    for data in (
        saved(scene().icc_transform("cmyk", input_profile="srgb"), ".jpg"),
        saved(deep(scene(), "rgb16"), ".png"),
        saved(deep(scene()[0], "grey16"), ".png"),
    ):
        one = seen(made(data))
        assert (one.interpretation, one.format, one.bands) == ("srgb", "uchar", 3)
    assert near(seen(made(saved(deep(scene(), "rgb16"), ".png")))(100, 70), tuple(scene()(100, 70)), 2)


def test_transparency_stays_where_the_format_has_it_and_has_a_background_where_it_has_none():
    clear = saved((scene() * 0).cast("uchar").copy(interpretation="srgb").bandjoin(0), ".png")
    for kind in ("png", "webp", "avif"):
        assert seen(made(clear, kind)).hasalpha()
    one = seen(made(clear, "jpeg", background="#3366cc"))
    assert (one.hasalpha(), near(one(5, 5), (0x33, 0x66, 0xCC))) == (False, True)


def test_an_animation_stays_one_where_it_was_asked_for():
    one = made(saved(frames(), ".gif"), "webp", width=30, animation=True)
    strip = seen(one, n=-1)
    assert (one.frames, strip.get("n-pages"), strip.get("page-height")) == (3, 3, 20)
    assert strip.get("delay") == [100, 100, 100]
    assert made(saved(frames(), ".gif"), "png", animation=True).frames == 1


@pytest.mark.parametrize("kind", FORMATS)
def test_the_dominant_color_is_that_of_most_of_it(kind: Format):
    flag = (scene() * 0 + [20, 120, 220]).cast("uchar").copy(interpretation="srgb")
    flag = flag.draw_rect([250, 240, 10], 0, 0, 30, 80, fill=True)
    color = made(saved(flag, ".png"), kind).color
    assert color is not None
    assert near([int(color[at : at + 2], 16) for at in (1, 3, 5)], (20, 120, 220))


def test_what_is_transparent_has_no_dominant_color():
    clear = saved((scene() * 0).cast("uchar").copy(interpretation="srgb").bandjoin(0), ".png")
    assert made(clear, "png").color is None
    assert made(saved(see_through(), ".png"), "png").color is not None


def test_a_quality_that_was_asked_for_counts():
    sizes = [len(made(saved(scene(), ".png"), "jpeg", quality=quality).data) for quality in (10, 50, 95)]
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[2] / 2
