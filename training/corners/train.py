"""Trains the corner network: python -m corners.train --cache DETECTOR/cache --plates BANK --out DIR --until HH:MM.

--cache is the detector's picture cache, --plates a folder with rendered.* and us_states.* (detector.bank writes them). The learning rate follows
the clock as the reader's does; it goes on from DIR/last.pt when that is there. Cuts are kept in memory and seen again, moved in
light only, because drawing one costs more than learning from it.
"""
import argparse
import copy
import os
import time

import torch

from recogniser.clock import clock, schedule

from .net import Corners
from .shape import HEIGHT, WIDTH
from .stream import Stream

SCALE = torch.tensor([WIDTH, HEIGHT]).float()


def loss_of(model, x, y):
    """Mean distance in pixels of the cut (smooth at half a pixel), and the median over the batch."""
    with torch.autocast("cpu", torch.bfloat16):
        corners, _ = model(x)
    d = ((corners - y.clamp(-.08, 1.08)) * SCALE).norm(dim=-1)
    each = torch.where(d < .5, d * d, d - .25).mean(1)
    return each.mean(), d.median().item()


def light(x):
    """Another exposure and contrast of a batch, as bytes."""
    f = x.float()
    gain = torch.exp(torch.randn(len(x), 3, 1, 1) * .06 + torch.randn(len(x), 1, 1, 1) * .15)
    return (f * gain + torch.randn(len(x), 1, 1, 1) * 10).clamp(0, 255)


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--cache", required=True)
    p.add_argument("--plates", required=True)
    p.add_argument("--out", required=True)
    p.add_argument("--until", required=True)
    p.add_argument("--batch", type=int, default=96)
    p.add_argument("--lr", type=float, default=.003)
    p.add_argument("--echo", type=int, default=4, help="batches learnt from for every new one")
    p.add_argument("--keep", type=int, default=400, help="batches kept in memory")
    p.add_argument("--seed", type=int, default=1)
    run(p.parse_args())


def run(a):
    torch.set_num_threads(1)
    torch.manual_seed(a.seed)
    os.makedirs(a.out, exist_ok=True)
    model = Corners().to(memory_format=torch.channels_last)
    ema = copy.deepcopy(model).eval()
    opt = torch.optim.AdamW(model.parameters(), lr=a.lr, weight_decay=.01)
    last, step = os.path.join(a.out, "last.pt"), 0
    if os.path.exists(last):
        c = torch.load(last, weights_only=False)
        model.load_state_dict(c["model"])
        ema.load_state_dict(c["ema"])
        opt.load_state_dict(c["opt"])
        step = c["step"]
    start, end = time.time(), clock(a.until)
    batches = iter(torch.utils.data.DataLoader(Stream(a.cache, a.plates, a.batch, a.seed + step), batch_size=None, num_workers=1, prefetch_factor=8))
    kept, mean = [], None
    while time.time() < end:
        if step % a.echo == 0 or not kept:
            kept.append(next(batches))
            del kept[:-a.keep]
        x, y = kept[-1] if step % a.echo == 0 else kept[torch.randint(len(kept), ()).item()]
        for g in opt.param_groups:
            g["lr"] = a.lr * schedule(time.time(), start, end, .5, 20)
        loss, median = loss_of(model, light(x).contiguous(memory_format=torch.channels_last), y)
        opt.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        opt.step()
        step += 1
        decay = min(.998, (1 + step) / (20 + step))
        with torch.no_grad():
            for e, p in zip(ema.state_dict().values(), model.state_dict().values()):
                e.lerp_(p, 1 - decay) if e.dtype.is_floating_point else e.copy_(p)
        mean = [loss.item(), median] if mean is None else [.98 * m + .02 * v for m, v in zip(mean, (loss.item(), median))]
        if step % 100 == 0:
            print(f"step {step} drawn {len(kept)} minute {(time.time() - start) / 60:.1f} loss {mean[0]:.2f} px median {mean[1]:.2f} px", flush=True)
            save(last, model, ema, opt, step, a)
    save(last, model, ema, opt, step, a)


def save(path, model, ema, opt, step, a):
    """Writes the checkpoint under its name only when it is whole."""
    torch.save(dict(model=model.state_dict(), ema=ema.state_dict(), opt=opt.state_dict(), step=step, args=vars(a)), path + ".tmp")
    os.rename(path + ".tmp", path)


if __name__ == "__main__":
    main()
