"""Writes the corner network as ONNX: python -m corners.export --checkpoint last.pt --cache DETECTOR/cache --plates BANK --models DIR.

Makes corners.onnx and corners-int8.onnx (QDQ; the heat maps' expectation stays in float), measures both and the detector's
kind of guess on freshly drawn cuts, and puts the "corners" entry into DIR/manifest.json, leaving other entries alone.
"""
import argparse
import datetime
import os

import numpy as np
import torch

from recogniser.export import fold, forget_traces, merge, sha256, write_int8

from .net import HEIGHT, WIDTH, Corners
from .sample import AROUND, UNIT, Sampler


class Served(torch.nn.Module):
    """The network as it is served: NHWC bytes in, corners as fractions of the cut out."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, cut):
        return self.model(cut.permute(0, 3, 1, 2))[0]


def write_onnx(served, path):
    """fp32 ONNX with a free batch size."""
    x = torch.zeros(2, HEIGHT, WIDTH, 3, dtype=torch.uint8)
    torch.onnx.export(served.eval(), (x,), path, input_names=["cut"], output_names=["corners"], opset_version=18, dynamo=True,
                      external_data=False, dynamic_shapes={"cut": {0: torch.export.Dim("n", min=1, max=64)}}, verbose=False)
    forget_traces(path)


def onnx_model(path):
    """A function from cuts to corners."""
    import onnxruntime as ort
    o = ort.SessionOptions()
    o.intra_op_num_threads = 1
    s = ort.InferenceSession(path, o, providers=["CPUExecutionProvider"])
    return lambda x: np.concatenate([s.run(None, {"cut": x[i:i + 32]})[0] for i in range(0, len(x), 32)])


def errors(found, truth):
    """Mean distance of a plate's corners from the true ones, as shares of its height: median and 90th percentile over the plates."""
    px = np.array([WIDTH, HEIGHT])
    high = np.linalg.norm((truth[:, 3] - truth[:, 0]) * px, axis=1) / 2 + np.linalg.norm((truth[:, 2] - truth[:, 1]) * px, axis=1) / 2
    e = np.linalg.norm((found - truth) * px, axis=2).mean(1) / high
    return dict(median=round(float(np.median(e)), 3), p90=round(float(np.percentile(e, 90)), 3))


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--checkpoint", required=True)
    p.add_argument("--cache", required=True)
    p.add_argument("--plates", required=True)
    p.add_argument("--models", required=True)
    a = p.parse_args()
    torch.set_num_threads(1)
    c = torch.load(a.checkpoint, weights_only=False)
    model = Corners()
    model.load_state_dict(c["ema"])
    for m in [m for m in model.modules() if hasattr(m, "norm")]:
        fold(m)
    sampler = Sampler(a.cache, a.plates, 4712)
    pairs = [sampler.draw() for _ in range(1400)]
    x, truth = np.stack([p[0] for p in pairs]), np.stack([p[1] for p in pairs])
    fp32, int8 = (os.path.join(a.models, n) for n in ("corners.onnx", "corners-int8.onnx"))
    write_onnx(Served(model), fp32)
    write_int8(fp32, int8, x[:400], float_nodes=keep_float(fp32))
    x, truth = x[400:], truth[400:]
    guess = np.broadcast_to((UNIT + AROUND / (1 + 2 * AROUND) * (1 - 2 * UNIT)), truth.shape)
    figures = {"plates": len(x), "as found": errors(guess, truth)}
    for kind, path in (("fp32", fp32), ("int8", int8)):
        figures[kind] = errors(onnx_model(path)(x), truth)
    print(figures)
    macs = flops()
    merge(a.models, "corners", {
        "name": "corners", "version": f"{datetime.date.today():%Y%m%d}-{c['step']}", "file": os.path.basename(fp32), "sha256": sha256(fp32),
        "file_int8": os.path.basename(int8), "sha256_int8": sha256(int8), "default": "int8",
        "input": {"name": "cut", "layout": "NHWC", "dtype": "uint8", "color": "BGR", "height": HEIGHT, "width": WIDTH}, "outputs": ["corners"],
        "margin": {"x": float(AROUND[0]), "y": float(AROUND[1])}, "flops": macs * 2, "figures": figures,
        "training": {"date": f"{datetime.date.today()}", "seed": c["args"]["seed"], "steps": c["step"],
                     "sets": ["rendered plates and us_states, stood into scenes of incar_romania (without held-out blocks), world_433, world_openimages, street_openimages"]},
    })


def keep_float(path):
    """The nodes of the last convolution and what follows: fractions of a cell do not fit into bytes."""
    import onnx
    nodes = onnx.load(path).graph.node
    last = max(i for i, n in enumerate(nodes) if n.op_type == "Conv")
    return [n.name for n in nodes[last:]]


def flops():
    """Multiply-accumulates of one cut."""
    from torch.utils.flop_counter import FlopCounterMode
    with FlopCounterMode(display=False) as f:
        Corners().eval()(torch.zeros(1, 3, HEIGHT, WIDTH))
    return f.get_total_flops() // 2


if __name__ == "__main__":
    main()
