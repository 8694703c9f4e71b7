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


def picture(path) -> np.ndarray:
    """A picture, BGR."""
    im = cv2.imread(path)
    if im is None:
        raise ValueError(f"read {path}: it is no picture")
    return im


def whole(data, name):
    """Crops of a set whose pictures are one plate each."""
    out = []
    for r, p in labels(data, name):
        im = picture(os.path.join(data, name, r["image"]))
        h, w = im.shape[:2]
        if w > 320:
            im = cv2.resize(im, (320, int(h * 320 / w)), interpolation=cv2.INTER_AREA)
            h, w = im.shape[:2]
        quad = np.array([[0, 0], [w, 0], [w, h], [0, h]], np.float32)
        out.append(Crop(im, quad, p.get("text", ""), p.get("region", ""), name, r["image"]))
    return out


SURE = .9  # the confidence from which a read of the program may serve as a text


def reads_of(folder, name):
    """Picture -> what `alpr read --json` said of it, from folder/NAME.jsonl; nothing without a folder."""
    out = {}
    if folder and os.path.exists(path := os.path.join(folder, name + ".jsonl")):
        with open(path) as f:
            for r in map(json.loads, f):
                if r.get("box"):
                    box = [r["box"][k] for k in "xywh"]
                    quad = np.float32([[c["x"], c["y"]] for c in r["corners"]])
                    out.setdefault("images/" + os.path.basename(r["image"]), []).append((box, quad, r.get("text", ""), r.get("confidence") or 0.0))
    return out


def overlap(a, b):
    """Intersection over union of two boxes x, y, w, h."""
    x = max(0.0, min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0]))
    y = max(0.0, min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1]))
    return x * y / max(a[2] * a[3] + b[2] * b[3] - x * y, 1e-9)


def by_eye(path):
    """(set, picture, box) -> text of the labels that a person gave by looking ("" where nothing can be read), from a file of JSON lines
    {"set", "image", "box", "text", "who", "how"}; nothing without a file. Such a file holds texts of real plates: it stays beside the sets, outside the project."""
    out = {}
    if path:
        with open(path) as f:
            for r in map(json.loads, f):
                if not r["who"] or not r["how"]:
                    raise ValueError(f"{path}: say who labelled {r['image']}, and how")
                out[r["set"], r["image"], tuple(r["box"])] = r["text"]
    return out


def boxed(data, name, context=.35, reads=None, least=SURE, seen=None):
    """Crops of the plates with a text in a set of scenes with boxes, with context around them. reads is a folder of `alpr read --json`
    (NAME.jsonl): where the program found the plate its corners are taken for the box's, and what it read with a confidence of least or more for a text that is not there.
    seen are labels of by_eye, which count before that."""
    out, last, said, seen = [], ("", np.empty(0)), reads_of(reads, name), seen or {}
    for r, p in labels(data, name):
        if "box" not in p:
            continue
        x, y, w, h = p["box"]
        quad = np.float32([[x, y], [x + w, y], [x + w, y + h], [x, y + h]])
        eye = seen.get((name, r["image"], tuple(p["box"])))
        text = p.get("text", "") if eye is None else eye
        found = max(said.get(r["image"], []), key=lambda f: overlap(f[0], p["box"]), default=None)
        if found and overlap(found[0], p["box"]) >= .45:
            quad = found[1]
            text = text or (found[2] if found[3] >= least and eye is None else "")
        if not text:
            continue
        if last[0] != r["image"]:
            last = r["image"], picture(os.path.join(data, name, r["image"]))
        out.append(around(last[1], quad, context, text, p.get("region", ""), name, r["image"]))
    return out


def around(im, quad, context, text, region, source, name):
    """The Crop of a plate of a picture, its pixels at most 320 to the plate's width."""
    (x, y), (w, h) = quad.min(0), np.ptp(quad, 0)
    dx, dy = w * context, h * context
    x0, y0 = max(0, int(x - dx)), max(0, int(y - dy))
    c = im[y0:int(y + h + dy) + 1, x0:int(x + w + dx) + 1]
    quad, f = quad - np.float32([x0, y0]), min(1.0, 320 / w)
    if f < 1:
        c = cv2.resize(c, None, fx=f, fy=f, interpolation=cv2.INTER_AREA)
        quad = quad * f
    return Crop(np.ascontiguousarray(c), quad, text, "" if region == "mixed" else region, source, name)


def held_out(text, share=.07):
    """Splits by the text, so that no plate is on both sides."""
    return zlib.crc32(("hold" + text).encode()) % 1000 < share * 1000


# Training sets of scenes, or of crops with a wide margin, whose plates have boxes; a share of them is held out by text.
SCENES = ("world_433", "world_openimages", "street_openimages", "world_openlpr", "world_openlpr_crops", "us_road", "close_320", "poland_wide")


def load(data, holdout, pseudo=None, reads=None, seen=None):
    """(train, val): lists of Crops. pseudo is a file of recogniser.pseudo, reads a folder of `alpr read --json` of the training scenes, seen a file of by_eye, or None.
    val holds the incar_romania blocks of `holdout` (a JSON file with "images") and a share of the other training sets by text: those with a text
    of their own, at their corners where reads say these; sets marked `validate` are not touched here, nor is a set that is not there."""
    with open(holdout) as f:
        blocks = set(json.load(f)["images"])
    train, val, seen = [], [], by_eye(seen)
    for c in whole(data, "us_states"):
        (val if c.text and held_out(c.text) else train).append(c)
    for name in present(data):
        val += [c for c in boxed(data, name, reads=reads, least=2) if held_out(c.text)]
        train += [c for c in boxed(data, name, reads=reads, seen=seen) if not held_out(c.text)]
    ride = settle(boxed(data, "incar_romania"))
    judged = {c.text for c in ride if c.name in blocks}
    val += [c for c in ride if c.name in blocks]
    train += apart(settle(boxed(data, "incar_romania", reads=reads)), blocks, judged)
    if pseudo:
        with open(pseudo) as f:
            texts = json.load(f)
        for c in train:
            c.text = c.text or texts.get(c.key, "")
    return train, val


def present(data):
    """Those of SCENES that are in the folder of sets."""
    return [name for name in SCENES if os.path.exists(os.path.join(data, name, "labels.jsonl"))]


def apart(ride, blocks, judged):
    """The crops of a ride that are in none of its held-out pictures (blocks), and have none of the texts judged there, nor one an edit away."""
    return [c for c in ride if c.name not in blocks and not any(t == c.text or near(t, c.text) for t in judged)]


def hosts(data, holdout, reads, width=34, least=.2):
    """Crops of plates of training scenes, width px wide and more, in whose place others may be drawn: those with a text, and those that the
    program read with some confidence; none of a held-out picture or text. Without reads there are none, as boxes are not corners."""
    if not reads:
        return []
    with open(holdout) as f:
        blocks = set(json.load(f)["images"])
    judged = {c.text for c in settle(boxed(data, "incar_romania")) if c.name in blocks}
    out = [c for name in present(data) for c in boxed(data, name, reads=reads, least=least) if not held_out(c.text)]
    out += apart(boxed(data, "incar_romania", reads=reads, least=least), blocks, judged)
    return [c for c in out if np.linalg.norm(c.quad[1] - c.quad[0]) >= width]


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
        c.text = max((t for t in count if t == c.text or near(t, c.text) and count[t] >= 2 * count[c.text]), key=lambda t: count[t])
    return crops


def regions():
    """ISO codes in the order of the region head; the last, "", is unknown."""
    from render import formats
    out = [f"US-{s}" for s in formats.US] + [f"CA-{p}" for p in formats.CANADA] + list(formats.EUROPE)
    for k in formats.WORLD:
        if k[:2] not in out:
            out.append(k[:2])
    return out + [""]
