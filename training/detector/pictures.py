"""The training pictures, decoded once into one file.

`build` reads the plate sets and writes `pixels.bin` and `index.json` into a
cache folder (detector.train does it when there is none); `Pictures` opens them. Nothing here belongs in the repository:
the pictures are other people's.
"""

import json
import re
import zlib
from pathlib import Path

import cv2
import numpy as np

TRAIN_SETS = ("incar_romania", "world_433", "world_openimages", "street_openimages", "world_openlpr", "us_road", "close_320", "poland_wide")


def read_labels(folder):
    """The lines of a set's labels.jsonl, with `path` added."""
    folder = Path(folder)
    with open(folder / "labels.jsonl", encoding="utf-8") as lines:
        labels = [json.loads(line) for line in lines]
    for label in labels:
        label["path"] = str(folder / label["image"])
    return labels


def corner_boxes(label):
    """A label's boxes as x1, y1, x2, y2."""
    boxes = [p["box"] for p in label["plates"] if p.get("box")]
    return [[x, y, x + w, y + h] for x, y, w, h in boxes]


def is_held_out(label, holdout):
    """Whether a frame of the in-car set lies in a held-out stretch of a ride."""
    match = re.match(r"images/(.*)\.mp4_t_(\d+)\.jpg", label["image"])
    if not match:
        return False
    ride, second = match[1], int(match[2])
    return any(h["ride"] == ride and h["from"] <= second <= h["to"] for h in holdout["rides"])


def is_kept_aside(name):
    """Whether a picture of the other sets is for measuring: one original in twelve.

    Open Images pictures carry their id in the name, so cuts of one original stay together.
    """
    found = re.search(r"[0-9a-f]{16}", name)
    return zlib.crc32((found[0] if found else Path(name).name).encode()) % 12 == 0


def build(plates, holdout, cache, extra=()):
    """Decode every training picture into the cache; `extra` adds plate-free ones."""
    cache = Path(cache)
    cache.mkdir(parents=True, exist_ok=True)
    index, offset = [], 0
    with open(cache / "pixels.bin", "wb") as pixels:

        def add(path, name, boxes, kind):
            nonlocal offset
            picture = cv2.imread(str(path))
            if picture is None:
                raise ValueError(f"read picture {path}: not a readable image")
            pixels.write(picture.tobytes())
            index.append({"offset": offset, "shape": picture.shape, "set": kind, "image": name, "boxes": boxes})
            offset += picture.nbytes

        for kind in (k for k in TRAIN_SETS if (Path(plates) / k / "labels.jsonl").exists()):
            for label in read_labels(Path(plates) / kind):
                if kind == "incar_romania" and is_held_out(label, holdout):
                    continue
                if kind != "incar_romania" and is_kept_aside(label["image"]):
                    continue
                add(label["path"], label["image"], corner_boxes(label), kind)
        for path in extra:
            add(path, Path(path).name, [], "background")
    (cache / "index.json").write_text(json.dumps(index))
    return len(index)


class Pictures:
    """The cache opened for reading; `corrections` holds what eyes and models found.

    corrections.json maps "set/image" to {"add": boxes to learn, "ignore": boxes
    where nothing is sure, "drop": indices of wrong boxes}.
    """

    def __init__(self, cache):
        cache = Path(cache)
        self.entries = json.loads((cache / "index.json").read_text())
        self.pixels = np.fromfile(cache / "pixels.bin", np.uint8)
        self.halves = {}
        fixes = cache / "corrections.json"
        fixes = json.loads(fixes.read_text()) if fixes.exists() else {}
        self.entries = [e for e in self.entries if e["set"] in ("incar_romania", "background") or not is_kept_aside(e["image"])]
        for entry in self.entries:
            fix = fixes.get(f"{entry['set']}/{entry['image']}", {})
            dropped = set(fix.get("drop", ()))
            boxes = [b for i, b in enumerate(entry["boxes"]) if i not in dropped]
            entry["boxes"] = np.array(boxes + fix.get("add", []), np.float32).reshape(-1, 4)
            entry["ignore"] = np.array(fix.get("ignore", []), np.float32).reshape(-1, 4)

    def __len__(self):
        return len(self.entries)

    def image(self, i):
        """Picture i as [H, W, 3] BGR, not to be written to."""
        entry = self.entries[i]
        h, w, c = entry["shape"]
        return self.pixels[entry["offset"] : entry["offset"] + h * w * c].reshape(h, w, c)

    def half(self, i):
        """Picture i at half size, kept: small crops are averaged from it faster."""
        if i not in self.halves:
            image = self.image(i)
            self.halves[i] = cv2.resize(image, (image.shape[1] // 2, image.shape[0] // 2), interpolation=cv2.INTER_AREA)
        return self.halves[i]
