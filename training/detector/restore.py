"""Puts the weights of an exported detector back into the network that learns, so that detector.train --init detector.onnx goes on from what is shipped
where no checkpoint is left. Batch norms, which an export folds into their convolutions, get the statistics of training crops back."""

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import nn

from recogniser.restore import put_back

from .net import Detector


def in_order(model):
    """The convolutions in the order in which a picture meets them, which is that of the exported graph."""
    met = []
    hooks = [m.register_forward_hook(lambda m, *_: met.append(m)) for m in model.modules() if isinstance(m, nn.Conv2d)]
    with torch.no_grad():
        model(torch.zeros(1, 3, 64, 64))
    for hook in hooks:
        hook.remove()
    return met


def norms(model):
    """Pairs of a convolution and the batch norm behind it."""
    found = []
    for part in model.modules():
        if isinstance(part, nn.Sequential) and len(part) > 1 and isinstance(part[1], nn.BatchNorm2d):
            found.append((part[0], part[1]))
    return found


def load(path):
    """The network in the weights of an fp32 file, its batch norms doing nothing but adding the bias."""
    graph = onnx.load(str(path)).graph
    stored = {i.name: numpy_helper.to_array(i) for i in graph.initializer}
    nodes = [n for n in graph.node if n.op_type == "Conv"]
    model = Detector().eval()
    convs, after = in_order(model), dict(norms(model))
    if len(nodes) != len(convs) or any(i not in stored for n in nodes for i in n.input[1:]):
        raise ValueError(f"{path} is no exported detector of this kind: it has {len(nodes)} convolutions in fp32, {len(convs)} are expected")
    with torch.no_grad():
        for node, conv in zip(nodes, convs):
            weight, bias = (torch.from_numpy(np.array(stored[i])) for i in node.input[1:3])
            if conv is model.stem[0]:  # four pixels of a row were twelve channels there, and bytes went in
                out, (high, wide) = conv.out_channels, conv.kernel_size
                weight = weight.reshape(out, wide, 3, high).permute(0, 2, 3, 1) * 255
            conv.weight.copy_(weight)
            norm = after.get(conv)
            if norm is None:
                conv.bias.copy_(bias)
                continue
            norm.weight.fill_((1 + norm.eps) ** 0.5)
            norm.bias.copy_(bias)
    return model


def restore(path, batches):
    """load, with batch norms that know the statistics of batches (uint8 [N,H,W,3] BGR, a dozen of the training's)."""
    model = load(path)

    def show():
        for batch in batches:
            model(batch.permute(0, 3, 1, 2).float() / 255)

    put_back(norms(model), show)
    return model
