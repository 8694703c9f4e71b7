"""Measure an exported detector on real, held-out pictures.

python -m detector.evaluate --model detector.onnx --data PLATES --holdout FILE

Recall counts a labelled plate as found when a detection overlaps it by IoU
0.5 (0.3); the labels are loose, the detector's boxes are not. False finds are
detections that touch no labelled plate; in sets where far plates are not
labelled many of them are real plates: look at the sheet (--sheet).
"""

import argparse
import json
from pathlib import Path

import cv2
import numpy as np
import onnxruntime

from .pictures import corner_boxes, is_held_out, is_kept_aside, read_labels
from .sample import Sampler

WIDTHS = (0, 14, 20, 30, 40, 75, 100, 10000)  # px at the network's input
AREA = 960 * 544
# Held out of training, and no judge's set: the score is calibrated on them.
CALIBRATED = ("incar_holdout", "world_433 aside", "world_openimages aside", "street_openimages aside")


class Model:
    """An exported detector with threshold and non-maximum suppression."""

    def __init__(self, path, threshold=0.3, nms=0.45):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(str(path), options)
        self.threshold, self.nms = threshold, nms

    def run(self, picture, scale=None):
        """Detections [K,13] in the picture's pixels, best first; the scale used."""
        h, w = picture.shape[:2]
        scale = scale or min(1.0, (AREA / (w * h)) ** 0.5)
        small = cv2.resize(picture, (round(w * scale), round(h * scale)), interpolation=cv2.INTER_AREA) if scale != 1 else picture
        sh, sw = small.shape[:2]
        frame = np.full((-(-sh // 32) * 32, -(-sw // 32) * 32, 3), 114, np.uint8)
        frame[:sh, :sw] = small
        plates = self.session.run(None, {"image": frame[None]})[0][0]
        plates = plates[plates[:, 0] >= self.threshold]
        plates = suppress(plates[np.argsort(-plates[:, 0])], self.nms)
        plates[:, 1:] /= scale
        return plates, scale


def iou(box, boxes):
    """Overlaps of one box with many."""
    wh = np.minimum(box[2:], boxes[:, 2:]) - np.maximum(box[:2], boxes[:, :2])
    inter = wh.clip(0).prod(1)
    return inter / ((box[2:] - box[:2]).prod() + (boxes[:, 2:] - boxes[:, :2]).prod(1) - inter + 1e-9)


def suppress(plates, limit):
    """Greedy non-maximum suppression of score-sorted plates."""
    kept = []
    for plate in plates:
        if not kept or iou(plate[1:5], np.array(kept)[:, 1:5]).max() < limit:
            kept.append(plate)
    return np.array(kept).reshape(-1, 13)


def test_sets(data, holdout):
    """(name, labels, scale or None) of each set to measure."""
    data = Path(data)
    rides = [l for l in read_labels(data / "incar_romania") if is_held_out(l, holdout)]
    yield "incar_holdout", rides, None
    yield "incar_holdout small", rides, 0.4
    yield "poland_gate", read_labels(data / "poland_gate"), None
    for name in ("world_433", "world_openimages", "street_openimages"):
        yield name + " aside", [l for l in read_labels(data / name) if is_kept_aside(l["image"])], None


def measure(model, labels, scale):
    """Counts of one set: per plate (width, best IoU at threshold) and false finds (score, width, image, box)."""
    plates, false = [], []
    for label in labels:
        picture = cv2.imread(label["path"])
        found, used = model.run(picture, scale)
        boxes = np.array(corner_boxes(label), np.float32).reshape(-1, 4)
        touched = np.zeros(len(found))
        for box in boxes:
            overlaps = iou(box, found[:, 1:5]) if len(found) else np.zeros(0)
            touched = np.maximum(touched, overlaps) if len(found) else touched
            best = int(overlaps.argmax()) if len(found) else -1
            good = best >= 0 and overlaps[best] > 0
            plates.append(((box[2] - box[0]) * used, overlaps[best] if good else 0.0, found[best, 0] if good else 0.0, label, box))
        false += [(f[0], (f[3] - f[1]) * used, label, f) for f, t in zip(found, touched) if t < 0.1]
    return plates, false


def report(plates, false, pictures, at):
    """A set's figures at a score threshold."""
    width = np.array([p[0] for p in plates])
    overlap = np.array([p[1] if p[2] >= at else 0 for p in plates])
    row = {"plates": len(plates), "recall@0.5": share(overlap >= 0.5), "recall@0.3": share(overlap >= 0.3),
           "mean IoU": round(float(overlap[overlap > 0].mean()), 3) if (overlap > 0).any() else 0,
           "unlabelled/picture": round(float(sum(f[0] >= at for f in false)) / max(pictures, 1), 3)}
    for lo, hi in zip(WIDTHS, WIDTHS[1:]):
        part = (width >= lo) & (width < hi)
        if part.any():
            row[f"{lo}-{hi}" if hi < 10000 else f"{lo}+"] = f"{share(overlap[part] >= 0.3)} ({part.sum()})"
    return row


def share(mask):
    return round(100 * float(np.mean(mask)), 1) if len(mask) else None


def empty_video(model, path, every=10):
    """Detections (score, width, frame, plate) in a clip that shows no readable plate."""
    clip, finds, frames = cv2.VideoCapture(str(path)), [], 0
    index = 0
    while True:
        ok, frame = clip.read()
        if not ok:
            return finds, frames
        if index % every == 0:
            plates, used = model.run(frame)
            frames += 1
            finds += [(p[0], (p[3] - p[1]) * used, frame, p) for p in plates]
        index += 1


def unboxed(model, labels):
    """(picture, finds, scale) of pictures that show a plate whose place is not labelled."""
    rows = []
    for label in labels:
        picture = cv2.imread(label["path"])
        plates, used = model.run(picture)
        rows.append((picture, plates, used))
    return rows


def pasted_corners(model, cache, count=150):
    """Corner errors as shares of the plate's height, on freshly pasted plates whose corners are exact.

    Beside them, the error of taking the find's box for the plate.
    """
    sampler = Sampler(cache, 999, composite=1.0)
    mine, box = [], []
    for _ in range(count):
        crop = sampler.crop((352, 448), (30, 320))
        found, _ = model.run(crop["image"], 1.0)
        for corners, want, known in zip(crop["corners"], crop["boxes"], crop["known"]):
            overlaps = iou(want, found[:, 1:5]) if known and len(found) else np.zeros(1)
            if overlaps.max() < 0.5:
                continue
            plate, corners = found[overlaps.argmax()], corners.reshape(4, 2)
            high = np.linalg.norm(corners[3] - corners[0]) / 2 + np.linalg.norm(corners[2] - corners[1]) / 2
            mine.append(np.linalg.norm(plate[5:].reshape(4, 2) - corners, axis=1).mean() / high)
            straight = plate[[1, 2, 3, 2, 3, 4, 1, 4]].reshape(4, 2)
            box.append(np.linalg.norm(straight - corners, axis=1).mean() / high)
    return {"plates": len(mine), "median": round(float(np.median(mine)), 3), "90 %": round(float(np.percentile(mine, 90)), 3),
            "median of the box": round(float(np.median(box)), 3), "90 % of the box": round(float(np.percentile(box, 90)), 3)}


def score_line(plates, false, least=30):
    """Slope and shift of the score's logit by logistic regression of found against false.

    Finds narrower than `least` px that no label touches say nothing, for such plates are seldom labelled.
    """
    score = np.array([p[2] for p in plates if p[2] > 0 and p[1] >= 0.3] + [f[0] for f in false if f[1] >= least])
    right = np.array([1.0] * sum(p[2] > 0 and p[1] >= 0.3 for p in plates) + [0.0] * sum(f[1] >= least for f in false))
    x = np.log(score.clip(1e-4, 1 - 1e-4) / (1 - score.clip(1e-4, 1 - 1e-4)))
    a, b = 1.0, 0.0
    for _ in range(50):  # Newton's method
        p = 1 / (1 + np.exp(-(a * x + b)))
        w = p * (1 - p) + 1e-9
        gradient = np.array([(x * (right - p)).sum(), (right - p).sum()])
        hessian = np.array([[(w * x * x).sum(), (w * x).sum()], [(w * x).sum(), w.sum()]])
        a, b = np.array([a, b]) + np.linalg.solve(hessian + 1e-6 * np.eye(2), gradient)
    return round(float(a), 3), round(float(b), 3)


def sheet(items, path, cell=(240, 160), columns=8):
    """A contact sheet of (picture, box or plate, caption, colour), each cut around its box."""
    cells = []
    for picture, plate, caption, colour in items:
        box = plate[1:5] if len(plate) == 13 else plate
        wide = max(box[2] - box[0], 2 * (box[3] - box[1]), 30) * 3
        size = (wide, wide * cell[1] / cell[0])
        scale = cell[0] / size[0]
        cx, cy = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
        m = np.float32([[scale, 0, cell[0] / 2 - cx * scale], [0, scale, cell[1] / 2 - cy * scale]])
        view = cv2.warpAffine(picture, m, cell, flags=cv2.INTER_LINEAR)
        points = plate[5:].reshape(4, 2) if len(plate) == 13 else box[[0, 1, 2, 1, 2, 3, 0, 3]].reshape(4, 2)
        cv2.polylines(view, [np.round(points @ m[:, :2].T + m[:, 2]).astype(int)], True, colour, 1)
        cv2.putText(view, caption, (2, 12), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (0, 255, 255), 1)
        cells.append(view)
    while len(cells) % columns or not cells:
        cells.append(np.zeros((cell[1], cell[0], 3), np.uint8))
    cv2.imwrite(str(path), np.vstack([np.hstack(cells[i : i + columns]) for i in range(0, len(cells), columns)]))


def boxed_sets(model, args):
    """Figures of the sets with labelled boxes, and the score's calibration from those that judge nothing."""
    figures, all_plates, all_false = {}, [], []
    holdout = json.loads(Path(args.holdout).read_text())
    for name, labels, scale in test_sets(args.data, holdout):
        plates, false = measure(model, labels, scale)
        figures[name] = report(plates, false, len(labels), args.at)
        print(name, json.dumps(figures[name]), flush=True)
        if name in CALIBRATED:
            all_plates += plates
            all_false += false
        if args.sheet:
            misses = [q for q in plates if q[2] < args.at or q[1] < 0.3][:40]
            wrong = sorted((f for f in false if f[0] >= args.at), key=lambda f: -f[0])[:40]
            items = [(cv2.imread(q[3]["path"]), q[4], f"miss {q[0]:.0f}px {q[2]:.2f}", (0, 0, 255)) for q in misses]
            items += [(cv2.imread(f[2]["path"]), f[3], f"find {f[1]:.0f}px {f[0]:.2f}", (0, 255, 0)) for f in wrong]
            sheet(items, Path(args.sheet) / (name.replace(" ", "_") + ".png"))
    print("score line", score_line(all_plates, all_false), flush=True)
    return figures


def night_set(model, args):
    """Figures of us_florida_night: one plate a picture, its place not labelled."""
    rows = unboxed(model, read_labels(Path(args.data) / "us_florida_night"))
    firsts = np.array([r[1][0, 0] if len(r[1]) else 0.0 for r in rows])
    seconds = np.array([r[1][1, 0] if len(r[1]) > 1 else 0.0 for r in rows])
    if args.sheet:
        items = [(r[0], p, f"{(p[3] - p[1]) * r[2]:.0f}px {p[0]:.2f}", (0, 255, 0)) for r in rows for p in r[1][:1]]
        items += [(r[0], p, f"2nd {p[0]:.2f}", (0, 0, 255)) for r in rows for p in r[1][1:] if p[0] >= args.at]
        sheet(items, Path(args.sheet) / "us_florida_night.png", cell=(160, 100), columns=12)
    return {"pictures": len(rows), "with a find": share(firsts >= args.at), "with a second": share(seconds >= args.at)}


def empty_clip(model, args):
    """Figures of a clip without plates that a person could read."""
    finds, frames = empty_video(model, args.video)
    if args.sheet:
        best = sorted(finds, key=lambda f: -f[0])[:40]
        sheet([(f[2], f[3], f"{f[1]:.0f}px {f[0]:.2f}", (0, 255, 0)) for f in best], Path(args.sheet) / "empty_video.png")
    return {"frames": frames, "finds at score": {t: int(sum(f[0] >= t for f in finds)) for t in (0.3, 0.5, 0.7, 0.9)}}


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--model", required=True)
    p.add_argument("--data", required=True, help="folder of the plate sets")
    p.add_argument("--holdout", required=True)
    p.add_argument("--video", help="a clip without plates")
    p.add_argument("--at", type=float, default=0.5, help="score threshold of the figures")
    p.add_argument("--cache", help="picture cache: measure corners on pasted plates too")
    p.add_argument("--json", help="file to write the figures to")
    p.add_argument("--sheet", help="folder for contact sheets of misses and false finds")
    args = p.parse_args()
    model = Model(args.model, threshold=0.1)
    figures = {"threshold": args.at, **boxed_sets(model, args)}
    figures["us_florida_night"] = night_set(model, args)
    if args.cache:
        figures["pasted corners"] = pasted_corners(model, args.cache)
    if args.video:
        figures["empty video"] = empty_clip(model, args)
    for name in ("us_florida_night", "pasted corners", "empty video"):
        print(name, json.dumps(figures.get(name)))
    if args.json:
        Path(args.json).write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
