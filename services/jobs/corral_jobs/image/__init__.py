"""`image.process`: resize, crop, turn upright and convert pictures.

from corral_jobs.image import ImageRequest, Output, process

Importing this package needs no image library: `handlers` does the work, in workers that have one.
"""

from corral_jobs.image.declaration import process
from corral_jobs.image.invalid import InvalidImage
from corral_jobs.image.request import ArtifactSource, Crop, ImageRequest, Output
from corral_jobs.image.result import ImageResult, ProcessedImage, SourceImage

__all__ = [
    "ArtifactSource",
    "Crop",
    "ImageRequest",
    "ImageResult",
    "InvalidImage",
    "Output",
    "ProcessedImage",
    "SourceImage",
    "process",
]
