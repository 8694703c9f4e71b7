"""Measures a checkpoint or an exported model: python -m recogniser.evaluate --data SETS --holdout FILE --model FILE [--sheet DIR].

Sets: us_crops (whole crops), poland_gate, incar (held-out blocks of incar_romania), us_states and world (held out by text).
Figures: exact, exact at <= 1 % wrong (oracle threshold on the confidence), CER, region right / unknown / wrong.
"""
import argparse
import json

import cv2
import numpy as np

from . import sets
from .degrade import MARGIN, level
from .shape import ALPHABET, HEIGHT, PAD, WIDTH


def rectify(crop, margin=MARGIN):
    """The reader's input of a crop, as the Go side cuts it: corners pushed out by margin, stretched to fill, its contrast evened out."""
    q = crop.quad.astype(np.float64)
    if crop.source in ("us_crops", "us_states"):
        return resize(crop.image)
    centre = q.mean(0)
    q = centre + (q - centre) * (1 + 2 * margin)
    wide, tall = (max(8, int(round(np.linalg.norm(q[a] - q[b])))) for a, b in ((1, 0), (3, 0)))
    to = cv2.getPerspectiveTransform(np.float32([[0, 0], [wide, 0], [wide, tall], [0, tall]]) - .5, q.astype(np.float32) - .5)
    return resize(cv2.warpPerspective(crop.image, to, (wide, tall), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE))


def resize(im):
    """Stretched to the input's size, by area averaging where it shrinks, linearly where it grows; and its contrast evened out."""
    return level(cv2.resize(im, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA if im.shape[1] > WIDTH else cv2.INTER_LINEAR))


def torch_model(path):
    """A function from uint8 [n,64,160,3] to slot and region probabilities, by the averaged weights of a checkpoint."""
    import torch

    from .heads import HEADS
    c = torch.load(path, weights_only=False)
    model = HEADS[c["args"].get("head", "slots")](**c["config"]).eval()
    model.load_state_dict(c["ema"])
    torch.set_num_threads(1)
    return lambda x: [p.numpy() for p in model.posterior(torch.from_numpy(x).permute(0, 3, 1, 2))]


def onnx_model(path):
    """The same by an exported model."""
    import onnxruntime as ort
    o = ort.SessionOptions()
    o.intra_op_num_threads = 1
    s = ort.InferenceSession(path, o, providers=["CPUExecutionProvider"])
    return lambda x: s.run(["slots", "region"], {"plate": x})


def predict(run, pictures, batch=64):
    """Texts, log confidences (sum over slots of the best's log probability), and both posteriors."""
    out = [run(pictures[i:i + batch]) for i in range(0, len(pictures), batch)]
    slots, region = np.concatenate([o[0] for o in out]), np.concatenate([o[1] for o in out])
    texts = ["".join(ALPHABET[k] for k in s.argmax(-1) if k != PAD) for s in slots]
    return texts, np.log(slots.max(-1) + 1e-9).sum(-1), slots, region


def at_wrong(confidence, right, share=.01):
    """Best share of all that is read right with at most this share of what is kept wrong."""
    order = np.argsort(-confidence, kind="stable")
    r = np.cumsum(right[order])
    kept = np.arange(1, len(order) + 1)
    ok = (kept - r) <= share * kept
    return r[ok].max() / len(order) if ok.any() else 0.0


def fold(text):
    """The text with letters that many plates draw like digits (O, Q, I) taken as these."""
    return text.replace("O", "0").replace("Q", "0").replace("I", "1")


def edits(a, b):
    """Levenshtein distance."""
    row = list(range(len(b) + 1))
    for i, ca in enumerate(a, 1):
        new = [i]
        for j, cb in enumerate(b, 1):
            new.append(min(row[j] + 1, new[j - 1] + 1, row[j - 1] + (ca != cb)))
        row = new
    return row[-1]


def eval_sets(data, val):
    """Name -> crops, of the sets that have any; val is what sets.load holds out."""
    found = {"us_crops": sets.whole(data, "us_crops"), "poland_gate": sets.boxed(data, "poland_gate"),
             "incar": [c for c in val if c.source == "incar_romania"], "us_states": [c for c in val if c.source == "us_states"],
             "world": [c for c in val if c.source in sets.SCENES]}
    return {name: crops for name, crops in found.items() if crops}


def region_figures(crops, region, names, threshold=.5):
    """Shares right, unknown, wrong among crops whose region is known; below the threshold the region is unknown."""
    known = [i for i, c in enumerate(crops) if c.region and c.region in names]
    if not known:
        return None
    best = region.argmax(-1)
    unknown = [names[best[i]] == "" or region[i].max() < threshold for i in known]
    right = [names[best[i]] == crops[i].region and not u for i, u in zip(known, unknown)]
    return dict(right=round(float(np.mean(right)), 4), unknown=round(float(np.mean(unknown)), 4), wrong=round(1 - float(np.mean(right)) - float(np.mean(unknown)), 4))


def measure(run, crops, names, margin=MARGIN):
    """Figures of one set and the single results."""
    pictures = np.stack([rectify(c, margin) for c in crops])
    texts, confidence, slots, region = predict(run, pictures)
    right = np.array([t == c.text for t, c in zip(texts, crops)])
    f = dict(n=len(crops), exact=round(float(right.mean()), 4), exact_at_1_wrong=round(float(at_wrong(confidence, right)), 4),
             folded=round(float(np.mean([fold(t) == fold(c.text) for t, c in zip(texts, crops)])), 4),
             cer=round(float(np.mean([edits(t, c.text) / len(c.text) for t, c in zip(texts, crops)])), 4), region=region_figures(crops, region, names))
    return f, dict(texts=texts, confidence=confidence, right=right, pictures=pictures, slots=slots, region=region)


def sheet(crops, result, path, names, limit=120, cols=8):
    """A contact sheet of the wrong reads, surest first, for the eye."""
    wrong = np.where(~result["right"])[0]
    wrong = wrong[np.argsort(-result["confidence"][wrong])][:limit]
    tiles = []
    for i in wrong:
        bar = np.zeros((34, WIDTH, 3), np.uint8)
        cv2.putText(bar, crops[i].text, (2, 14), 0, .5, (0, 255, 0), 1, cv2.LINE_AA)
        cv2.putText(bar, f"{result['texts'][i]} {np.exp(result['confidence'][i]):.2f} {names[result['region'][i].argmax()]}", (2, 30), 0, .45, (80, 160, 255), 1, cv2.LINE_AA)
        tiles.append(np.vstack([result["pictures"][i], bar]))
    if not tiles:
        return
    while len(tiles) % cols:
        tiles.append(np.zeros_like(tiles[0]))
    cv2.imwrite(path, np.vstack([np.hstack(tiles[i:i + cols]) for i in range(0, len(tiles), cols)]))


def by_width(run, crops, widths=(40, 50, 60, 75, 100, 140)):
    """Exact reads when the plate is only so many pixels wide: the same crops, shrunk first. width -> share."""
    out = {}
    for w in widths:
        pictures = []
        for c in crops:
            im = rectify(c)
            tall = max(8, round(w / c.aspect))
            pictures.append(resize(cv2.resize(im, (w, tall), interpolation=cv2.INTER_AREA)))
        texts = predict(run, np.stack(pictures))[0]
        out[w] = round(float(np.mean([t == c.text for t, c in zip(texts, crops)])), 4)
    return out


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--data", required=True)
    p.add_argument("--holdout", required=True)
    p.add_argument("--model", required=True, help=".pt or .onnx")
    p.add_argument("--sheet", help="folder for contact sheets of wrong reads")
    p.add_argument("--widths", action="store_true", help="also the share read at 40 to 140 px plate width")
    p.add_argument("--reads", help="folder of what alpr read --json says of the training scenes: their plates' corners")
    p.add_argument("--margin", type=float, default=MARGIN)
    a = p.parse_args()
    run = onnx_model(a.model) if a.model.endswith(".onnx") else torch_model(a.model)
    names = sets.regions()
    for name, crops in eval_sets(a.data, sets.load(a.data, a.holdout, reads=a.reads)[1]).items():
        figures, result = measure(run, crops, names, a.margin)
        print(name, json.dumps(figures), json.dumps(by_width(run, crops)) if a.widths else "", flush=True)
        if a.sheet:
            sheet(crops, result, f"{a.sheet}/wrong-{name}.png", names)


if __name__ == "__main__":
    main()
