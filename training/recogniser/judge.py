"""Makes a judging set of the held-out pictures with other serials: python -m recogniser.judge --data SETS --holdout holdout.json --reads READS --plates CACHE --out DIR.

The held-out cars of incar_romania are few, and what was tried was chosen with them in view. Here rendered plates stand in their
place, in their light and as sharp as they were (reader.transplant): as many serials as wanted, with texts that are right. DIR is then
a set for `make accuracy`. CACHE holds plates that no reader has learned from (recogniser.cache with a seed of its own); READS/incar_romania.jsonl
is what `alpr read --json --min-confidence 0` says of the set, for the corners.
"""
import argparse
import json
import os
import re

import cv2
import numpy as np

from . import sets
from .plates import Cache
from .transplant import transplant

NAME = "incar_romania"


def places(data, blocks, reads, width, unreadable=False):
    """Picture -> the corners of its plates of that width and more, where the program found them: of those with a text, and of the unreadable if asked for."""
    said, out = sets.reads_of(reads, NAME), {}
    for r, p in sets.labels(data, NAME):
        if r["image"] not in blocks or not (p.get("text") or unreadable):
            continue
        found = max(said.get(r["image"], []), key=lambda f: sets.overlap(f[0], p["box"]), default=None)
        if found and sets.overlap(found[0], p["box"]) >= .45 and found[0][2] >= width:
            out.setdefault(r["image"], []).append(found[1])
    return out


def stage(rng, image, quads, cache, serial):
    """A copy of the picture with a rendered plate whose text matches the pattern `serial` at each of the quads, and its plates as in labels.jsonl."""
    plates = []
    for quad in quads:
        aspect = np.linalg.norm(quad[1] - quad[0]) / max(1.0, np.linalg.norm(quad[3] - quad[0]))
        for _ in range(200):
            drawn = cache.like(rng, np.clip(aspect, 1, 5.5) * np.exp(rng.normal(0, .1)), "RO")
            if drawn and serial.fullmatch(drawn[1]):
                break
        else:
            raise ValueError(f"no rendered plate of the shape {aspect:.1f} has a text like {serial.pattern}: render more with python -m recogniser.cache --countries RO")
        over = transplant(rng, image, quad, drawn[0])
        if over is None:
            continue
        (x, y), (w, h) = quad.min(0).tolist(), np.ptp(quad, 0).tolist()
        image, plates = over, plates + [dict(box=[x, y, w, h], text=drawn[1], region="RO")]
    return image, plates


def main():
    p = argparse.ArgumentParser(description=__doc__)
    for name in ("data", "holdout", "reads", "plates", "out"):
        p.add_argument("--" + name, required=True)
    p.add_argument("--copies", type=int, default=20, help="of each held-out picture")
    p.add_argument("--width", type=int, default=45, help="px of the narrowest plate that is replaced")
    p.add_argument("--unreadable", action="store_true", help="replace plates without a text too")
    p.add_argument("--serial", default=r"(B\d{2,3}|[A-Z]{2}\d{2})[A-Z]{3}", help="pattern of the texts taken; the default is what Romania issues today")
    p.add_argument("--seed", type=int, default=5)
    a = p.parse_args()
    with open(a.holdout) as f:
        blocks = set(json.load(f)["images"])
    cache, rng, n = Cache([a.plates]), np.random.default_rng(a.seed), 0
    cache.look()
    os.makedirs(os.path.join(a.out, "images"))
    with open(os.path.join(a.out, "labels.jsonl"), "w") as f:
        for name, quads in places(a.data, blocks, a.reads, a.width, a.unreadable).items():
            original = cv2.imread(os.path.join(a.data, NAME, name))
            for copy in range(a.copies):
                image, plates = stage(rng, original, quads, cache, re.compile(a.serial))
                if not plates:
                    continue
                to = f"images/{os.path.splitext(os.path.basename(name))[0]}_{copy}.png"
                cv2.imwrite(os.path.join(a.out, to), image)
                f.write(json.dumps(dict(image=to, width=image.shape[1], height=image.shape[0], plates=plates)) + "\n")
                n += len(plates)
    print(f"{n} plates")


if __name__ == "__main__":
    main()
