"""Writes the reader as ONNX: python -m recogniser.export --checkpoint last.pt --data SETS --holdout FILE --models DIR.

Makes reader.onnx (fp32) and reader-int8.onnx (QDQ, per channel, calibrated on training crops), measures both, fits
temperature and the confidence's calibration on held-out training crops, degraded (never on a set that judges), and puts
the "reader" entry into DIR/manifest.json, leaving other entries alone.

With --second it makes second-reader-int8.onnx and the entry "second_reader" instead: of a network that learned apart from the reader in DIR, from nothing
and with another seed. It is asked where that one is unsure; its calibration is that of both together, on the crops where it is asked.
"""
import argparse
import datetime
import hashlib
import json
import os
import subprocess
import tempfile

import numpy as np
import onnx
import torch
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

import pairs
import selftest

from . import evaluate, sets
from .calibrate import calibrated, calibration_error, geometric, platt, region_threshold
from .degrade import degrade
from .net import Recogniser
from .shape import ALPHABET, HEIGHT, PAD, WIDTH
from .stream import Stream
from .texts import encode
from .train import average
from .train import pictures as pictures_of


class Served(torch.nn.Module):
    """The network as it is served: NHWC bytes in, probabilities out, temperatures inside."""

    def __init__(self, model, text_temperature, region_temperature):
        super().__init__()
        self.model, self.t, self.r = model, text_temperature, region_temperature

    def forward(self, plate):
        slots, region = self.model(plate.permute(0, 3, 1, 2))
        return (slots / self.t).softmax(-1), (region / self.r).softmax(-1)


def fold(model):
    """Batch norms folded into their convolutions."""
    model.eval()
    for m in model.modules():
        if hasattr(m, "conv") and hasattr(m, "norm") and isinstance(m.norm, torch.nn.BatchNorm2d):
            m.conv = torch.nn.utils.fusion.fuse_conv_bn_eval(m.conv, m.norm)
            m.norm = torch.nn.Identity()
    return model


def write_onnx(served, path):
    """fp32 ONNX with a free batch size."""
    x = torch.zeros(2, HEIGHT, WIDTH, 3, dtype=torch.uint8)
    n = torch.export.Dim("n", min=1, max=64)
    torch.onnx.export(served.eval(), (x,), path, input_names=["plate"], output_names=["slots", "region"], opset_version=18,
                      dynamo=True, external_data=False, dynamic_shapes={"plate": {0: n}}, verbose=False)
    forget_traces(path)


def forget_traces(path):
    """Removes from an exported network where in the code, and on whose machine, each of its nodes was made."""
    model = onnx.load(path)
    for graph in (model.graph, *model.functions):
        for part in (graph, *graph.node, *graph.value_info):
            del part.metadata_props[:]
            part.doc_string = ""
    for part in (*model.graph.input, *model.graph.output, *model.graph.initializer):
        del part.metadata_props[:]
    onnx.save(model, path)


class Samples(CalibrationDataReader):
    """Training crops for the quantiser."""

    def __init__(self, name, pictures, batch=16):
        self.batches = iter([{name: pictures[i:i + batch]} for i in range(0, len(pictures), batch)])

    def get_next(self):
        return next(self.batches, None)


def write_int8(fp32, path, pictures, float_nodes=()):
    """QDQ int8, weights per channel and such that no processor's kernels saturate, activations by the calibration pictures; float_nodes and sums stay in fp32."""
    with tempfile.TemporaryDirectory() as d:
        pre = os.path.join(d, "pre.onnx")
        quant_pre_process(fp32, pre, skip_symbolic_shape=True)
        name = onnx.load(pre).graph.input[0].name
        quantize_static(pre, path, Samples(name, pictures), quant_format=QuantFormat.QDQ, per_channel=True, activation_type=QuantType.QUInt8,
                        weight_type=QuantType.QInt8, op_types_to_quantize=["Conv", "MatMul", "Gemm"], nodes_to_exclude=list(float_nodes),
                        extra_options={"ActivationSymmetric": False, "WeightSymmetric": True})
        pairs.tame(path, pre, [{name: pictures[i:i + 16]} for i in range(0, len(pictures), 16)])


def calibration_crops(val, seed=5, repeats=6):
    """Held-out crops of training sets (val of sets.load), degraded as on the road: pictures, texts, regions. Judges are not among them."""
    rng = np.random.default_rng(seed)
    pictures, texts, regions = [], [], []
    for c in val:
        for k in range(repeats if c.source == "us_states" else repeats * 2):
            around = np.full((2, 2, 3), rng.integers(0, 256), np.uint8) if c.source == "us_states" else None
            x = evaluate.rectify(c) if k == 0 else degrade(rng, c.image, c.quad, 2.0 if c.source == "us_states" else c.aspect, rng.uniform(.3, 1), around)
            pictures.append(x)
            texts.append(c.text)
            regions.append(c.region)
    return np.stack(pictures), texts, regions


def temperature(logits, targets):
    """The temperature that makes the targets likeliest, by a scan."""
    grid = np.exp(np.linspace(np.log(.5), np.log(3), 61))
    nll = [torch.nn.functional.cross_entropy(logits / t, targets).item() for t in grid]
    return float(grid[int(np.argmin(nll))])


def sha256(path):
    with open(path, "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()


CHOSEN = ("search", "views", "views_alone", "sure_from", "unreadable")  # facts of a manifest's entry that no export measures


def merge(models, name, entry):
    """Puts a model's entry into the manifest, with its self-test; what was chosen by measuring the whole program stays as it was."""
    path = os.path.join(models, "manifest.json")
    manifest = {}
    if os.path.exists(path):
        with open(path) as f:
            manifest = json.load(f)
    kept = {k: v for k, v in manifest.get(name, {}).items() if k in CHOSEN}
    manifest[name] = {**kept, **entry, "self_test": selftest.describe(models, entry)}
    selftest.dump(manifest, path)


def data_hashes(data):
    """sha256 of the label files trained on, shortened."""
    return {s: sha256(os.path.join(data, s, "labels.jsonl"))[:16] for s in ("us_states", "incar_romania", *sets.present(data))}


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--checkpoint", nargs="+", help="of several of one run, or of one and the exported file it began from, the mean of their weights is exported")
    p.add_argument("--data", required=True)
    p.add_argument("--holdout", required=True)
    p.add_argument("--plates", required=True, nargs="+")
    p.add_argument("--models", required=True)
    p.add_argument("--reads", help="as in recogniser.train: the corners of held-out plates")
    p.add_argument("--second", action="store_true", help="export as the second reader beside the reader in --models; without a checkpoint, calibrate the one there anew beside a new reader")
    a = p.parse_args()
    if not a.checkpoint and not a.second:
        raise SystemExit("say what to export: --checkpoint FILE")
    torch.set_num_threads(1)
    train, val = sets.load(a.data, a.holdout, reads=a.reads)
    if not a.checkpoint:
        with open(os.path.join(a.models, "manifest.json")) as f:
            entry = json.load(f)["second_reader"]
        pictures, texts, _ = calibration_crops(val)
        second(a, entry, os.path.join(a.models, entry["file_int8"]), pictures, texts, val)
        return
    c, weights = average(a.checkpoint, lambda: pictures_of(train))
    model = Recogniser(**c["config"])
    model.load_state_dict(weights)
    fold(model)
    names = c["regions"]

    pictures, texts, regions = calibration_crops(val)
    with torch.no_grad():
        parts = [model(torch.from_numpy(pictures[i:i + 64]).permute(0, 3, 1, 2)) for i in range(0, len(pictures), 64)]
    slots, region = torch.cat([p[0] for p in parts]), torch.cat([p[1] for p in parts])
    y = torch.tensor([encode(t) for t in texts])
    known = torch.tensor([r in names and r != "" for r in regions])
    r = torch.tensor([names.index(x) if x in names else 0 for x in regions])
    t_text, t_region = temperature(slots.flatten(0, 1), y.flatten()), temperature(region[known], r[known])

    name = "second-reader" if a.second else "reader"
    scratch = tempfile.TemporaryDirectory()
    fp32, int8 = os.path.join(scratch.name if a.second else a.models, name + ".onnx"), os.path.join(a.models, name + "-int8.onnx")
    write_onnx(Served(model, t_text, t_region), fp32)
    x = next(iter(Stream(train, a.plates, 512, seed=99)))[0].permute(0, 2, 3, 1).numpy()
    write_int8(fp32, int8, x)

    entry = describe(a, c, names, fp32, int8)
    if a.second:
        second(a, entry, int8, pictures, texts, val)
        return
    run = evaluate.onnx_model(fp32)
    read, confidence, _, region = evaluate.predict(run, pictures)
    right = np.array([p == t for p, t in zip(read, texts)])
    ab = platt(confidence, right)
    entry["calibration"] = {"kind": "platt-on-logit-product", "a": round(ab[0], 4), "b": round(ab[1], 4)}
    k = known.numpy()
    entry["region_threshold"] = region_threshold(region[k].max(-1), region[k].argmax(-1) == r.numpy()[k])
    entry["training"]["temperature"] = [round(t_text, 3), round(t_region, 3)]
    print("temperature", t_text, t_region, "platt", ab, "ece", calibration_error(calibrated(confidence, ab), right), "region threshold", entry["region_threshold"])

    entry["figures"] = {}
    for kind, path in (("fp32", fp32), ("int8", int8)):
        run = evaluate.onnx_model(path)
        for name, crops in evaluate.eval_sets(a.data, val).items():
            f, result = evaluate.measure(run, crops, names)
            f["region"] = evaluate.region_figures(crops, result["region"], names, entry["region_threshold"])
            f["ece"] = round(calibration_error(calibrated(result["confidence"], ab), result["right"]), 4)
            entry["figures"].setdefault(name, {})[kind] = f
            print(kind, name, json.dumps(f), flush=True)
    merge(a.models, "reader", entry)


UNSURE = .97  # the first reader's confidence below which the second is asked


def second(a, entry, int8, pictures, texts, val):
    """Finishes the second reader's entry: the calibration of the slots' weighted geometric mean where the first reader is unsure, and figures of both together."""
    with open(os.path.join(a.models, "manifest.json")) as f:
        first = json.load(f)["reader"]
    ab = first["calibration"]["a"], first["calibration"]["b"]
    asked = Both(os.path.join(a.models, first["file_int8"]), int8, ab)
    read, confidence, slots, _ = evaluate.predict(asked, pictures)
    right, unsure = np.array([p == t for p, t in zip(read, texts)]), asked.unsure()
    ab = platt(confidence[unsure], right[unsure])
    print("unsure", float(unsure.mean()), "platt", ab, "ece", calibration_error(calibrated(confidence[unsure], ab), right[unsure]))
    entry.update(name="second reader", file="", sha256="", default="int8", region_threshold=first["region_threshold"],
                 calibration={"kind": "platt-on-logit-product", "a": round(ab[0], 4), "b": round(ab[1], 4)}, figures={})
    for name, crops in evaluate.eval_sets(a.data, val).items():
        for kind, run in (("alone", evaluate.onnx_model(int8)), ("both", asked)):
            f, _ = evaluate.measure(run, crops, entry["regions"])
            entry["figures"].setdefault(name, {})[kind] = f
            print(kind, name, json.dumps(f), flush=True)
    merge(a.models, "second_reader", entry)


class Both:
    """A function as evaluate.onnx_model gives: the first network's probabilities, and where it is unsure the weighted geometric mean of both networks'."""

    def __init__(self, first, other, ab):
        self.first, self.other, self.ab, self.asked = evaluate.onnx_model(first), evaluate.onnx_model(other), ab, []

    def __call__(self, x):
        slots, region = self.first(x)
        unsure = calibrated(np.log(slots.max(-1) + 1e-9).sum(-1), self.ab) < UNSURE
        if unsure.any():
            also = self.other(x[unsure])
            slots[unsure] = geometric(slots[unsure], also[0])  # the region stays the first's
        self.asked.append(unsure)
        return slots, region

    def unsure(self):
        """Which of the pictures seen so far were shown to both."""
        return np.concatenate(self.asked)


# How far beyond the plate's corners the program frames it, for the first reader and for the second: the corners found err, and what is cut off
# cannot be read. Of 0.02 to 0.09 the best two, together, on held-out pictures; the networks learned from 0.05 on average.
FRAMED = {False: .035, True: .09}


def describe(a, c, names, fp32, int8):
    """The manifest's entry but for what is measured."""
    macs = flops(c["config"])
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, cwd=os.path.dirname(__file__)).stdout.strip()
    return {
        "name": "reader", "version": f"{datetime.date.today():%Y%m%d}-{c['step']}", "file": os.path.basename(fp32), "sha256": sha256(fp32),
        "file_int8": os.path.basename(int8), "sha256_int8": sha256(int8), "default": "int8",
        "input": {"name": "plate", "layout": "NHWC", "dtype": "uint8", "color": "BGR", "height": HEIGHT, "width": WIDTH, "even_contrast": True},
        "outputs": ["slots", "region"], "alphabet": ALPHABET, "pad": PAD, "regions": names, "margin": FRAMED[a.second],
        "training": {"date": f"{datetime.date.today()}", "seed": c["args"]["seed"], "commit": commit, "data": data_hashes(a.data),
                     "sets": ["rendered", "us_states", "incar_romania (without held-out blocks)", *sets.present(a.data)]
                             + (["texts of recogniser.pseudo for crops of us_states"] if c["args"].get("pseudo") else [])
                             + (["corners, and sure texts where there was none, that alpr read gave plates of the scenes"] if c["args"].get("reads") else []),
                     "samples": c["samples"], "steps": c["step"]},
        "flops": macs * 2,
    }


def flops(config):
    """Multiply-accumulates of one plate."""
    from torch.utils.flop_counter import FlopCounterMode
    with FlopCounterMode(display=False) as f:
        Recogniser(**config).eval()(torch.zeros(1, 3, HEIGHT, WIDTH))
    return f.get_total_flops() // 2


if __name__ == "__main__":
    main()
