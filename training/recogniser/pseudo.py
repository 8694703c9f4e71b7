"""Labels the crops of us_states that have no text by the model itself: python -m recogniser.pseudo --model CKPT --data SETS --out FILE.json.

A crop gets a text when the reader says the same on the crop as it is and on five shifted, blurred and re-lit copies, and the
mean confidence is high. FILE maps "set/image#box" to text; recogniser.sets takes it up with --pseudo. Look at the contact sheet
(--sheet) before training on it. The plates of whole scenes get their texts, and their corners, from the program: `alpr read --json`,
recogniser.train --reads.
"""
import argparse
import json

import numpy as np
import torch

from . import evaluate, sets
from .degrade import degrade


def views(rng, c, n=5):
    """The crop as it is and n mildly changed copies."""
    around = np.full((2, 2, 3), 90, np.uint8)
    return [evaluate.rectify(c)] + [degrade(rng, c.image, c.quad, 2.0, .25, around, margin=rng.uniform(0, .08)) for _ in range(n)]


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--model", required=True)
    p.add_argument("--data", required=True)
    p.add_argument("--out", required=True)
    p.add_argument("--sheet")
    p.add_argument("--least", type=float, default=.6, help="least geometric mean over the views of the product of slot probabilities")
    p.add_argument("--votes", type=int, default=5, help="views of six that must agree with the first")
    a = p.parse_args()
    torch.set_num_threads(1)
    run, rng = evaluate.torch_model(a.model), np.random.default_rng(1)
    crops, out, kept = [c for c in sets.whole(a.data, "us_states") if not c.text], {}, []
    for c in crops:
        texts, confidence, _, _ = evaluate.predict(run, np.stack(views(rng, c)))
        same = sum(t == texts[0] for t in texts)
        mean = float(np.exp(confidence.mean()))
        if same >= a.votes and mean >= a.least and len(texts[0]) >= 4:
            c.text = texts[0]
            out[c.key] = texts[0]
            kept.append((mean, c))
    with open(a.out, "w") as f:
        json.dump(out, f)
    print(f"{len(out)} of {len(crops)} crops got a text")
    if a.sheet and kept:
        kept.sort(key=lambda k: k[0])
        chosen = [c for _, c in kept[:: max(1, len(kept) // 160)]][:160]
        result = dict(texts=[c.text for c in chosen], confidence=np.zeros(len(chosen)), right=np.zeros(len(chosen), bool),
                      pictures=np.stack([evaluate.rectify(c) for c in chosen]), region=np.zeros((len(chosen), len(sets.regions()))))
        evaluate.sheet(chosen, result, a.sheet, sets.regions(), limit=160, cols=10)


if __name__ == "__main__":
    main()
