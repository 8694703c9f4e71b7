"""Write detector.onnx and detector-int8.onnx from a checkpoint.

python -m detector.export --checkpoint last.pt --cache CACHE --models FOLDER

Both take uint8 [1,H,W,3] BGR (H and W multiples of 32) and give float32
[1,A,13]: score, box, corners in input pixels. Normalisation and decoding are
in the graph; in the int8 file the bytes of the picture feed the first
convolution as they are, and the last 1x1 convolutions and the decoding stay
in float, because their 13 channels differ in range by orders of magnitude.
"""

import argparse
import copy
import os
import re
import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process
from torch import nn

import pairs

from .net import STRIDES, Detector, decode, grid
from .sample import SETS, Sampler


class Exported(nn.Module):
    """The detector from bytes to scored, decoded plates.

    scale and shift calibrate the score: sigmoid(scale * logit + shift).
    """

    def __init__(self, model, scale=1.0, shift=0.0):
        super().__init__()
        self.model = copy.deepcopy(model).eval()
        self.scale, self.shift = scale, shift
        # Four pixels of a row become the twelve channels of one column, and
        # bytes go straight into the convolution.
        old = self.model.stem[0]
        new = nn.Conv2d(12, old.out_channels, (6, 1), (4, 1), (1, 0), bias=False)
        with torch.no_grad():
            new.weight.copy_(old.weight.permute(0, 3, 1, 2).reshape(new.weight.shape) / 255)
        self.model.stem[0] = new

    def forward(self, image):
        rows = image.reshape(1, image.shape[1], -1, 12)
        maps = self.model(rows.permute(0, 3, 1, 2).float())
        plates = torch.cat([self.decoded(m, s) for m, s in zip(maps, STRIDES)], 2)
        return plates.transpose(1, 2)

    def decoded(self, raw, stride):
        """net.decode channel by channel, which runs faster: [1,13,cells] of one map."""
        height, width = raw.shape[2:]
        raw = raw.flatten(2)
        centre = grid(height, width, stride).t().unsqueeze(0) + raw[:, 1:3] * stride
        half = torch.exp(raw[:, 3:5].clamp(-4, 4)) * (stride / 2)
        base = torch.tensor([[-1.0, -1], [1, -1], [1, 1], [-1, 1]]).view(1, 8, 1)
        corners = centre.repeat(1, 4, 1) + half.repeat(1, 4, 1) * (base + raw[:, 5:13])
        score = torch.sigmoid(raw[:, :1] * self.scale + self.shift)
        return torch.cat((score, centre - half, centre + half, corners), 1)


class Calibration(CalibrationDataReader):
    """Training pictures, drawn as in training, whose activations set the int8 ranges."""

    def __init__(self, cache, count, seed=7):
        sampler = Sampler(cache, seed, composite=0.2, sets=SETS)
        shape = ((384, 768), 1, (16, 400), 1)
        self.batches = iter([sampler.batch(shape)[0].numpy() for _ in range(count)])

    def get_next(self):
        batch = next(self.batches, None)
        return None if batch is None else {"image": batch}


def verify(model, path):
    """Raise if the written graph and the network disagree on noise."""
    image = np.random.default_rng(0).integers(0, 255, (1, 128, 192, 3), dtype=np.uint8)
    got = onnxruntime.InferenceSession(str(path)).run(None, {"image": image})[0]
    with torch.no_grad():
        want = decode(model(torch.from_numpy(image).permute(0, 3, 1, 2).float() / 255)).numpy()
    if not np.allclose(got[..., 1:], want[..., 1:], atol=0.05, rtol=1e-3):
        raise ValueError(f"{path}: exported boxes differ by {np.abs(got - want)[..., 1:].max():.3f} px")


def load(checkpoint):
    """The averaged weights of a checkpoint."""
    model = Detector()
    model.load_state_dict(torch.load(checkpoint, map_location="cpu", weights_only=False)["ema"])
    return model.eval()


def write_float(model, path, scale=1.0, shift=0.0):
    """The fp32 file."""
    sample = torch.zeros(1, 96, 128, 3, dtype=torch.uint8)
    axes = {"image": {1: "height", 2: "width"}, "plates": {1: "cells"}}
    with torch.no_grad():
        torch.onnx.export(Exported(model, scale, shift), (sample,), str(path), input_names=["image"], output_names=["plates"],
                          dynamic_axes=axes, dynamo=False, opset_version=17)
    verify(model, path)
    return path


def write_int8(source, path, cache, count=48):
    """The int8 file made from the fp32 one."""
    with tempfile.TemporaryDirectory() as folder:
        clean = os.path.join(folder, "clean.onnx")
        quant_pre_process(str(source), clean, skip_symbolic_shape=True)
        graph = onnx.load(clean).graph
        last = [n.name for n in graph.node if n.op_type == "Conv" and re.fullmatch(r"/model/heads.*\.1/Conv", n.name)]
        after = [n.name for n in graph.node if not n.name.startswith("/model/")]
        quantize_static(clean, str(path), Calibration(cache, count), QuantFormat.QDQ, per_channel=True,
                        activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8,
                        calibrate_method=CalibrationMethod.MinMax,
                        op_types_to_quantize=["Conv", "Relu", "Add", "Concat", "Resize", "MaxPool"],
                        nodes_to_exclude=last + after)
        model = onnx.load(str(path))
        feed_bytes(model.graph)
        onnx.checker.check_model(model)
        onnx.save(model, str(path))
        feeds = Calibration(cache, count, seed=8)
        pairs.tame(str(path), clean, list(iter(feeds.get_next, None)))
    return path


def feed_bytes(graph):
    """Replace Cast -> QuantizeLinear of the picture by the bytes themselves (scale 1, zero 0)."""
    cast = next(n for n in graph.node if n.op_type == "Cast" and n.input[0].startswith("/Transpose"))
    quantize = next(n for n in graph.node if n.op_type == "QuantizeLinear" and n.input[0] == cast.output[0])
    bytes_name = cast.input[0]
    constants = {i.name: i for i in graph.initializer}
    constants[quantize.input[1]].CopyFrom(onnx.numpy_helper.from_array(np.array(1, np.float32), quantize.input[1]))
    constants[quantize.input[2]].CopyFrom(onnx.numpy_helper.from_array(np.array(0, np.uint8), quantize.input[2]))
    for node in graph.node:
        for i, name in enumerate(node.input):
            if name == quantize.output[0]:
                node.input[i] = bytes_name
    graph.node.remove(cast)
    graph.node.remove(quantize)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--checkpoint", required=True)
    p.add_argument("--cache", required=True, help="picture cache, for calibration")
    p.add_argument("--models", required=True, help="folder to write to")
    p.add_argument("--scale", type=float, default=1.0, help="score calibration, see evaluate.py")
    p.add_argument("--shift", type=float, default=0.0)
    args = p.parse_args()
    torch.set_num_threads(1)
    folder = Path(args.models)
    full = write_float(load(args.checkpoint), folder / "detector.onnx", args.scale, args.shift)
    small = write_int8(full, folder / "detector-int8.onnx", args.cache)
    for path in (full, small):
        print(path.name, path.stat().st_size)


if __name__ == "__main__":
    main()
