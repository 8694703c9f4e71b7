"""What a network must answer on every computer: python -m selftest --models DIR [NAME ...] puts "self_test" into DIR/manifest.json.

The program asks each network before it uses it (models/selftest.go), so that a processor whose kernels compute something else is not believed. The
picture comes from a formula: black and white squares, which drive the 8-bit kernels to their limits. The answers are those of kernels that cannot
saturate. Of some seeds the one is taken whose answers depend least on how the runtime rounds in between, so that what is left is the kernels' own.
"""
import argparse
import hashlib
import json
import os

import numpy as np
import onnxruntime as ort

SEEDS = range(1, 41)
DETECTOR = (96, 160)  # height and width for a network that takes any
VALUES = 16  # of each output
TOLERANCE = .02


def picture(height, width, seed):
    """Black and white squares, eight pixels wide in the left half, two in the right half; models.SelfTestPicture makes the same."""
    x = np.zeros((height, width, 3), np.uint8)
    for first, last, size in ((0, width // 2, 8), (width // 2, width, 2)):
        for top in range(0, height, size):
            for left in range(first, last, size):
                seed = (seed * 1664525 + 1013904223) % 2 ** 32
                x[top:top + size, left:min(left + size, last)] = 255 if seed >> 31 else 0
    return x


def runner(path, rewritten=True):
    """A function from a picture to the outputs by name: by exact 8-bit kernels, or without the runtime's rewriting, node by node in float."""
    o = ort.SessionOptions()
    o.intra_op_num_threads, o.log_severity_level = 1, 3
    o.add_session_config_entry("session.x64quantprecision", "1")
    if not rewritten:
        o.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    s = ort.InferenceSession(path, o, providers=["CPUExecutionProvider"])
    names = [i.name for i in s.get_outputs()]
    return lambda x: dict(zip(names, s.run(None, {s.get_inputs()[0].name: x[None]})))


def chosen(output):
    """Which values to hold a computer to: the greatest, or of a detector's rows those of the greatest scores, the whole row of the first among them."""
    if output.ndim == 3 and output.shape[2] == 13:
        rows = np.argsort(-output[0, :, 0], kind="stable")
        return sorted({int(r) * 13 for r in rows[:VALUES]} | {int(rows[0]) * 13 + k for k in range(13)})
    return sorted(int(i) for i in np.argsort(-output.ravel(), kind="stable")[:VALUES])


def apart(a, b):
    """How far two answers are apart at the values chosen from the first."""
    at = {name: chosen(out) for name, out in a.items()}
    return max(float((np.abs(out.ravel() - b[name].ravel())[at[name]] / np.maximum(1, np.abs(out.ravel()[at[name]]))).max()) for name, out in a.items())


def answers(run, x):
    return {name: {"at": at, "is": [round(float(v), 5) for v in out.ravel()[at]]} for name, out in run(x).items() for at in [chosen(out)]}


def describe(models, entry):
    """The "self_test" of a network's entry, from its files in the folder."""
    paths = {kind: os.path.join(models, entry[key]) for kind, key in (("fp32", "file"), ("int8", "file_int8")) if entry[key]}
    runs = {kind: runner(path) for kind, path in paths.items()}
    small = "int8" if "int8" in paths else "fp32"
    unwritten = runner(paths[small], False)
    height, width = entry["input"]["height"] or DETECTOR[0], entry["input"]["width"] or DETECTOR[1]
    seed = min(SEEDS, key=lambda s: apart(runs[small](picture(height, width, s)), unwritten(picture(height, width, s))))
    x = picture(height, width, seed)
    return {"height": height, "width": width, "seed": seed, "tolerance": TOLERANCE, **{kind: answers(run, x) for kind, run in runs.items()}}


def dump(manifest, path):
    """Writes a manifest with a line for each list of numbers."""
    lists = {}

    def short(v):
        if isinstance(v, list) and v and all(isinstance(i, (int, float)) for i in v):
            key = f"\x00{len(lists)}\x00"
            lists[json.dumps(key)] = json.dumps(v)
            return key
        if isinstance(v, dict):
            return {k: short(i) for k, i in v.items()}
        return [short(i) for i in v] if isinstance(v, list) else v

    text = json.dumps({k: short(manifest[k]) for k in sorted(manifest)}, indent=1)
    for key, line in lists.items():
        text = text.replace(key, line)
    with open(path + ".tmp", "w") as f:
        f.write(text + "\n")
    os.rename(path + ".tmp", path)


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--models", required=True)
    p.add_argument("--rehash", action="store_true", help="also put the files' SHA-256 into the manifest")
    p.add_argument("names", nargs="*", help="detector, corners, reader, second_reader; all unless told")
    a = p.parse_args()
    path = os.path.join(a.models, "manifest.json")
    with open(path) as f:
        manifest = json.load(f)
    for name in a.names or sorted(manifest):
        entry = manifest[name]
        for file, sha in (("file", "sha256"), ("file_int8", "sha256_int8")) if a.rehash else ():
            if entry[file]:
                with open(os.path.join(a.models, entry[file]), "rb") as f:
                    entry[sha] = hashlib.sha256(f.read()).hexdigest()
        entry["self_test"] = describe(a.models, entry)
        print(name, "seed", entry["self_test"]["seed"])
    dump(manifest, path)


if __name__ == "__main__":
    main()
