"""Renders the demo drive: `python -m make OUT [--still SECOND]`, from the folder demo/. Needs numpy, OpenCV and ffmpeg."""
import argparse
import json
import multiprocessing
import pathlib
import tempfile

import cv2

from . import nmea
from .render import World, encode, frame, render, truth


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=pathlib.Path, help="folder for drive.mp4, drive.truth.jsonl and drive.nmea")
    parser.add_argument("--still", type=float, action="append", help="write only the picture of this second, as a PNG; may be given more than once")
    parser.add_argument("--jobs", type=int, default=multiprocessing.cpu_count(), help="processes to render with (default: one a core)")
    args = parser.parse_args()
    if args.still:
        world = World()
        for t in args.still:
            cv2.imwrite(str(args.out / f"still-{t:05.2f}.png"), frame(world, t))
        return
    with open(args.out / "drive.truth.jsonl", "w", encoding="utf-8") as f:
        f.writelines(json.dumps(row) + "\n" for row in truth(World()))
    with open(args.out / "drive.nmea", "w", encoding="ascii", newline="") as f:
        f.writelines(nmea.log())
    with tempfile.TemporaryDirectory() as folder:
        render(f"{folder}/drive.mkv", args.jobs)
        encode(f"{folder}/drive.mkv", str(args.out / "drive.mp4"), f"{folder}/pass")


if __name__ == "__main__":
    main()
