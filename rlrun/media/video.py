"""Video files from frames as they come, and small animations for TensorBoard."""

from __future__ import annotations

import importlib
import io
from collections.abc import Generator
from pathlib import Path
from typing import Any, Literal, Protocol, TypeAlias, get_args

import numpy as np
from PIL import Image

from rlrun.core.types import Array

Format: TypeAlias = Literal["mp4", "webp", "gif"]
FORMATS: tuple[Format, ...] = get_args(Format)
MOST = 2000  # frames of what is held in memory
SMALLEST = 160  # pixels: smaller pictures are enlarged
ANIMATION = (300, 200)  # frames of TensorBoard's animations, and the longer side of one


class Video(Protocol):
    """A video that is being made."""

    def add(self, frame: Array) -> None:
        """Take in the next frame, uint8 ``[height, width, 3]``, always of the same size."""
        ...

    def close(self) -> None:
        """The video is whole; without a frame there is none."""
        ...


class Reel:
    """Frames that are kept, at most ``most``: where there are more, every second one is dropped.

    ``side`` is what the longer side of a frame is scaled down to.
    """

    def __init__(self, fps: float, most: int = MOST, side: int | None = None) -> None:
        self._fps, self._most, self._side = fps, most, side
        self._frames: list[Image.Image] = []
        self._stride, self._count = 1, 0

    def add(self, frame: Array) -> None:
        if self._count % self._stride == 0:
            if len(self._frames) == self._most:
                del self._frames[1::2]
                self._stride *= 2
            if self._count % self._stride == 0:
                image = Image.fromarray(frame)
                if self._side is not None:
                    image.thumbnail((self._side, self._side))
                self._frames.append(image)
        self._count += 1

    def encoded(self, kind: str) -> bytes:
        """The animation as ``gif`` or ``webp``, which begins again at its end."""
        first, *more = self._frames
        milliseconds = max(20, round(1000 * self._stride / self._fps))  # viewers slow shorter ones
        data = io.BytesIO()
        options: dict[str, Any] = {"quality": 80} if kind == "webp" else {"optimize": False}
        first.save(
            data, kind, save_all=True, append_images=more, duration=milliseconds, loop=0, **options
        )
        return data.getvalue()

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return self._frames[0].size

    def __len__(self) -> int:
        return len(self._frames)


class Animation:
    """An animated WebP or GIF; it is held in memory, so that long ones have fewer frames."""

    def __init__(self, path: Path, fps: float) -> None:
        self._path, self._reel = path, Reel(fps)

    def add(self, frame: Array) -> None:
        self._reel.add(_fitting(frame))

    def close(self) -> None:
        if len(self._reel):
            self._path.write_bytes(self._reel.encoded(self._path.suffix[1:]))


class Mp4:
    """An MP4 (H.264), encoded by imageio-ffmpeg while frames come."""

    def __init__(self, path: Path, fps: float) -> None:
        self._path, self._fps = path, fps
        self._writer: Generator[None, Any, None] | None = None

    def add(self, frame: Array) -> None:
        frame = _fitting(frame)
        if self._writer is None:
            height, width, _ = frame.shape
            ffmpeg = importlib.import_module("imageio_ffmpeg")
            # frames are of even size already: nothing is to be scaled
            self._writer = ffmpeg.write_frames(
                str(self._path), (width, height), fps=self._fps, macro_block_size=1, quality=7
            )
            self._writer.send(None)
        self._writer.send(np.ascontiguousarray(frame))

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()


def can_mp4() -> bool:
    """Whether what encodes MP4 is installed."""
    try:
        importlib.import_module("imageio_ffmpeg").get_ffmpeg_exe()
    except (ImportError, RuntimeError):
        return False
    return True


def usual_format() -> Format:
    """What videos are where nobody asks for another format: MP4 if it can be made here."""
    return "mp4" if can_mp4() else "webp"


def open_video(path: Path, fps: float) -> Video:
    """The video that ``path`` is to hold, in the format its name ends with."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return Mp4(path, fps) if path.suffix == ".mp4" else Animation(path, fps)


def _fitting(frame: Array) -> Array:
    """A small frame enlarged, and one of odd size with its last row or column twice."""
    times = -(-SMALLEST // max(frame.shape[:2]))
    if times > 1:
        frame = frame.repeat(times, 0).repeat(times, 1)
    height, width, _ = frame.shape
    if height % 2 or width % 2:
        frame = np.pad(frame, ((0, height % 2), (0, width % 2), (0, 0)), "edge")
    return frame
