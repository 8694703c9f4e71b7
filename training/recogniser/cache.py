"""Renders plates into a growing cache: python -m recogniser.cache --fonts DIR --out DIR [--count N].

Each shard is an .npz-free pair: NAME.npy (uint8 [n,80,240,3], plates stretched to one size) and NAME.json (text, region,
aspect, layout of each). A shard appears under its name only when it is whole, so a training may read while this runs.
"""
import argparse
import json
import os

import cv2
import numpy as np

from render import Renderer

SHAPE = (80, 240)


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--fonts", required=True)
    p.add_argument("--out", required=True)
    p.add_argument("--count", type=int, default=60000)
    p.add_argument("--shard", type=int, default=2000)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--countries", default="", help="only these, blank-separated; default the training mix")
    p.add_argument("--two", action="store_true", help="only plates in two lines, most of them European")
    a = p.parse_args()
    cv2.setNumThreads(1)
    os.makedirs(a.out, exist_ok=True)
    renderer = Renderer(a.fonts)
    for s in range(a.count // a.shard):
        name = os.path.join(a.out, f"plates-{a.seed:03d}-{s:03d}")
        if os.path.exists(name + ".json"):
            continue
        write_shard(renderer, np.random.default_rng([a.seed, s]), name, a.shard, a.countries.split(), True if a.two else None)


def write_shard(renderer, rng, name, n, countries, two=None):
    """One shard of n plates."""
    images, meta = np.empty((n, *SHAPE, 3), np.uint8), []
    for i in range(n):
        p = renderer.render(rng, countries[rng.integers(len(countries))] if countries else None, two)
        image = p.image
        if not p.layout.startswith(("us", "any")) and rng.random() < .35:
            image = renderer.hold(rng, p)[0]
        h, w = image.shape[:2]
        images[i] = cv2.resize(image, SHAPE[::-1], interpolation=cv2.INTER_AREA)
        meta.append([p.text, p.region, round(w / h, 3), p.layout])
    np.save(name + ".npy", images)
    with open(name + ".tmp", "w") as f:
        json.dump(meta, f)
    os.rename(name + ".tmp", name + ".json")


if __name__ == "__main__":
    main()
