"""An endless stream of training batches: rendered plates from the cache beside real crops, degraded anew each time."""

import cv2
import numpy as np
import torch

from . import sets
from .degrade import degrade
from .plates import Cache
from .shape import SLOTS
from .texts import encode, rarity, unsure
from .transplant import transplant

# The parts of the samples; "… seen" are rendered plates in place of the real ones of a scene (see transplant).
SHARES = {"rendered": .34, "us_states": .22, "nameless": .02, "incar_romania": .04, "world": .13, "cut out": .09, "incar_romania seen": .05, "world seen": .11}
SEEN = ["incar_romania seen", "world seen"]
# What a training can be told to do without, to see what it is worth.
WITHOUT = {"rendered": ["rendered", *SEEN], "real": ["us_states", "nameless", "incar_romania", "world", "cut out", *SEEN], "us_states": ["us_states", "nameless"],
           "road": ["incar_romania", "world", "cut out", *SEEN], "transplants": SEEN, "degradation": [], "blur": []}


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
                raise FileNotFoundError(f"no rendered plates in {', '.join(self.cache.folders)}: run python -m recogniser.cache first")
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
        region = c.region if c.region and c.region in self.regions else None
        return degrade(rng, c.image, c.quad, aspect, self.ease * .9, around, blur=self.blur), text, region, c.source == "us_states" or c.aspect > 2.2

    def planted(self, rng, hosts):
        """A sample of a rendered plate in place of a real one of hosts."""
        for _ in range(1000):
            c = hosts[rng.integers(len(hosts))]
            drawn = self.cache.like(rng, c.aspect * np.exp(rng.normal(0, .1)), "RO" if c.source == "incar_romania" and rng.random() < .6 else None)
            image = transplant(rng, c.image, c.quad, drawn[0]) if drawn else None
            if image is not None:
                return degrade(rng, image, c.quad, c.aspect, self.ease * .55, blur=self.blur), drawn[1], drawn[2], drawn[4]
        raise ValueError(f"no rendered plate has the shape of any of {len(hosts)} real ones: render more with python -m recogniser.cache")


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
