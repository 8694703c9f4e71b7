"""An endless stream of training batches: rendered plates from the cache beside real crops, degraded anew each time."""
import glob
import json
import os
import re
from collections import Counter

import cv2
import numpy as np
import torch

from . import sets
from .degrade import degrade
from .net import ALPHABET, PAD, SLOTS
from .transplant import transplant

INDEX = {c: i for i, c in enumerate(ALPHABET)}
# The parts of the samples; "… seen" are rendered plates in place of the real ones of a scene (see transplant).
SHARES = {"rendered": .37, "us_states": .17, "nameless": .02, "incar_romania": .04, "world": .13, "cut out": .1, "incar_romania seen": .05, "world seen": .12}
SEEN = ["incar_romania seen", "world seen"]
# What a training can be told to do without, to see what it is worth.
WITHOUT = {"rendered": ["rendered", *SEEN], "real": ["us_states", "nameless", "incar_romania", "world", "cut out", *SEEN], "us_states": ["us_states", "nameless"],
           "road": ["incar_romania", "world", "cut out", *SEEN], "transplants": SEEN, "degradation": [], "blur": []}


def encode(text):
    """Slot targets of a text; -100 (not counted) everywhere where the text is not known."""
    if not text:
        return [-100] * SLOTS
    return ([INDEX[c] for c in text[:SLOTS]] + [PAD] * SLOTS)[:SLOTS]


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


class Stream(torch.utils.data.IterableDataset):
    """Batches (pictures uint8 [B,3,64,160] channels-last, slot targets, region targets, whether the text is surely one line; -100 is not counted).

    The first `gentle` batches grow from mild to full degradation."""

    def __init__(self, train, cache, batch, seed, without=None, gentle=0, hosts=()):
        self.groups = {"us_states": [c for c in train if c.source == "us_states" and c.text],
                       "nameless": [c for c in train if c.source == "us_states" and not c.text],
                       "incar_romania": [c for c in train if c.source == "incar_romania"],
                       "cut out": [c for c in train if c.source == "world_openlpr_crops"],
                       "world": [c for c in train if c.source in sets.SCENES and c.source != "world_openlpr_crops"]}
        self.hosts = {SEEN[0]: [c for c in hosts if c.source == "incar_romania"], SEEN[1]: [c for c in hosts if c.source != "incar_romania"]}
        self.cache, self.batch, self.seed, self.gentle, self.ease = Cache(cache), batch, seed, gentle, 1.0
        shares = {n: v for n, v in SHARES.items() if n not in WITHOUT.get(without, []) and self.hosts.get(n, True) and self.groups.get(n, True)}
        self.names = list(shares)
        self.p = np.array([shares[n] for n in self.names]) / sum(shares.values())
        self.most = 0.0 if without == "degradation" else 1.0
        self.blur = without != "blur"
        self.odds = {n: rarity([c.text for c in g]) for n, g in self.groups.items() if g}
        self.regions = {r: i for i, r in enumerate(sets.regions())}

    def __iter__(self):
        cv2.setNumThreads(1)
        rng = np.random.default_rng(self.seed)
        real = [c for g in self.groups.values() for c in g]
        n = 0
        while True:
            if n % 100 == 0 and not self.cache.look():
                raise FileNotFoundError(f"no rendered plates in {', '.join(self.cache.folders)}: run python -m reader.cache first")
            n += 1
            self.ease = self.most * (min(1.0, .2 + .8 * n / self.gentle) if self.gentle else 1.0)
            x = np.empty((self.batch, 64, 160, 3), np.uint8)
            y, r = np.empty((self.batch, SLOTS), np.int64), np.full(self.batch, -100, np.int64)
            straight = np.empty(self.batch, bool)
            for i in range(self.batch):
                x[i], text, region, straight[i] = self.sample(rng, real)
                y[i] = encode(text)
                if region is not None:
                    r[i] = self.regions[region]
            yield torch.from_numpy(x).permute(0, 3, 1, 2), torch.from_numpy(y), torch.from_numpy(r), torch.from_numpy(straight)

    def sample(self, rng, real):
        """One degraded picture with its text, region (None: not known) and whether the text is surely one line."""
        name = self.names[rng.choice(len(self.names), p=self.p)]
        if name == "rendered":
            image, text, region, aspect, straight = self.cache.draw(rng)
            h, w = image.shape[:2]
            return degrade(rng, image, [[0, 0], [w, 0], [w, h], [0, h]], aspect, self.ease, backdrop(rng, real),
                           pink=.7 if region == "RO" else .16, blur=self.blur), text, region, straight
        if name in self.hosts:
            return self.planted(rng, self.hosts[name])
        group = self.groups[name]
        c = group[np.searchsorted(self.odds[name], rng.random())]
        around = backdrop(rng, real) if c.source == "us_states" else None
        aspect = 2.0 if c.source == "us_states" else c.aspect
        text = unsure(rng, c.text) if c.source == "us_states" else c.text
        return degrade(rng, c.image, c.quad, aspect, self.ease * .9, around, blur=self.blur), text, c.region if c.region and c.region in self.regions else None, c.source == "us_states" or c.aspect > 2.2

    def planted(self, rng, hosts):
        """A sample of a rendered plate in place of a real one of hosts."""
        for _ in range(1000):
            c = hosts[rng.integers(len(hosts))]
            drawn = self.cache.like(rng, c.aspect * np.exp(rng.normal(0, .1)), "RO" if c.source == "incar_romania" and rng.random() < .6 else None)
            image = transplant(rng, c.image, c.quad, drawn[0]) if drawn else None
            if image is not None:
                return degrade(rng, image, c.quad, c.aspect, self.ease * .55, blur=self.blur), drawn[1], drawn[2], drawn[4]
        raise ValueError(f"no rendered plate has the shape of any of {len(hosts)} real ones: render more with python -m reader.cache")


def rarity(texts):
    """Cumulative odds of drawing each text: those with characters that are seldom (a Q is, twenty times as seldom as a 1) come more often,
    by the inverse root of how often the rarest of them occurs."""
    count = Counter(c for t in texts for c in t)
    odds = np.array([max((count[c] ** -.5 for c in t), default=1.0) for t in texts])
    odds = np.cumsum(odds / odds.sum())
    return odds / odds[-1]


def unsure(rng, text):
    """The text of a personal plate (four letters and more in a row) with 0 for O now and then: American issuers differ in which of
    the two they enter where one die serves for both, so nobody who only sees the plate can be sure."""
    return text.replace("O", "0") if "O" in text and re.search("[A-Z]{4}", text) and rng.random() < .35 else text


def backdrop(rng, real):
    """What surrounds a plate: a piece of a real picture, or a plain shade."""
    if rng.random() < .4:
        return np.full((2, 2, 3), rng.integers(0, 256, 3) if rng.random() < .3 else rng.integers(0, 256), np.uint8)
    c = real[rng.integers(len(real))].image
    h, w = c.shape[:2]
    if rng.random() < .5:  # the rim of a picture: bodywork, not characters
        c = c[: max(2, h // 8)] if rng.random() < .5 else c[-max(2, h // 8):]
    else:
        x, y = rng.integers(0, max(1, w - 16)), rng.integers(0, max(1, h - 8))
        c = c[y:y + 8, x:x + 16]
    return np.ascontiguousarray(c)
