"""A bank of clean plates to paste into real scenes: rendered ones and real
frontal crops, kept as one file of pixels and one of shapes.
"""

import json
from pathlib import Path

import cv2
import numpy as np

WIDEST = 256


def save(folder, name, images):
    """Write plates (BGR, at most 256 px wide) as folder/name.{bin,json}."""
    shapes = []
    with open(Path(folder) / f"{name}.bin", "wb") as out:
        for image in images:
            if image.shape[1] > WIDEST:
                scale = WIDEST / image.shape[1]
                image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
            out.write(np.ascontiguousarray(image).tobytes())
            shapes.append(image.shape[:2])
    (Path(folder) / f"{name}.json").write_text(json.dumps(shapes))


class Bank:
    """All plates of the given names, drawn with a weight a name."""

    def __init__(self, folder, weights):
        self.parts, self.weights = [], []
        for name, weight in weights.items():
            path = Path(folder) / f"{name}.json"
            if not path.exists():
                continue
            shapes = json.loads(path.read_text())
            starts = np.concatenate(([0], np.cumsum([h * w * 3 for h, w in shapes])))
            self.parts.append((np.memmap(Path(folder) / f"{name}.bin", np.uint8, "r"), shapes, starts))
            self.weights.append(weight)
        self.weights = np.array(self.weights) / max(sum(self.weights), 1e-9)

    def __bool__(self):
        return bool(self.parts)

    def draw(self, rng):
        """One plate, [h, w, 3] BGR."""
        pixels, shapes, starts = self.parts[rng.choice(len(self.parts), p=self.weights)]
        i = rng.integers(len(shapes))
        return pixels[starts[i] : starts[i + 1]].reshape(*shapes[i], 3)
