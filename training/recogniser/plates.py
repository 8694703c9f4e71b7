"""The rendered plates that recogniser.cache has put on disk."""

import glob
import json
import os

import numpy as np


class Cache:
    """The rendered plates on disk; look() takes up shards that have appeared since."""

    def __init__(self, folders):
        self.folders, self.shards, self.seen = folders, {f: [] for f in folders}, set()
        self.shapes, self.homes = {}, {}

    def look(self):
        for folder in self.folders:
            for path in sorted(set(glob.glob(os.path.join(folder, "*.json"))) - self.seen):
                self.seen.add(path)
                with open(path) as f:
                    shard = np.load(path[:-5] + ".npy", mmap_mode="r"), json.load(f)
                self.shards[folder].append(shard)
                for i, (_, region, aspect, _) in enumerate(shard[1]):
                    self.shapes.setdefault(shape(aspect), []).append((shard, i))
                    self.homes.setdefault((region, shape(aspect)), []).append((shard, i))
        return len(self.seen)

    def draw(self, rng):
        """A plate of a folder that has any, every folder as often: picture, text, region, aspect, whether its text is one line."""
        filled = [s for s in self.shards.values() if s]
        shards = filled[rng.integers(len(filled))]
        images, meta = shards[rng.integers(len(shards))]
        return self.plate((images, meta), int(rng.integers(len(meta))))

    def like(self, rng, aspect, region=None):
        """A plate of about this aspect, of a region if there is one; None where there is none of the shape."""
        found = self.homes.get((region, shape(aspect))) or self.shapes.get(shape(aspect))
        return self.plate(*found[rng.integers(len(found))]) if found else None

    @staticmethod
    def plate(shard, i):
        text, region, aspect, layout = shard[1][i]
        return shard[0][i], text, region, aspect, not layout.endswith("-2")


def shape(aspect):
    """Aspects within 20 % of each other."""
    return round(np.log(aspect) / .2)
