"""Write the detector's entry of models/manifest.json, leaving the reader's alone.

python -m detector.manifest --models FOLDER --checkpoint last.pt --cache CACHE --figures figures.json --threshold 0.4
"""

import argparse
import fcntl
import hashlib
import json
import os
from datetime import UTC, datetime
from pathlib import Path

import torch

import selftest

from .net import Detector, macs
from .pictures import TRAIN_SETS


def sha256(path):
    """The file's hash in hexadecimal."""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def entry(args):
    """The detector's entry."""
    folder = Path(args.models)
    state = torch.load(args.checkpoint, map_location="cpu", weights_only=False)
    index = Path(args.cache) / "index.json"
    return {
        "name": "alpr-detector",
        "version": args.version,
        "file": "detector.onnx",
        "sha256": sha256(folder / "detector.onnx"),
        "file_int8": "detector-int8.onnx",
        "sha256_int8": sha256(folder / "detector-int8.onnx"),
        "default": args.default,
        "input": {"name": "image", "layout": "NHWC", "dtype": "uint8", "color": "BGR", "height": 0, "width": 0},
        "outputs": ["plates"],
        "score_threshold": args.threshold,
        "nms_iou": args.nms,
        "flops": 2 * macs(Detector().eval(), 544, 960),
        "training": {
            "date": datetime.now(UTC).strftime("%Y-%m-%d"),
            "seed": state["args"]["seed"],
            "steps": state["step"],
            "crops_seen": state.get("seen", 0),
            "sets": list(TRAIN_SETS) + ["us_states (pasted)", "rendered plates (pasted)"],
            "data_sha256": sha256(index),
        },
        "figures": json.loads(Path(args.figures).read_text()) if args.figures else {},
    }


def merge(path, name, value):
    """Replace one entry of the manifest, under a lock, whole or not at all."""
    path = Path(path)
    with open(f"{path}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        manifest = json.loads(path.read_text()) if path.exists() else {}
        kept = {k: v for k, v in manifest.get(name, {}).items() if k == "search"}  # chosen by measuring the whole program
        manifest[name] = {**kept, **value}
        selftest.dump(manifest, str(path))
    os.remove(f"{path}.lock")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--models", required=True)
    p.add_argument("--checkpoint", required=True)
    p.add_argument("--cache", required=True)
    p.add_argument("--figures", help="JSON that evaluate.py wrote (--json)")
    p.add_argument("--version", default="1")
    p.add_argument("--default", choices=("fp32", "int8"), default="int8")
    p.add_argument("--threshold", type=float, default=0.4)
    p.add_argument("--nms", type=float, default=0.45)
    args = p.parse_args()
    value = entry(args)
    merge(Path(args.models) / "manifest.json", "detector", {**value, "self_test": selftest.describe(args.models, value)})


if __name__ == "__main__":
    main()
