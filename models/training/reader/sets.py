"""The real pictures: which are trained on, which are held out, which only judge. Nothing here leaves the caches."""
import json
import os
import zlib
from collections import Counter
from dataclasses import dataclass

import cv2
import numpy as np


@dataclass
class Crop:
    """A real plate: picture with some context, its corners in it, text ("" unknown), region ("" unknown), where from."""
    image: np.ndarray
    quad: np.ndarray
    text: str
    region: str
    source: str
    name: str

    @property
    def key(self):
        """Names the crop within all sets."""
        return f"{self.source}/{self.name}#{','.join(str(int(v)) for v in self.quad[0])}"

    @property
    def aspect(self):
        q = self.quad
        return float(np.clip(np.linalg.norm(q[1] - q[0]) / max(1.0, np.linalg.norm(q[3] - q[0])), 1.0, 5.5))


def labels(data, name):
    """(image record, plate record) of every plate of a set."""
    with open(os.path.join(data, name, "labels.jsonl")) as f:
        for line in f:
            r = json.loads(line)
            for p in r["plates"]:
                yield r, p


def whole(data, name):
    """Crops of a set whose pictures are one plate each."""
    out = []
    for r, p in labels(data, name):
        im = cv2.imread(os.path.join(data, name, r["image"]))
        h, w = im.shape[:2]
        if w > 320:
            im = cv2.resize(im, (320, int(h * 320 / w)), interpolation=cv2.INTER_AREA)
            h, w = im.shape[:2]
        quad = np.float32([[0, 0], [w, 0], [w, h], [0, h]])
        out.append(Crop(im, quad, p.get("text", ""), p.get("region", ""), name, r["image"]))
    return out


def boxed(data, name, context=.35, need_text=True):
    """Crops of a set of scenes with boxes, with context around the box."""
    out, last = [], (None, None)
    for r, p in labels(data, name):
        if need_text and not p.get("text") or "box" not in p:
            continue
        if last[0] != r["image"]:
            last = r["image"], cv2.imread(os.path.join(data, name, r["image"]))
        im = last[1]
        x, y, w, h = p["box"]
        dx, dy = w * context, h * context
        x0, y0 = max(0, int(x - dx)), max(0, int(y - dy))
        c = im[y0:int(y + h + dy) + 1, x0:int(x + w + dx) + 1]
        quad = np.float32([[x, y], [x + w, y], [x + w, y + h], [x, y + h]]) - np.float32([x0, y0])
        f = min(1.0, 320 / w)
        if f < 1:
            c = cv2.resize(c, None, fx=f, fy=f, interpolation=cv2.INTER_AREA)
            quad = quad * f
        region = p.get("region", "")
        out.append(Crop(np.ascontiguousarray(c), quad, p.get("text", ""), "" if region == "mixed" else region, name, r["image"]))
    return out


def held_out(text, share=.07):
    """Splits by the text, so that no plate is on both sides."""
    return zlib.crc32(("hold" + text).encode()) % 1000 < share * 1000


def load(data, holdout, pseudo=None):
    """(train, val): lists of Crops. pseudo is a file of reader.pseudo or None. val holds the incar_romania blocks of `holdout` (a JSON file with "images") and a
    share of the other training sets by text; sets marked `validate` are not touched here."""
    with open(holdout) as f:
        blocks = set(json.load(f)["images"])
    train, val = [], []
    for c in whole(data, "us_states") + boxed(data, "world_433") + boxed(data, "world_openimages"):
        (val if c.text and held_out(c.text) else train).append(c)
    ride = settle(boxed(data, "incar_romania"))
    judged = {c.text for c in ride if c.name in blocks}
    train += [c for c in ride if c.name not in blocks and c.text not in judged]
    if pseudo:
        train = with_pseudo(data, train, pseudo)
    return train, val + [c for c in ride if c.name in blocks]


def with_pseudo(data, train, pseudo):
    """train with the texts that an earlier reader gave to crops without one."""
    with open(pseudo) as f:
        texts = json.load(f)
    for c in train:
        c.text = c.text or texts.get(c.key, "")
    for name in ("world_433", "world_openimages", "street_openimages"):
        for c in boxed(data, name, need_text=False):
            if not c.text and c.key in texts and not held_out(texts[c.key]):
                c.text = texts[c.key]
                train.append(c)
    return train


def near(a, b):
    """Whether two texts differ by one substitution, insertion or deletion."""
    if abs(len(a) - len(b)) > 1 or a == b:
        return False
    i = 0
    while i < min(len(a), len(b)) and a[i] == b[i]:
        i += 1
    return a[i + 1:] == b[i + 1:] or a[i:] == b[i + 1:] or a[i + 1:] == b[i:]


def settle(crops):
    """Makes the labels of one plate the same over its frames: a text that is one edit from one seen at least twice as
    often is taken as that one (the readers that labelled incar_romania differ from frame to frame)."""
    count = Counter(c.text for c in crops)
    for c in crops:
        c.text = max((t for t in count if t == c.text or near(t, c.text) and count[t] >= 2 * count[c.text]), key=count.get)
    return crops


def regions():
    """ISO codes in the order of the region head; the last, "", is unknown."""
    from render import formats
    out = [f"US-{s}" for s in formats.US] + [f"CA-{p}" for p in formats.CANADA] + list(formats.EUROPE)
    for k in formats.WORLD:
        if k[:2] not in out:
            out.append(k[:2])
    return out + [""]
