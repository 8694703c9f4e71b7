"""Int8 weights that every processor multiplies alike: python -m pairs INT8.onnx [FP32.onnx] writes INT8.onnx anew.

On x86 without VNNI the fast 8-bit kernels (VPMADDUBSW) add the products of two neighbours, bytes times weights, in 16 bits: beyond ±32767 they saturate
without a word. A byte is at most 255, so two neighbours whose weights of one sign sum to at most 128 cannot: 255 · 128 = 32640. This module chooses each
output channel's scale, and rounds its weights (rounding.py), so that they err least under that bound. Neighbours are taken along the sum, as the kernels lay it out:
colour (input channel) fastest, then the kernel's columns and rows.

Sums of two quantised tensors are computed in float, with one rounding more or less by processor. Where a sum of two of the 256 × 256 steps lies just
between two steps of the result, processors differ by a step, and what follows makes much of it: such a result's scale is moved by a thousandth or so
until no sum lies there.
"""
import argparse

import numpy as np
import onnx
from onnx import numpy_helper

from rounding import quantise

NUDGES = np.linspace(1, 1.006, 601)  # of a sum's scale
PATCHES = 40  # of a picture's places whose inputs of a convolution are taken, at most
MARGIN = 4e-5  # steps between a sum and the middle of two steps: the rounding of products up to 400 steps is 1.2e-5


def rows(node, w):
    """Weights as [outputs, along the sum], in the kernels' order, and the way back."""
    if node.op_type == "Conv":
        out, per, *kernel = w.shape
        return np.moveaxis(w, 1, -1).reshape(out, -1), lambda f: np.moveaxis(f.reshape(out, *kernel, per), -1, 1)
    turned = node.op_type == "MatMul" or not any(a.name == "transB" and a.i for a in node.attribute)
    return (w.T, lambda f: f.T) if turned else (w, lambda f: f)


def weights(graph):
    """The products of a QDQ graph whose weights are int8: (node, weight's DequantizeLinear, bias's or None)."""
    made = {o: n for n in graph.node for o in n.output}
    known = {i.name for i in graph.initializer}
    for node in graph.node:
        if node.op_type not in ("Conv", "MatMul", "Gemm"):
            continue
        by = [made.get(i) for i in node.input]
        w = by[1]
        if w is not None and w.op_type == "DequantizeLinear" and w.input[0] in known:
            yield node, by[0], w, by[2] if len(by) > 2 else None


def sums(graph):
    """The sums of two quantised tensors: (the inputs' DequantizeLinear, the result's QuantizeLinear)."""
    made = {o: n for n in graph.node for o in n.output}
    used = {}
    for n in graph.node:
        for i in n.input:
            used.setdefault(i, []).append(n)
    for node in graph.node:
        parts = [made.get(i) for i in node.input]
        if node.op_type != "Add" or any(p is None or p.op_type != "DequantizeLinear" or p.input[0] not in made for p in parts):
            continue
        after = used.get(node.output[0], [])
        while len(after) == 1 and after[0].op_type == "Relu":
            after = used.get(after[0].output[0], [])
        if len(after) != 1 or after[0].op_type != "QuantizeLinear":
            continue
        yield node, parts, after[0], [u for dq in used[after[0].output[0]] for u in used.get(dq.output[0], [])]


def clear(a, b, into):
    """How far, in steps of the result, the sums of any two steps stay from the middle of two steps; each (scale, zero)."""
    step = np.arange(256.0)
    r = ((step - a[1]) * a[0] / into[0])[:, None] + ((step - b[1]) * b[0] / into[0])[None] + into[1]
    r = r[(r > 0) & (r < 255)]
    return float(np.abs(r - np.floor(r) - .5).min())


def untie(graph, value, put):
    """Moves the scales of sums that lie between two steps. Weights' biases that follow are for tame to set anew."""
    moved = {}
    for node, parts, q, followers in sums(graph):
        one, other, into = ([float(value[n.input[1]]), float(value[n.input[2]])] for n in (*parts, q))
        margin = clear(one, other, into)
        if margin >= MARGIN or any(f.op_type not in ("Conv", "MatMul", "Gemm", "Add", "Relu") for f in followers):
            moved[node.name] = margin, margin
            continue
        best = max(NUDGES, key=lambda n: clear(one, other, [np.float32(into[0] * n), into[1]]))
        put(q.input[1], np.float32(into[0] * best).reshape(value[q.input[1]].shape))
        value[q.input[1]] = np.float32(into[0] * best).reshape(value[q.input[1]].shape)
        moved[node.name] = margin, clear(one, other, [value[q.input[1]], into[1]])
    return moved


def patches(x, node, shape, rng):
    """What one output of the node sees, [k, n] in the kernels' order (rows), at places of x drawn at random; shape is the weight's."""
    if node.op_type != "Conv":
        x = x.reshape(-1, x.shape[-1])
        return x[rng.permutation(len(x))[: PATCHES * 16]]
    _, per, kh, kw = shape
    named = {a.name: list(a.ints) for a in node.attribute if a.ints}
    top, left, bottom, right = named.get("pads", [0] * 4)
    down, right_by = named.get("strides", [1, 1])
    if any(d != 1 for d in named.get("dilations", [1])) or per != x.shape[1]:
        return None
    x = np.pad(x, ((0, 0), (0, 0), (top, bottom), (left, right)))
    seen = np.lib.stride_tricks.sliding_window_view(x, (kh, kw), (2, 3))[:, :, ::down, ::right_by]  # [N,C,H,W,kh,kw]
    n, h, w = seen.shape[0], seen.shape[2], seen.shape[3]
    count = min(PATCHES, h * w)
    at = np.stack([rng.permutation(h * w)[:count] for _ in range(n)])
    picked = np.concatenate([seen[i][:, at[i] // w, at[i] % w] for i in range(n)], 1)  # [C,k,kh,kw]
    return picked.transpose(1, 2, 3, 0).reshape(picked.shape[1], -1)


def moments(path, feeds, seed=3):
    """Node's name -> H = E[x xᵀ] of what reaches each product of the int8 file while it is shown feeds, input dicts of onnxruntime."""
    model = onnx.load(path)
    held = {i.name: i for i in model.graph.initializer}
    shapes, nodes = {}, {}
    for node, x, dq, _ in weights(model.graph):
        if x is not None:
            nodes[node.name], shapes[node.name] = node, tuple(held[dq.input[0]].dims)
    wanted = {name: node.input[0] for name, node in nodes.items()}
    known = {o.name for o in model.graph.output}
    for tensor in sorted(set(wanted.values()) - known):
        model.graph.output.append(onnx.helper.make_empty_tensor_value_info(tensor))
    import onnxruntime as ort  # for this alone: the rest is arithmetic on a file
    o = ort.SessionOptions()
    o.intra_op_num_threads, o.log_severity_level, o.graph_optimization_level = 1, 3, ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = ort.InferenceSession(model.SerializeToString(), o, providers=["CPUExecutionProvider"])
    rng, sums = np.random.default_rng(seed), {}
    tensors = sorted(set(wanted.values()))
    for feed in feeds:
        values = dict(zip(tensors, session.run(tensors, feed)))
        for name, node in nodes.items():
            p = patches(values[wanted[name]], node, shapes[name], rng)
            if p is None:
                continue
            p = p.astype(np.float64)
            s = sums.setdefault(name, [0, 0.0])
            s[0], s[1] = s[0] + len(p), s[1] + p.T @ p
    return {name: h / n for name, (n, h) in sums.items()}


def tame(path, fp32=None, feeds=None):
    """Rewrites the int8 file so that no kernel saturates. With the fp32 file it was made from, weights are rounded from there, else from the int8 ones;
    with feeds, input dicts of onnxruntime, by what these make the weights multiply (rounding.py), else each to the nearest. Returns the error of each
    product: as a share of the weights, or of what they make."""
    model = onnx.load(path)
    graph = model.graph
    held = {i.name: i for i in graph.initializer}
    value = {n: numpy_helper.to_array(i) for n, i in held.items()}
    exact = {}
    if fp32 is not None:
        exact = {i.name: numpy_helper.to_array(i) for i in (fp32 if isinstance(fp32, onnx.ModelProto) else onnx.load(fp32)).graph.initializer}

    def put(name, array):
        held[name].CopyFrom(numpy_helper.from_array(np.array(array, order="C"), name))

    seen = moments(path, feeds) if feeds is not None else {}
    untie(graph, value, put)
    done = {}
    for node, x, dq, bias in weights(graph):
        name = dq.input[0]
        if name in done:
            raise ValueError(f"{node.name}: weights {name} are shared")
        old, scale = value[name], value[dq.input[1]].astype(np.float64)
        axis = next((a.i for a in dq.attribute if a.name == "axis"), 1)
        shape = [-1 if i == axis else 1 for i in range(old.ndim)]
        plain = old * (scale.reshape(shape) if scale.ndim else scale)
        source = exact.get(name.removesuffix("_quantized"))
        if source is not None:
            if source.shape != plain.shape or np.abs(source - plain).max() > 1.01 * scale.max():
                raise ValueError(f"{node.name}: {name} is not of the fp32 file")
            plain = source.astype(np.float64)
        flat, back = rows(node, plain)
        q, new, error = quantise(flat, seen.get(node.name))
        put(name, back(q))
        put(dq.input[1], new)
        if bias is not None:
            b, s = value[bias.input[0]], value[bias.input[1]].astype(np.float64)  # the scale of before: of the true bias
            held_bias = exact.get(bias.input[0].removesuffix("_quantized"), b * s)
            step = (value[x.input[1]].astype(np.float32) * new).astype(np.float32)
            put(bias.input[0], np.clip(np.rint(held_bias / step), -2**31, 2**31 - 1).astype(np.int32))
            put(bias.input[1], step)
        done[name] = error
    onnx.checker.check_model(model)
    onnx.save(model, path)
    return done


def worst(path):
    """The largest sum of two neighbours' weights of one sign in an int8 file: at most BOUND where no kernel saturates."""
    graph = onnx.load(path).graph
    value = {i.name: numpy_helper.to_array(i) for i in graph.initializer}
    most = 0
    for node, _, dq, _ in weights(graph):
        flat, _ = rows(node, value[dq.input[0]].astype(int))
        pairs = np.concatenate([flat, np.zeros((len(flat), flat.shape[1] % 2), int)], 1).reshape(len(flat), -1, 2)
        for signed in (pairs, -pairs):
            most = max(most, int(np.clip(signed, 0, None).sum(-1).max()))
    return most


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("int8")
    p.add_argument("fp32", nargs="?")
    a = p.parse_args()
    print(a.int8, "worst pair before", worst(a.int8))
    for name, e in tame(a.int8, a.fp32).items():
        print(f"{name:60} error {e:.4f}")
    print(a.int8, "worst pair", worst(a.int8))
    graph = onnx.load(a.int8).graph
    value = {i.name: numpy_helper.to_array(i) for i in graph.initializer}
    for node, parts, q, _ in sums(graph):
        print(f"{node.name:60} sums stay {clear(*([float(value[n.input[1]]), float(value[n.input[2]])] for n in (*parts, q))):.1e} steps from a tie")


if __name__ == "__main__":
    main()
