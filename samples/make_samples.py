"""Make the sample pictures and the sample clip: `python samples/make_samples.py --help`."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import imageio_ffmpeg
import numpy as np
from PIL import Image

if __package__ in {None, ""}:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from samples import ink, mosaic, paint, picture
from samples.scene import FRAMES, RATE, SIZE, cut_frame, scene
from samples.sound import SAMPLE_RATE, sound

PICTURES: dict[str, tuple[Callable[[], np.ndarray], int]] = {
    "paint.jpg": (paint.paint, 82),
    "ink.jpg": (ink.ink, 82),
    "mosaic.jpg": (mosaic.mosaic, 82),
    "picture.jpg": (picture.picture, 88),
}
"""File name, the function that makes the picture, JPEG quality."""

BT709 = (
    "scale=out_color_matrix=bt709:out_range=tv,format=yuv420p,"
    "setparams=colorspace=bt709:color_primaries=bt709:color_trc=bt709:range=tv"
)


def write_clip(path: Path, frames: int, width: int, height: int) -> None:
    """Render the clip with its sound: H.264 and AAC in MP4, tagged BT.709, without dates or version strings."""
    samples = sound(float(frames / RATE), float(cut_frame(frames) / RATE))
    with tempfile.TemporaryDirectory() as folder:
        track = Path(folder) / "sound.pcm"
        track.write_bytes(samples.tobytes())
        command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y"]
        command += ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-r", str(RATE), "-i", "-"]
        command += ["-f", "s16le", "-ar", str(SAMPLE_RATE), "-ac", "2", "-i", str(track)]
        command += ["-vf", BT709, "-c:v", "libx264", "-crf", "18", "-preset", "veryslow", "-threads", "1"]
        command += ["-c:a", "aac", "-b:a", "112k", "-fflags", "+bitexact", "-flags:v", "+bitexact"]
        command += ["-flags:a", "+bitexact", "-map_metadata", "-1", "-movflags", "+faststart", str(path)]
        pictures = b"".join(frame.image.tobytes() for frame in scene(frames, width, height, truth=False))
        subprocess.run(command, input=pictures, check=True)


def write_truth(folder: Path, frames: int, width: int, height: int) -> None:
    """Write every frame as PNG, and for each neighbouring pair in one shot `flow_AAAA_BBBB.npz`.

    A pair holds `forward` and `backward` (height, width, 2), float32 pixels, and the masks `hidden_forward`
    (seen in A, not in B), `hidden_backward` (seen in B, not in A), `mixed_a` and `mixed_b`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    last = None
    for frame in scene(frames, width, height):
        Image.fromarray(frame.image).save(folder / f"frame_{frame.index:04d}.png")
        if last is not None and last.shot == frame.shot:
            np.savez_compressed(
                folder / f"flow_{last.index:04d}_{frame.index:04d}.npz",
                forward=last.to_next,
                backward=frame.to_previous,
                hidden_forward=last.hidden_next,
                hidden_backward=frame.hidden_previous,
                mixed_a=last.mixed,
                mixed_b=frame.mixed,
            )
        last = frame


def write_picture(path: Path) -> None:
    """Make one of `PICTURES`, by its file name."""
    make, quality = PICTURES[path.name]
    Image.fromarray(make()).save(path, quality=quality, subsampling=0, optimize=True)


def size(text: str) -> tuple[int, int]:
    """`320x180` -> (320, 180); even sides, as video wants them."""
    width, height = (int(side) for side in text.lower().split("x"))
    if width % 2 or height % 2 or min(width, height) < 16:
        raise argparse.ArgumentTypeError("both sides must be even and at least 16")
    return width, height


def main() -> None:
    """Parse the command line and make what it asks for."""
    parser = argparse.ArgumentParser(description="Make the sample pictures and the sample clip.")
    parser.add_argument("--out", type=Path, default=Path(__file__).resolve().parent, help="where to put them")
    parser.add_argument("--flow", action="store_true", help="write the true motion to OUT/flow, and nothing else")
    parser.add_argument("--size", type=size, default=SIZE, help="size of the clip (320x180)")
    parser.add_argument("--frames", type=int, default=FRAMES, help=f"frames of the clip ({FRAMES})")
    parser.add_argument("--only", choices=["clip.mp4", *PICTURES], help="make just this file")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    if arguments.flow:
        write_truth(arguments.out / "flow", arguments.frames, *arguments.size)
        return
    for name in [arguments.only] if arguments.only else ["clip.mp4", *PICTURES]:
        if name == "clip.mp4":
            write_clip(arguments.out / name, arguments.frames, *arguments.size)
        else:
            write_picture(arguments.out / name)
        print(arguments.out / name)


if __name__ == "__main__":
    main()
