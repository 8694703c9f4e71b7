"""Endless batches of training crops."""

import cv2
import numpy as np
import torch

from . import augment
from .bank import Bank
from .pictures import Pictures

# How often each set is drawn, and how small (native px) an unboxed plate may be in it.
SETS = {
    "incar_romania": (0.15, 55),
    "world_433": (0.15, 30),
    "world_openimages": (0.12, 26),
    "street_openimages": (0.28, 26),
    "world_openlpr": (0.14, 30),
    "us_road": (0.05, 30),
    "close_320": (0.07, 30),
    "poland_wide": (0.02, 30),
    "background": (0.02, 0),
}
SQUARED = {"world_openimages": (1.0, 1.45), "us_road": (1.0, 1.3), "close_320": (1.0, 1.4)}  # by how much pictures may have been squeezed into squares
# Crop (h, w), crops a batch, plate widths (log-uniform), share of batches.
SHAPES = (
    ((256, 256), 24, (13, 130), 0.50),
    ((352, 448), 10, (18, 320), 0.30),
    ((384, 768), 5, (24, 640), 0.20),
)
MOST = 16  # plates, and ignored areas, kept of one crop


class Sampler:
    """Draws crops from the picture cache; one per worker, own random stream."""

    def __init__(self, cache, seed, composite=0.4, sets=SETS):
        self.pictures = Pictures(cache)
        self.bank = Bank(cache, {"rendered": 0.65, "us_states": 0.35})
        self.rng = np.random.default_rng(seed)
        self.composite = composite if self.bank else 0
        self.sets = dict(sets)
        self.members = {k: [i for i, e in enumerate(self.pictures.entries) if e["set"] == k] for k in sets}
        self.names = [k for k in sets if self.members[k]]
        weights = np.array([sets[k][0] for k in self.names])
        self.weights = weights / weights.sum()

    def window(self, size, widths):
        """A crop of one picture around a plate, or anywhere."""
        rng = self.rng
        kind = self.names[rng.choice(len(self.names), p=self.weights)]
        i = self.members[kind][rng.integers(len(self.members[kind]))]
        picture, entry = self.pictures.image(i), self.pictures.entries[i]
        boxes = entry["boxes"]
        h, w = size
        if len(boxes) and rng.random() < 0.85:
            box = boxes[rng.integers(len(boxes))]
            wide = max(box[2] - box[0], 1.5 * (box[3] - box[1]), 4)
            scale = np.exp(rng.uniform(np.log(widths[0]), np.log(widths[1]))) / wide
            scale = min(scale, rng.uniform(1.2, 2.2 if w < 700 else 4), 0.95 * w / wide)
            room = np.maximum((w - wide * scale, h - (box[3] - box[1]) * scale), 0) / scale / 2
            centre = (box[:2] + box[2:]) / 2 + rng.uniform(-1, 1, 2) * room * 0.97
        else:
            scale = np.exp(rng.uniform(np.log(0.25), np.log(1.5)))
            scale = max(scale, 0.6 * min(h / picture.shape[0], w / picture.shape[1]))
            centre = rng.uniform(0, 1, 2) * (picture.shape[1], picture.shape[0])
        squeeze = np.exp(rng.normal(0, 0.06)) * (rng.uniform(0.5, 0.85) if rng.random() < 0.12 else 1)  # seen from aside
        if kind in SQUARED:
            squeeze *= rng.uniform(*SQUARED[kind])
        scales = np.array((scale * np.sqrt(squeeze), scale / np.sqrt(squeeze)))
        room = np.array((w, h)) / scales / 2
        whole = np.array((picture.shape[1], picture.shape[0]))
        centre = np.where(whole > 2 * room, np.clip(centre, room, np.maximum(whole - room, room)), centre)
        crop = augment.cut(picture, lambda: self.pictures.half(i), boxes, entry["ignore"], size, centre, scales)
        low = np.clip((room - centre) * scales, 0, (w, h))
        high = np.clip((whole - centre + room) * scales, 0, (w, h))
        crop["covered"] = [int(v) for v in (*low, *high)]
        crop["small"] = self.sets[kind][1] * scale
        if rng.random() < self.composite:
            for j in range(len(crop["boxes"])):
                if rng.random() < 0.9:
                    augment.paste(crop, augment.negative(self.bank.draw(rng), rng), j, rng)
        return crop

    def fill(self, size, widths):
        """A window, and where its picture ends, other windows beside it."""
        crop = self.window(size, widths)
        left, top, right, bottom = crop.pop("covered")
        parts, (h, w) = [(crop, 0, 0)], size
        strips = [(left * h, 0, 0, left, h), ((w - right) * h, right, 0, w, h)]
        strips += [(top * (right - left), left, 0, right, top), ((h - bottom) * (right - left), left, bottom, right, h)]
        for area, x1, y1, x2, y2 in strips:
            if area > 0 and min(x2 - x1, y2 - y1) >= 40:
                parts.append((self.fill((y2 - y1, x2 - x1), widths), x1, y1))
        return merge(parts) if len(parts) > 1 else crop

    def crop(self, size, widths):
        """One finished crop."""
        rng = self.rng
        crop = self.fill(size, widths)
        if rng.random() < 0.3:
            augment.turn(crop, rng)
        if rng.random() < 0.3:
            augment.flip(crop)
        augment.settle(crop)
        augment.degrade(crop, rng)
        return crop

    def batch(self, shape=None):
        """A batch as tensors: uint8 pictures [N,H,W,3] and the truth loss.measure wants."""
        size, count, widths, _ = shape or SHAPES[self.rng.choice(len(SHAPES), p=[s[3] for s in SHAPES])]
        return collate([self.crop(size, widths) for _ in range(count)])


def merge(parts):
    """Crops (crop, x, y) laid over the first one."""
    out = {"image": parts[0][0]["image"], "small": max(p["small"] for p, _, _ in parts)}
    kept = {k: [] for k in ("boxes", "corners", "known", "ignore")}
    for n, (part, x, y) in enumerate(parts):
        if n:
            augment.settle(part)
            h, w = part["image"].shape[:2]
            out["image"][y : y + h, x : x + w] = part["image"]
        kept["boxes"].append(part["boxes"] + np.array([x, y] * 2, np.float32))
        kept["ignore"].append(part["ignore"] + np.array([x, y] * 2, np.float32))
        kept["corners"].append(part["corners"] + np.array([x, y] * 4, np.float32))
        kept["known"].append(part["known"])
    out.update({k: np.concatenate(v).astype(v[0].dtype) for k, v in kept.items()})
    return out


def collate(crops):
    """Pad the plates of several crops into tensors."""
    n = len(crops)
    truth = {
        "boxes": torch.zeros(n, MOST, 4),
        "corners": torch.zeros(n, MOST, 8),
        "known": torch.zeros(n, MOST, dtype=torch.bool),
        "valid": torch.zeros(n, MOST, dtype=torch.bool),
        "ignore": torch.full((n, MOST, 4), -9.0),
        "small": torch.tensor([c["small"] for c in crops], dtype=torch.float32),
    }
    for i, crop in enumerate(crops):
        m, k = min(len(crop["boxes"]), MOST), min(len(crop["ignore"]), MOST)
        for key in ("boxes", "corners", "known"):
            truth[key][i, :m] = torch.from_numpy(crop[key][:m])
        truth["valid"][i, :m] = True
        truth["ignore"][i, :k] = torch.from_numpy(crop["ignore"][:k])
    return torch.from_numpy(np.stack([c["image"] for c in crops])), truth


class Stream(torch.utils.data.IterableDataset):
    """The sampler as a dataset of whole batches."""

    def __init__(self, cache, seed, composite):
        self.arguments = (cache, seed, composite)

    def __iter__(self):
        cv2.setNumThreads(1)
        cache, seed, composite = self.arguments
        worker = torch.utils.data.get_worker_info()
        sampler = Sampler(cache, (seed, worker.id if worker else 0), composite)
        while True:
            yield sampler.batch()
