"""Makes the five tiny networks of the tests and their manifest (needs numpy and onnx).

They have the real networks' interface, but compute something a test can
predict without any training:

detector.onnx  scores how magenta an 80x32 window is, in steps of 8 pixels, and
               reports each window as a plate.
corners.onnx   says that the plate was found where it is, or on a green ground (mean green less red 60 and more) that it stands
               a tenth of the cut further right.
reader.onnx    cuts the plate into ten columns; the mean blue of column i, from
               0 to 255, is slot i's symbol from 0 to 36. The mean red of the
               whole plate is the region.
second.onnx    the same, but reads blue and an eighth of green.
saturating.onnx  eight shares of the picture's brightness, with 8-bit weights so large that kernels which add two products in 16 bits saturate: the
               int8 file of the corner network, with the answers of kernels that do not.

usage: python make.py   (writes beside itself)
"""
import hashlib
import json
import pathlib
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper as h, numpy_helper as nh

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1] / "training"))
import selftest  # noqa: E402
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
REGIONS = ["US-FL", "US-TX", "DE", ""]
MARGIN = {"x": 0.2, "y": 0.5}
INPUTS = {"detector": "image", "corners": "cut", "reader": "plate", "second": "plate"}


def const(name, value, dtype=np.float32):
    return nh.from_array(np.asarray(value, dtype), name)


def save(name, nodes, inputs, outputs, consts):
    graph = h.make_graph(nodes, name, inputs, outputs, consts)
    model = h.make_model(graph, opset_imports=[h.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    onnx.save(model, HERE / f"{name}.onnx")


def detector():
    consts = [
        const("magenta", [[[[0.5 / 255]], [[-1 / 255]], [[0.5 / 255]]]]),
        const("zero", 0.0), const("eight", 8.0), const("four", 4.0),
        const("i0", 0, np.int64), const("i1", 1, np.int64),
        const("ax1", [1], np.int64), const("flat", [1, 13, -1], np.int64),
        const("w2", 40.0), const("h2", 16.0),
    ]
    nodes = [
        h.make_node("Cast", ["image"], ["f"], to=TensorProto.FLOAT),
        h.make_node("Transpose", ["f"], ["nchw"], perm=[0, 3, 1, 2]),
        h.make_node("Conv", ["nchw", "magenta"], ["m"]),
        h.make_node("Relu", ["m"], ["r"]),
        h.make_node("AveragePool", ["r"], ["score"], kernel_shape=[32, 80], strides=[8, 8],
                    pads=[12, 36, 12, 36], count_include_pad=1),
        h.make_node("Shape", ["score"], ["hh"], start=2, end=3),
        h.make_node("Shape", ["score"], ["ww"], start=3, end=4),
        h.make_node("Squeeze", ["hh"], ["hs"]),
        h.make_node("Squeeze", ["ww"], ["ws"]),
        h.make_node("Range", ["i0", "hs", "i1"], ["yi"]),
        h.make_node("Range", ["i0", "ws", "i1"], ["xi"]),
        h.make_node("Cast", ["yi"], ["yf"], to=TensorProto.FLOAT),
        h.make_node("Cast", ["xi"], ["xf"], to=TensorProto.FLOAT),
        h.make_node("Unsqueeze", ["yf", "ax1"], ["yc"]),
        h.make_node("Mul", ["yc", "eight"], ["y8"]),
        h.make_node("Mul", ["xf", "eight"], ["x8"]),
        h.make_node("Add", ["y8", "four"], ["y4"]),
        h.make_node("Add", ["x8", "four"], ["x4"]),
        h.make_node("Mul", ["score", "zero"], ["none"]),
        h.make_node("Add", ["none", "y4"], ["y"]),
        h.make_node("Add", ["none", "x4"], ["x"]),
        h.make_node("Sub", ["x", "w2"], ["x1"]), h.make_node("Add", ["x", "w2"], ["x2"]),
        h.make_node("Sub", ["y", "h2"], ["y1"]), h.make_node("Add", ["y", "h2"], ["y2"]),
        h.make_node("Concat", ["score", "x1", "y1", "x2", "y2",
                               "x1", "y1", "x2", "y1", "x2", "y2", "x1", "y2"], ["all"], axis=1),
        h.make_node("Reshape", ["all", "flat"], ["rows"]),
        h.make_node("Transpose", ["rows"], ["plates"], perm=[0, 2, 1]),
    ]
    save("detector", nodes,
         [h.make_tensor_value_info("image", TensorProto.UINT8, [1, "h", "w", 3])],
         [h.make_tensor_value_info("plates", TensorProto.FLOAT, [1, "a", 13])], consts)


def corners():
    x, y = MARGIN["x"] / (1 + 2 * MARGIN["x"]), MARGIN["y"] / (1 + 2 * MARGIN["y"])
    consts = [
        const("green", [[[[0.0]], [[1.0]], [[-1.0]]]]), const("least", -50.0), const("tenth", 0.01), const("most", 0.1), const("none", 0.0),
        const("right", [[[1.0, 0.0]]]), const("place", [[[x, y], [1 - x, y], [1 - x, 1 - y], [x, 1 - y]]]), const("ax3", [3], np.int64),
    ]
    nodes = [
        h.make_node("Cast", ["cut"], ["f"], to=TensorProto.FLOAT),
        h.make_node("Transpose", ["f"], ["nchw"], perm=[0, 3, 1, 2]),
        h.make_node("Conv", ["nchw", "green"], ["g"]),
        h.make_node("GlobalAveragePool", ["g"], ["mean"]),
        h.make_node("Squeeze", ["mean", "ax3"], ["m3"]),
        h.make_node("Add", ["m3", "least"], ["over"]),
        h.make_node("Mul", ["over", "tenth"], ["step"]),
        h.make_node("Clip", ["step", "none", "most"], ["shift"]),
        h.make_node("Mul", ["shift", "right"], ["move"]),
        h.make_node("Add", ["move", "place"], ["corners"]),
    ]
    save("corners", nodes,
         [h.make_tensor_value_info("cut", TensorProto.UINT8, ["n", 64, 128, 3])],
         [h.make_tensor_value_info("corners", TensorProto.FLOAT, ["n", 4, 2])], consts)


def reader(name, seen):
    consts = [
        const("symbols", np.arange(37).reshape(1, 1, 37)),
        const("levels", np.linspace(0, 36, len(REGIONS)).reshape(1, 1, len(REGIONS))),
        const("scale", 36 / 255), const("sharp", -4.0), const("ax2", [2], np.int64), const("ax1", [1], np.int64),
        const("seen", seen), const("red", [[[[0.0]], [[0.0]], [[1.0]]]]),
    ]
    nodes = [
        h.make_node("Cast", ["plate"], ["f"], to=TensorProto.FLOAT),
        h.make_node("Transpose", ["f"], ["nchw"], perm=[0, 3, 1, 2]),
        h.make_node("Conv", ["nchw", "seen"], ["b"]),
        h.make_node("AveragePool", ["b"], ["columns"], kernel_shape=[64, 16], strides=[64, 16]),
        h.make_node("Mul", ["columns", "scale"], ["level4"]),
        h.make_node("Squeeze", ["level4", "ax2"], ["level3"]),
        h.make_node("Transpose", ["level3"], ["level"], perm=[0, 2, 1]),
        h.make_node("Sub", ["level", "symbols"], ["d"]),
        h.make_node("Mul", ["d", "d"], ["dd"]),
        h.make_node("Mul", ["dd", "sharp"], ["logit"]),
        h.make_node("Softmax", ["logit"], ["slots"], axis=2),
        h.make_node("Conv", ["nchw", "red"], ["r"]),
        h.make_node("GlobalAveragePool", ["r"], ["rm"]),
        h.make_node("Mul", ["rm", "scale"], ["rs4"]),
        h.make_node("Squeeze", ["rs4", "ax2"], ["rs"]),
        h.make_node("Sub", ["rs", "levels"], ["rd"]),
        h.make_node("Mul", ["rd", "rd"], ["rdd"]),
        h.make_node("Neg", ["rdd"], ["rl"]),
        h.make_node("Softmax", ["rl"], ["rp"], axis=2),
        h.make_node("Squeeze", ["rp", "ax1"], ["region"]),
    ]
    save(name, nodes,
         [h.make_tensor_value_info("plate", TensorProto.UINT8, ["n", 64, 160, 3])],
         [h.make_tensor_value_info("slots", TensorProto.FLOAT, ["n", 10, 37]),
          h.make_tensor_value_info("region", TensorProto.FLOAT, ["n", len(REGIONS)])], consts)


def saturating():
    """QDQ, as the quantiser writes it: corner value i is (8 - i) / 8 of the mean brightness."""
    share = (8 - np.arange(8)) / 8
    consts = [
        const("one", 1.0), const("zero", 0, np.uint8), const("small", np.full(8, 1 / 127 / 192)), const("none", np.zeros(8), np.int8),
        const("weights", np.broadcast_to(np.rint(127 * share).reshape(8, 1, 1, 1), (8, 3, 8, 8)), np.int8),
        const("white", 1 / 255), const("shape", [-1, 4, 2], np.int64),
    ]
    nodes = [
        h.make_node("Transpose", ["cut"], ["bytes"], perm=[0, 3, 1, 2]),
        h.make_node("Cast", ["bytes"], ["f"], to=TensorProto.FLOAT),
        h.make_node("QuantizeLinear", ["f", "one", "zero"], ["xq"]),
        h.make_node("DequantizeLinear", ["xq", "one", "zero"], ["x"]),
        h.make_node("DequantizeLinear", ["weights", "small", "none"], ["w"], axis=0),
        h.make_node("Conv", ["x", "w"], ["y"], strides=[8, 8]),
        h.make_node("QuantizeLinear", ["y", "one", "zero"], ["yq"]),
        h.make_node("DequantizeLinear", ["yq", "one", "zero"], ["shares"]),
        h.make_node("GlobalAveragePool", ["shares"], ["mean"]),
        h.make_node("Reshape", ["mean", "shape"], ["level"]),
        h.make_node("Mul", ["level", "white"], ["corners"]),
    ]
    save("saturating", nodes,
         [h.make_tensor_value_info("cut", TensorProto.UINT8, ["n", 64, 128, 3])],
         [h.make_tensor_value_info("corners", TensorProto.FLOAT, ["n", 4, 2])], consts)


def answers(height, width, file, seed=7):
    """The corner network's self-test: of the fp32 file what it computes, of the saturating one what it is made to."""
    x = selftest.picture(height, width, seed)
    bright = float(x.mean() / 255)
    return {"height": height, "width": width, "seed": seed, "tolerance": 0.02,
            "fp32": selftest.answers(selftest.runner(str(HERE / file)), x),
            "int8": {"corners": {"at": list(range(8)), "is": [round(bright * (8 - i) / 8, 4) for i in range(8)]}}}


def entry(name, shape, **more):
    sha = hashlib.sha256((HERE / f"{name}.onnx").read_bytes()).hexdigest()
    return {
        "name": name, "version": "test", "file": f"{name}.onnx", "sha256": sha,
        "file_int8": "", "sha256_int8": "", "default": "fp32",
        "input": {"name": INPUTS[name], "layout": "NHWC", "dtype": "uint8",
                  "color": "BGR", "height": shape[0], "width": shape[1]},
        **more,
        "training": {}, "figures": {},
    }


def view(**more):
    return {"weight": 1.0, "region_weight": 1.0, "padding": 0.0, "downscaled_to": 0, "by_box": False, "odd_field": False, "stills_only": False, **more}


FAR = view(padding=0.03, downscaled_to=90, stills_only=True)


def main():
    detector()
    corners()
    reader("reader", [[[[1.0]], [[0.0]], [[0.0]]]])
    reader("second", [[[[1.0]], [[0.125]], [[0.0]]]])
    saturating()
    reads = dict(outputs=["slots", "region"], alphabet=ALPHABET, pad=36, regions=REGIONS, region_threshold=0.5, margin=0.0)
    manifest = {
        "detector": entry("detector", (0, 0), outputs=["plates"], score_threshold=0.5, nms_iou=0.1,
                          search={"budget": 522240, "min_scale": 0.47, "max_scale": 0.6, "small_frame": 640, "sure_score": 0.8}),
        "corners": entry("corners", (64, 128), outputs=["corners"], margin=MARGIN),
        "reader": entry("reader", (64, 160), **reads, calibration={"kind": "platt-on-logit-product", "a": 0.8, "b": 0.1},
                        views=[view(weight=2.0, region_weight=2.0), FAR], views_alone=[view(), FAR, view(by_box=True, stills_only=True)],
                        sure_from=0.97, unreadable=0.02),
        "second_reader": entry("second", (64, 160), **reads, calibration={"kind": "platt-on-logit-product", "a": 0.5, "b": 0.0},
                               views=[view(region_weight=0.0, odd_field=True)]),
    }
    sha = hashlib.sha256((HERE / "saturating.onnx").read_bytes()).hexdigest()
    manifest["corners"].update(file_int8="saturating.onnx", sha256_int8=sha, self_test=answers(64, 128, "corners.onnx"))
    for name in ("reader", "second_reader"):
        manifest[name]["self_test"] = selftest.describe(str(HERE), manifest[name])
    selftest.dump(manifest, str(HERE / "manifest.json"))


if __name__ == "__main__":
    main()
