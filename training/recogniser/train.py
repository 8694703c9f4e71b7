"""Trains the reader: python -m recogniser.train --data SETS --holdout FILE --plates CACHE --out DIR --until HH:MM or +N minutes.

The learning rate follows the clock (warm-up, flat, then a linear fall to nothing over the last `--fall` of the time), so a run
ends annealed when its time is up, however fast the machine is. It goes on from DIR/last.pt when that is there.

Several processes may learn one network together, each on a core of its own: torchrun --standalone --nproc-per-node N -m recogniser.train …;
their gradients are averaged, --batch is what each of them draws, and the first keeps the log and the checkpoint.
"""
import argparse
import copy
import functools
import json
import os
import time

import cv2
import numpy as np
import torch
import torch.distributed as together
import torch.nn.functional as F

from . import restore, sets
from .clock import clock, schedule
from .evaluate import rectify
from .heads import HEADS
from .net import Columns, slots_loss
from .stream import WITHOUT, Stream


class Muon(torch.optim.Optimizer):
    """Momentum whose step is made orthogonal by Newton-Schulz iterations (Jordan et al. 2024), for hidden matrices."""

    def __init__(self, params, lr, momentum=.95, decay=.02):
        super().__init__(params, dict(lr=lr, momentum=momentum, decay=decay))

    @torch.no_grad()
    def step(self):
        for g in self.param_groups:
            for p in g["params"]:
                if p.grad is None:
                    continue
                buf = self.state[p].setdefault("momentum", torch.zeros_like(p))
                buf.lerp_(p.grad, 1 - g["momentum"])
                u = orthogonal(p.grad.lerp(buf, g["momentum"]).flatten(1))
                scale = max(1.0, u.shape[0] / u.shape[1]) ** .5
                p.mul_(1 - g["lr"] * g["decay"]).add_(u.view_as(p), alpha=-g["lr"] * scale)


def orthogonal(m, steps=5):
    """The nearest semi-orthogonal matrix, roughly."""
    x = m / (m.norm() + 1e-7)
    tall = x.shape[0] > x.shape[1]
    x = x.T if tall else x
    for _ in range(steps):
        a = x @ x.T
        x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
    return x.T if tall else x


def optimizers(model, lr):
    """Muon for hidden matrices and convolutions, AdamW for the rest."""
    hidden, other = [], []
    for name, p in model.named_parameters():
        inner = p.ndim >= 2 and not name.startswith(("stem.0", "position", "query", "before", "chars", "columns.chars", "told", "region"))
        (hidden if inner else other).append(p)
    return [Muon(hidden, lr=lr), torch.optim.AdamW(other, lr=lr * .15, weight_decay=.01, betas=(.9, .99))]


@functools.cache
def has_bfloat16():
    """Whether the processor multiplies in bfloat16 (x86): where it does not, autocast is nine times as slow as fp32."""
    try:
        with open("/proc/cpuinfo") as f:
            return "avx512_bf16" in f.read()
    except OSError:
        return False


def loss_of(model, x, y, r, straight, smooth, beside):
    """The loss of slots, columns and region, what the slots (or without these the columns) and the region put into it, and the slots' logits or None."""
    with torch.autocast("cpu", torch.bfloat16, enabled=has_bfloat16()):
        slots, columns, region = model.learn(x, y)
    texts = []
    if slots is not None:
        slots = slots.float()
        texts.append(slots_loss(slots, y, smooth))
    if columns is not None:
        texts.append(Columns.loss(columns.float(), y, straight) * (beside if texts else 1.0))
    place = F.cross_entropy(region.float(), r, ignore_index=-100, label_smoothing=smooth)
    return sum(texts) + .5 * place, texts[0].item(), place.item(), slots


def echoed(batches, strokes, hold=12):
    """Batches whose pictures are replaced by what a stem that is held makes of them, each twice, some batches apart: that costs a third less than drawing a new one."""
    waiting = []
    for x, *rest in batches:
        with torch.no_grad():
            seen = strokes(x.contiguous(memory_format=torch.channels_last)), *rest
        yield seen
        waiting.append(seen)
        if len(waiting) > hold:
            yield waiting.pop(0)


def shared(model, said, workers):
    """Averages the gradients over the workers, and said, a list of numbers, which it returns."""
    if workers == 1:
        return said
    grads = [p.grad for p in model.parameters() if p.grad is not None]
    flat = torch.cat([g.flatten() for g in grads] + [torch.tensor(said)])
    together.all_reduce(flat)
    flat /= workers
    at = 0
    for g in grads:
        g.copy_(flat[at:at + g.numel()].view_as(g))
        at += g.numel()
    return flat[at:].tolist()


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--data", required=True)
    p.add_argument("--holdout", required=True)
    p.add_argument("--plates", required=True, nargs="+")
    p.add_argument("--out", required=True)
    p.add_argument("--until", help="HH:MM (UTC) at which it ends, or +N minutes")
    p.add_argument("--samples", type=int, help="end after so many instead, the learning rate following their number: for runs to be compared")
    p.add_argument("--head", choices=list(HEADS), default="slots", help="the way of reading; only slots can be exported")
    p.add_argument("--columns", type=float, default=.5, help="weight of the columns' loss beside the slots'; 0: slots alone")
    p.add_argument("--batch", type=int, default=128)
    p.add_argument("--lr", type=float, default=.02)
    p.add_argument("--fall", type=float, default=.5)
    p.add_argument("--smooth", type=float, default=.02)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--gentle", type=int, default=700, help="batches over which degradation grows to its full strength")
    p.add_argument("--restart-clock", action="store_true", help="measure the schedule from now, not from the first start")
    p.add_argument("--pseudo", help="texts made by recogniser.pseudo for crops without one")
    p.add_argument("--reads", help="folder of what alpr read --json --min-confidence 0 says of the training scenes (SET.jsonl): corners, and sure texts where there is none")
    p.add_argument("--seen", help="labels given by eye, JSON lines (recogniser.sets.by_eye): these count before the program's reads")
    p.add_argument("--without", choices=list(WITHOUT), help="leave something out, to see what it is worth")
    p.add_argument("--init", nargs="+", help="checkpoints to begin from, or exported .onnx files: the mean of their averaged weights; one given twice counts twice")
    p.add_argument("--hold-stem", action="store_true", help="leave the convolutions as they are, and learn from each batch twice: a third of the work, for a short run from what has learned long")
    p.add_argument("--loaders", type=int, default=1, help="processes that draw batches beside the one that learns; 0: that one draws them too")
    p.add_argument("--keep", type=float, default=.9985, help="share of the averaged weights that a step leaves")
    a = p.parse_args()
    if (a.until is None) == (a.samples is None):
        raise SystemExit("say when to end: --until HH:MM, --until +MINUTES or --samples N")
    run(a)


def run(a):
    torch.set_num_threads(1)
    cv2.setNumThreads(1)  # before the loader forks: a pool of threads does not survive that
    torch.manual_seed(a.seed)
    os.makedirs(a.out, exist_ok=True)
    worker, workers = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))  # as torchrun says
    if workers > 1:
        together.init_process_group("gloo")
    model = HEADS[a.head](len(sets.regions()), refine=True, columns=a.columns > 0).to(memory_format=torch.channels_last)
    step, samples, start = 0, 0, time.time()
    train, _ = sets.load(a.data, a.holdout, a.pseudo, a.reads, a.seen)
    if a.init:
        c, weights = average(a.init, lambda: pictures(train))
        model.load_state_dict(weights, strict=c["config"] == model.config)
        step, samples = c["step"], c["samples"]
    ema = copy.deepcopy(model).eval()
    if a.hold_stem:
        model.stem.requires_grad_(False).eval()
    opts = optimizers(model, a.lr)
    last = os.path.join(a.out, "last.pt")
    if os.path.exists(last):
        c = torch.load(last, weights_only=False)
        same = c["config"] == model.config
        model.load_state_dict(c["model"], strict=same)
        ema.load_state_dict(c["ema"], strict=same)
        for o, s in zip(opts, c["opts"] if same else []):
            o.load_state_dict(s)
        step, samples = c["step"], c["samples"]
        start = start if a.restart_clock else c["start"]
    end = clock(a.until) if a.until else None
    stream = Stream(train, a.plates, a.batch, seed=[a.seed, step, worker] if worker else [a.seed, step], without=a.without, gentle=a.gentle if step == 0 else 0,
                    hosts=sets.hosts(a.data, a.holdout, a.reads))
    batches = iter(torch.utils.data.DataLoader(stream, batch_size=None, num_workers=a.loaders, prefetch_factor=12 if a.loaders else None, worker_init_fn=lambda _: os.nice(2)))
    if a.hold_stem:
        batches = echoed(batches, model.strokes)
    said, wait, log = time.time(), 0.0, open(os.path.join(a.out, "log.jsonl" if worker == 0 else os.devnull), "a")
    mean, goes_on = np.zeros(4), 1.0
    while goes_on == 1.0:  # until the time of one of the workers is up
        t = time.time()
        x, y, r, straight = next(batches)
        wait += time.time() - t
        f = schedule(time.time(), start, end, a.fall) if end else schedule(samples, 0, a.samples, a.fall, 12000)
        loss, text, place, slots = loss_of(model, x.contiguous(memory_format=torch.channels_last), y, r, straight, a.smooth, a.columns)
        for o in opts:
            o.zero_grad()
        loss.backward()
        samples += len(x) * workers
        f, goes_on = shared(model, [f, float(time.time() < end if end else samples < a.samples)], workers)
        for o, lr in zip(opts, (a.lr, a.lr * .15)):
            o.param_groups[0]["lr"] = lr * f
        torch.nn.utils.clip_grad_norm_(opts[1].param_groups[0]["params"], 1.0)
        for o in opts:
            o.step()
        step += 1
        decay = min(a.keep, (1 + step) / (20 + step))
        with torch.no_grad():
            for e, p in zip(ema.state_dict().values(), model.state_dict().values()):
                e.lerp_(p, 1 - decay) if e.dtype.is_floating_point else e.copy_(p)
        known = y[:, 0] >= 0
        exact = (slots.argmax(-1) == y).all(1)[known].float().mean().item() if slots is not None else 0.0
        mean = mean * .98 + .02 * np.array([text, place, exact, 1])
        if step % 50 == 0:
            m = mean / mean[3]
            log.write(json.dumps(dict(step=step, samples=samples, minute=round((time.time() - start) / 60, 2), text=round(m[0], 4), place=round(m[1], 4),
                                      exact=round(m[2], 4), lr=round(f, 4), wait=round(wait / (time.time() - said), 3), rate=round(50 * a.batch * workers / (time.time() - said), 1))) + "\n")
            log.flush()
            said, wait = time.time(), 0.0
        if step % (40 if a.hold_stem else 200) == 0 and worker == 0:
            save(last, model, ema, opts, step, samples, start, a)
    if worker == 0:
        save(last, model, ema, opts, step, samples, start, a)


def pictures(crops, n=384):
    """Inputs of n of the crops, by which the batch norms of an exported file are put back: uint8 [n,3,64,160]."""
    some = [crops[i] for i in np.random.default_rng(0).permutation(len(crops))[:n]]
    return torch.from_numpy(np.stack([rectify(c) for c in some])).permute(0, 3, 1, 2)


def average(paths, shown):
    """The last checkpoint, and the mean of all their averaged weights (Izmailov et al. 2018). shown gives the pictures by which the
    batch norms of an exported file are put back."""
    seen = shown() if any(p.endswith(".onnx") for p in paths) else None
    all = [restore.checkpoint(p, seen) if p.endswith(".onnx") else torch.load(p, weights_only=False) for p in paths]
    weights = {k: torch.stack([c["ema"][k].float() for c in all]).mean(0).to(v.dtype) for k, v in all[-1]["ema"].items()}
    return all[-1], weights


def save(path, model, ema, opts, step, samples, start, a):
    """Writes the checkpoint under its name only when it is whole."""
    torch.save(dict(model=model.state_dict(), ema=ema.state_dict(), opts=[o.state_dict() for o in opts], step=step, samples=samples,
                    start=start, args=vars(a), config=model.config, regions=sets.regions()), path + ".tmp")
    os.rename(path + ".tmp", path)


if __name__ == "__main__":
    main()
