"""The contenders of each contest: module, title and environment."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Contender:
    """A module in the contest's folder. The part of `name` after a colon is passed to its functions."""

    name: str
    title: str
    environment: str = "torch"


CONTESTS: Final = {
    "read": (
        Contender("ours", "wds-imagenet"),
        Contender("limit:crop", "a C program with libjpeg-turbo, without a resize"),
        Contender("limit:resize", "a C program with libjpeg-turbo, with a resize"),
        Contender("dali", "DALI, fused random-crop decoding", "dali"),
        Contender("ffcv_loader:equal", "FFCV, the same files", "ffcv"),
        Contender("ffcv_loader:own", "FFCV, its own files (quality 90)", "ffcv"),
        Contender("webdataset_torchvision", "webdataset + torchvision `decode_jpeg`"),
        Contender("webdataset_pillow", "webdataset + Pillow + torchvision"),
        Contender("imagefolder", "`ImageFolder` + `DataLoader`"),
        Contender("litdata_streaming", "litData"),
        Contender("mosaicml_streaming", "MosaicML Streaming", "mosaicml"),
        Contender("huggingface:streaming", "Hugging Face datasets, streaming our shards"),
        Contender("huggingface:arrow", "Hugging Face datasets, Arrow files"),
        Contender("datago_files", "datago, loose files, its own central crop", "datago"),
        Contender("spdl_pipeline", "SPDL (FFmpeg)", "spdl"),
    ),
    "stream": (
        Contender("ours:decode", "wds-imagenet"),
        Contender("ours:fetch", "wds-imagenet, without decoding"),
        Contender("client:16", "obstore alone, 16 requests at once"),
        Contender("client:64", "obstore alone, 64 requests at once"),
        Contender("webdataset_s3:curl", "webdataset, `pipe:curl`"),
        Contender("webdataset_s3:fsspec", "webdataset, fsspec"),
        Contender("litdata_s3", "litData"),
        Contender("mosaicml_s3", "MosaicML Streaming", "mosaicml"),
        Contender("s3torch", "s3torchconnector + webdataset's tar reader"),
        Contender("huggingface_s3", "Hugging Face datasets, streaming our shards"),
    ),
    "pack": (
        Contender("ours", "wds-imagenet"),
        Contender("shardwriter", "webdataset's `ShardWriter`"),
        Contender("shardwriter_synced", "`ShardWriter`, synced"),
    ),
    "plan": (
        Contender("ours", "wds-imagenet"),
        Contender("plain_list", "the same references in a plain list"),
        Contender("table", "wds-imagenet, of a CSV with captions"),
    ),
    "quality": (
        Contender("ours:exact", "wds-imagenet"),
        Contender("ours:scaled", "wds-imagenet, `scaled_decode=True`"),
        Contender("webdataset_torchvision", "torchvision `decode_jpeg` + v2 transforms, as litData's"),
        Contender("dali", "DALI", "dali"),
        Contender("ffcv_loader:equal", "FFCV, the same files", "ffcv"),
        Contender("ffcv_loader:own", "FFCV, its own files (quality 90)", "ffcv"),
        Contender("spdl_pipeline", "SPDL (FFmpeg)", "spdl"),
    ),
}
"""Ratios are to the first contender of a contest. `quality` uses the modules of `read`."""


def folder(contest: str) -> str:
    """Return the folder of a contest's modules."""
    return "read" if contest == "quality" else contest
