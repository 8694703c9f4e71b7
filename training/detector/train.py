"""Train the detector: python -m detector.train --data PLATES --out FOLDER.

Runs until a time of day or for a number of minutes, the learning rate falling
with the clock, so that it always ends annealed; started again, it goes on
from the last checkpoint. Averaged (EMA) weights are what is exported.
"""

import argparse
import copy
import json
import os
import signal
import time
from datetime import UTC, datetime
from pathlib import Path

import torch

from recogniser.train import has_bfloat16

from . import loss
from .net import Detector
from .pictures import build
from .restore import restore
from .sample import Sampler, Stream


def parse():
    """The command line."""
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--data", required=True, help="folder of the plate sets")
    p.add_argument("--out", required=True, help="folder for the picture cache, checkpoints and log")
    p.add_argument("--holdout", help='JSON {"rides": [{"ride", "from", "to"}]} of stretches never trained on')
    p.add_argument("--backgrounds", default="", help="folder of plate-free pictures")
    p.add_argument("--until", help="end at HH:MM (UTC) today")
    p.add_argument("--minutes", type=float, default=90, help="or after this long")
    p.add_argument("--init", help="exported detector.onnx to begin from")
    p.add_argument("--loaders", type=int, default=1, help="processes that draw crops; 0: the one that learns draws them too")
    p.add_argument("--rate", type=float, default=2e-3, help="highest learning rate")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--composite", type=float, default=0.4, help="share of crops with pasted plates")
    p.add_argument("--threads", type=int, default=1)
    p.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    return p.parse_args()


def echoed(stream, hold=24):
    """Each batch of the stream twice, some batches apart, mirrored the second time.

    Making a batch costs as much as learning from it; this halves that.
    """
    waiting = []
    for pictures, truth in stream:
        yield pictures, truth
        waiting.append((pictures, truth))
        if len(waiting) > hold:
            yield mirrored(*waiting.pop(0))


def mirrored(pictures, truth):
    """A batch flipped left to right."""
    width = pictures.shape[2]
    truth = dict(truth)
    for key in ("boxes", "ignore"):
        b = truth[key]
        truth[key] = torch.stack((width - b[..., 2], b[..., 1], width - b[..., 0], b[..., 3]), -1)
    corners = truth["corners"].unflatten(-1, (4, 2))[..., [1, 0, 3, 2], :].clone()
    corners[..., 0] = width - corners[..., 0]
    truth["corners"] = corners.flatten(-2)
    return pictures.flip(2), truth


class Average:
    """Exponential moving average of a model's weights and statistics."""

    def __init__(self, model):
        self.model = copy.deepcopy(model).eval()
        self.steps = 0

    @torch.no_grad()
    def update(self, model):
        self.steps += 1
        keep = min(0.9985, (1 + self.steps) / (10 + self.steps))
        for mine, theirs in zip(self.model.state_dict().values(), model.state_dict().values()):
            if mine.is_floating_point():
                mine.lerp_(theirs.to(mine.dtype), 1 - keep)
            else:
                mine.copy_(theirs)


def rate_at(share, warm, highest):
    """The learning rate after a share (0..1) of the time: warm-up, then a straight fall to 1 %."""
    return highest * min(1.0, warm) * max(0.01, 1 - share)


def save(path, model, average, optimiser, step, seen, args):
    """Write a checkpoint whole or not at all."""
    # seen counts crops, each mirrored copy as one more
    state = {"model": model.state_dict(), "ema": average.model.state_dict(), "optimiser": optimiser.state_dict(),
             "ema_steps": average.steps, "step": step, "seen": seen, "args": vars(args)}
    torch.save(state, f"{path}.new")
    os.replace(f"{path}.new", path)


def prepare(args):
    """Build the picture cache once."""
    cache = Path(args.out) / "cache"
    if not (cache / "index.json").exists():
        holdout = json.loads(Path(args.holdout).read_text()) if args.holdout else {"rides": []}
        extra = sorted(Path(args.backgrounds).glob("*.jpg")) if args.backgrounds else []
        build(args.data, holdout, cache, extra)
    return cache


def end_time(args):
    """When to stop, in seconds since the epoch."""
    if not args.until:
        return time.time() + args.minutes * 60
    hour, minute = map(int, args.until.split(":"))
    return datetime.now(UTC).replace(hour=hour, minute=minute, second=0).timestamp()


def begin(args, cache):
    """The network before its first step: new, or as it was exported."""
    if not args.init:
        return Detector()
    sampler = Sampler(cache, args.seed, args.composite)
    return restore(args.init, [sampler.batch()[0] for _ in range(16)]).train()


def train(args):
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    out = Path(args.out)
    cache = prepare(args)
    model = begin(args, cache).to(args.device, memory_format=torch.channels_last)
    average = Average(model)
    decayed = [p for p in model.parameters() if p.ndim > 1]
    plain = [p for p in model.parameters() if p.ndim <= 1]
    optimiser = torch.optim.AdamW([{"params": decayed, "weight_decay": 0.02}, {"params": plain, "weight_decay": 0.0}])
    step, seen, checkpoint = 0, 0, out / "last.pt"
    if checkpoint.exists():
        state = torch.load(checkpoint, map_location=args.device, weights_only=False)
        model.load_state_dict(state["model"])
        average.model.load_state_dict(state["ema"])
        optimiser.load_state_dict(state["optimiser"])
        step, average.steps, seen = state["step"], state["ema_steps"], state.get("seen", 0)
    stream = torch.utils.data.DataLoader(Stream(cache, args.seed + step, args.composite), batch_size=None, num_workers=args.loaders, prefetch_factor=6 if args.loaders else None)
    start, end = time.time(), end_time(args)
    stopped = []
    signal.signal(signal.SIGTERM, lambda *_: stopped.append(True))
    sums, saved, first, before = {}, time.time(), step, seen
    for pictures, truth in echoed(stream):
        now = time.time()
        if now >= end or stopped:
            break
        for group in optimiser.param_groups:
            group["lr"] = rate_at((now - start) / (end - start), (step - first + 1) / 200, args.rate)
        x = pictures.to(args.device).permute(0, 3, 1, 2).float().div_(255)
        with torch.autocast(args.device, torch.bfloat16, enabled=args.device != "cpu" or has_bfloat16()):
            maps = model(x)
        total, parts = loss.measure(maps, {k: v.to(args.device) for k, v in truth.items()})
        optimiser.zero_grad(set_to_none=True)
        total.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 10.0)
        optimiser.step()
        average.update(model)
        step += 1
        seen += len(pictures)
        for key, value in parts.items():
            sums[key] = sums.get(key, 0.0) + value.item()
        if step % 100 == 0:
            means = " ".join(f"{k} {v / 100:.3f}" for k, v in sums.items())
            print(f"step {step} {means} crops/s {(seen - before) / (time.time() - start):.1f} rate {group['lr']:.2e}", flush=True)
            sums = {}
        if time.time() - saved > 120:
            save(checkpoint, model, average, optimiser, step, seen, args)
            saved = time.time()
    save(checkpoint, model, average, optimiser, step, seen, args)


if __name__ == "__main__":
    train(parse())
