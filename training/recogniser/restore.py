"""Puts the weights of an exported reader back into the network that learns: restore.checkpoint(FILE.onnx, pictures) is what
recogniser.train writes, so that `--init FILE.onnx` goes on from what is shipped where no checkpoint is left.

An export folds each batch norm into its convolution. Learning on without it is another network, so it is put back: by what the
convolutions give for `pictures`, such that the restored network computes what the file does, with its own statistics and with a batch's.
"""
import json
import os

import numpy as np
import onnx
import torch
from onnx import numpy_helper

from . import sets
from .net import ConvNorm, Recogniser

PREFIX = "model."  # export.Served holds the network under this name
AFTER = "_DequantizeLinear_Output"  # what the quantiser calls a constant that it has stored in int8


def constants(graph):
    """Name -> array of the graph's constants, those stored in integers as what they stand for."""
    stored = {i.name: numpy_helper.to_array(i) for i in graph.initializer}
    scales = {n.input[1] for n in graph.node if n.op_type in ("QuantizeLinear", "DequantizeLinear")}
    out = {k: v for k, v in stored.items() if v.dtype == np.float32 and k not in scales}
    for node in graph.node:
        if node.op_type != "DequantizeLinear" or node.input[0] not in stored:
            continue
        q, scale = stored[node.input[0]].astype(np.float32), stored[node.input[1]]
        zero = stored[node.input[2]].astype(np.float32) if len(node.input) > 2 and node.input[2] else np.zeros_like(scale)
        axis = next((a.i for a in node.attribute if a.name == "axis"), 1)
        shape = [-1 if i == axis % q.ndim else 1 for i in range(q.ndim)] if scale.ndim and q.ndim else []
        out[node.output[0].removesuffix(AFTER)] = (q - zero.reshape(shape)) * scale.reshape(shape) if shape else (q - zero) * scale
    return out


def weights(path):
    """The network's weights by their names in net.Recogniser, batch norms folded; fp32 of a file in fp32 or QDQ int8."""
    graph = onnx.load(path).graph
    known = constants(graph)
    made = {o: n for n in graph.node for o in n.output}
    out = {k.removeprefix(PREFIX): v for k, v in known.items() if k.startswith(PREFIX)}
    for node in graph.node:  # a linear layer is a product with a nameless, transposed matrix, then the sum with its bias
        bias = next((i.removesuffix(AFTER) for i in node.input if i.startswith(PREFIX) and i.removesuffix(AFTER).endswith(".bias")), None)
        if node.op_type != "Add" or bias is None:
            continue
        product = next(made.get(i) for i in node.input if not i.startswith(PREFIX))
        while product is not None and product.op_type in ("QuantizeLinear", "DequantizeLinear"):
            product = made.get(product.input[0])
        if product is not None and product.op_type == "MatMul":
            out[bias[len(PREFIX):-len("bias")] + "weight"] = known[product.input[1].removesuffix(AFTER)].T
    return {k: torch.from_numpy(np.array(v, np.float32)) for k, v in out.items()}


def model(path):
    """The network in the weights of an exported file, its batch norms doing nothing but adding the bias."""
    found = weights(path)
    if "region.bias" not in found:
        raise ValueError(f"{path} is no exported reader: it has no regions")
    net = Recogniser(len(found["region.bias"]), refine=any(k.startswith("refine") for k in found), columns=any(k.startswith("columns") for k in found)).eval()
    state = net.state_dict()
    for name, part in net.named_modules():
        if isinstance(part, ConvNorm):
            found[name + ".norm.bias"] = found.pop(name + ".conv.bias")
            found[name + ".norm.weight"] = torch.full_like(found[name + ".norm.bias"], (1 + part.norm.eps) ** .5)
    missing = [k for k in state if k not in found and ".norm.running_" not in k and not k.endswith("num_batches_tracked")]
    more = [k for k in found if k not in state]
    if missing or more:
        raise ValueError(f"{path} is no exported reader of this kind: it lacks {', '.join(missing) or 'nothing'} and also has {', '.join(more) or 'nothing'}")
    net.load_state_dict(found, strict=False)
    return net


def unfold(net, pictures, batch=128):
    """Gives the batch norms of `net` the statistics of what they are shown for pictures (uint8 [n,3,64,160], a few hundred)."""
    def show():
        for i in range(0, len(pictures), batch):
            net.eval()(pictures[i:i + batch])

    size = torch.cat([p.flatten(1).norm(dim=1) for n, p in net.named_parameters() if p.ndim == 2 and n.startswith("layers")]).mean()
    put_back([(m.conv, m.norm) for m in net.modules() if isinstance(m, ConvNorm)], show, size)
    return net


@torch.no_grad()
def put_back(pairs, show, size=None):
    """Gives each batch norm of pairs (convolution, batch norm) the statistics of what it meets while show() runs the network, and the scale and
    bias that undo them, so that nothing computed changes. With a size each filter gets that one, so that a step of Muon moves it as far as a row of that size."""
    sums = {c: [0, torch.zeros(()), torch.zeros(())] for c, _ in pairs}

    def add(c, _, z):
        s = sums[c]
        s[0] += z.numel() // z.shape[1]
        s[1], s[2] = s[1] + z.double().sum((0, 2, 3)), s[2] + (z.double() ** 2).sum((0, 2, 3))

    hooks = [c.register_forward_hook(add) for c, _ in pairs]
    show()
    for h in hooks:
        h.remove()
    for c, norm in pairs:
        n, total, squares = sums[c]
        mean, var = (total / n).float(), (squares / n - (total / n) ** 2).float()
        gain = norm.weight / (norm.running_var + norm.eps) ** .5
        shift = norm.bias - norm.running_mean * gain
        factor = size / c.weight.flatten(1).norm(dim=1).clamp(min=1e-6) if size is not None else torch.ones_like(gain)
        c.weight.mul_(factor[:, None, None, None])
        mean, var, gain = mean * factor, var * factor ** 2, gain / factor
        norm.running_mean.copy_(mean)
        norm.running_var.copy_(var)
        norm.weight.copy_(gain * (var + norm.eps) ** .5)
        norm.bias.copy_(shift + gain * mean)


def checkpoint(path, pictures):
    """What recogniser.train saves, but for the optimizers, of an exported file; how far that had learned is as the manifest beside it says."""
    net = unfold(model(path), pictures)
    state, training = net.state_dict(), learned(path)
    return dict(model=state, ema=state, step=training.get("steps", 0), samples=training.get("samples", 0), config=net.config, regions=sets.regions(), args={"seed": training.get("seed", 0)})


def learned(path):
    """What the manifest beside an exported file says of its training; nothing where there is none."""
    manifest = os.path.join(os.path.dirname(path), "manifest.json")
    if not os.path.exists(manifest):
        return {}
    with open(manifest) as f:
        entries = [e for e in json.load(f).values() if isinstance(e, dict)]
    return next((e["training"] for e in entries if os.path.basename(path) in (e.get("file"), e.get("file_int8"))), {})
