"""A bank of clean plates to paste into real scenes: rendered ones and real
frontal crops, kept as one file of pixels and one of shapes.

python -m detector.bank --data SETS --fonts FONTS --out FOLDER writes `rendered`
(half of them European and of other countries) and `us_states` (the real crops).
"""

import argparse
import json
from pathlib import Path

import cv2
import numpy as np

from .pictures import read_labels

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


def drawn(renderer, rng, count, countries=()):
    """Rendered plates of the training mix; every other one of the countries, if any."""
    for i in range(count):
        yield renderer.render(rng, countries[rng.integers(len(countries))] if countries and i % 2 else None).image


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--data", required=True, help="folder of the plate sets")
    p.add_argument("--fonts", required=True, help="folder of plate typefaces")
    p.add_argument("--out", required=True)
    p.add_argument("--count", type=int, default=12000)
    p.add_argument("--seed", type=int, default=1)
    args = p.parse_args()
    from render import Renderer

    cv2.setNumThreads(1)
    Path(args.out).mkdir(parents=True, exist_ok=True)
    renderer, rng = Renderer(args.fonts), np.random.default_rng(args.seed)
    elsewhere = "DE PL RO NL FR IT ES PT CZ AT SE GB BR MX".split()
    save(args.out, "rendered", drawn(renderer, rng, args.count, elsewhere))
    pictures = (cv2.imread(label["path"]) for label in read_labels(Path(args.data) / "us_states"))
    save(args.out, "us_states", (i for i in pictures if i is not None))


if __name__ == "__main__":
    main()
