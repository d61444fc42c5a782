"""The handler of `image.process`, with the context that corral_testing makes."""

import hashlib
from uuid import UUID, uuid4

import pytest
from tests.unit.corral_jobs.image.pictures import saved, scene

from corral.context import UploadedFile
from corral.errors import Discard
from corral_jobs.image import ImageRequest, process
from corral_jobs.image.handlers import do_process
from corral_testing.context import Recording, context


def request(**fields: object) -> ImageRequest:
    return ImageRequest.model_validate(fields)


def with_upload(data: bytes, name: str = "Beach 1.jpg") -> tuple[object, Recording, str]:
    ctx, recording = context(process)
    upload = uuid4()
    recording.uploads[upload] = UploadedFile(name, "image/jpeg", data)
    return ctx, recording, str(upload)


async def test_it_makes_several_pictures_at_once_and_says_what_they_are():
    ctx, recording, upload = with_upload(saved(scene(), ".jpg"))
    outputs = [
        {"width": 60},
        {"width": 60},
        {"width": 30, "height": 30, "resize": "fill", "format": "webp", "name": "small.webp"},
    ]
    result = await do_process(request(upload=upload, outputs=outputs), ctx)
    names = ["Beach-1-60x40.jpg", "Beach-1-60x40-2.jpg", "small.webp"]
    assert [one.name for one in result.images] == list(recording.artifacts) == names
    assert (result.source.format, result.source.width, result.source.height) == ("jpeg", 120, 80)
    last, data = result.images[-1], recording.artifacts["small.webp"]
    assert (last.width, last.height, last.media_type) == (30, 30, "image/webp")
    assert (last.size_bytes, last.sha256) == (len(data), hashlib.sha256(data).hexdigest())
    assert recording.progress[-1] == (100, "done")


async def test_a_picture_that_another_job_made_can_be_the_source():
    ctx, recording = context(process)
    job = uuid4()
    recording.others[job, "a.png"] = saved(scene(), ".png")
    result = await do_process(request(artifact={"job": str(job), "name": "a.png"}), ctx)
    assert [one.name for one in result.images] == ["a-120x80.png"]


async def test_the_type_is_that_of_the_content_whatever_the_name_says():
    ctx, _, upload = with_upload(saved(scene(), ".png"), "photo.jpg")
    result = await do_process(request(upload=upload), ctx)
    assert (result.source.format, result.images[0].name) == ("png", "photo-120x80.png")


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"upload": str(UUID(int=7))}, "there is no upload 00000000"),
        ({"artifact": {"job": str(UUID(int=7)), "name": "a.png"}}, "has no file 'a.png'"),
    ],
)
async def test_a_source_that_is_not_there_is_not_tried_again(fields: dict[str, object], told: str):
    ctx, _ = context(process)
    with pytest.raises(Discard, match=told):
        await do_process(request(**fields), ctx)


async def test_a_picture_that_is_none_is_not_tried_again_and_leaves_nothing():
    ctx, recording, upload = with_upload(b"%PDF-1.7")
    with pytest.raises(Discard, match="the file is PDF, which is not read"):
        await do_process(request(upload=upload), ctx)
    assert recording.artifacts == {}
