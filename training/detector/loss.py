"""Which cells answer for which plate, and what their errors cost.

Assignment follows the task-aligned idea (Feng et al., TOOD, 2021): the cells
near a plate compete by score and overlap, the best few learn it. Unlike there
the best cell always learns the score 1, because a score has to mean "this is
a plate", not "this box fits the label": many labels here are loose.
"""

import torch
import torch.nn.functional as F

from .net import STRIDES, decode, grid

# Plate sizes (2*sqrt(area), the width of a 4:1 plate) each stride may answer for.
RANGES = {8: (0, 90), 16: (36, 220), 32: (100, 4000)}
TOP = 7


def cells(maps):
    """Centres [A,2] and strides [A] of all cells of the three maps."""
    centres = [grid(m.shape[2], m.shape[3], s, m.device) for m, s in zip(maps, STRIDES)]
    strides = [c.new_full((len(c),), s) for c, s in zip(centres, STRIDES)]
    return torch.cat(centres), torch.cat(strides)


def overlap(a, b):
    """IoU of broadcast boxes."""
    inter = 1
    for i in (0, 1):
        inter = inter * (torch.minimum(a[..., i + 2], b[..., i + 2]) - torch.maximum(a[..., i], b[..., i])).clamp(min=0)
    area_a = (a[..., 2] - a[..., 0]) * (a[..., 3] - a[..., 1])
    area_b = (b[..., 2] - b[..., 0]) * (b[..., 3] - b[..., 1])
    return inter / (area_a + area_b - inter + 1e-6)


def distance_overlap(a, b):
    """Distance-IoU (Zheng et al., 2020): IoU less the centres' distance over the hull's diagonal, squared."""
    hull = torch.maximum(a[..., 2:], b[..., 2:]) - torch.minimum(a[..., :2], b[..., :2])
    apart = (a[..., :2] + a[..., 2:] - b[..., :2] - b[..., 2:]) / 2
    return overlap(a, b) - (apart**2).sum(-1) / ((hull**2).sum(-1) + 1e-6)


@torch.no_grad()
def assign(pred, boxes, valid, centres, strides):
    """Soft targets [N,A] and the plate index [N,A] of each cell.

    boxes [N,M,4] padded, valid [N,M].
    """
    half = (boxes[..., 2:] - boxes[..., :2]).clamp(min=1) / 2
    middle = (boxes[..., 2:] + boxes[..., :2]) / 2
    size = 4 * (half[..., 0] * half[..., 1]).sqrt()
    # x and y apart: an innermost dimension of two is slow on a CPU.
    away_x, away_y = (
        (centres[:, i] - middle[..., i : i + 1]).abs() / torch.maximum(half[..., i : i + 1], strides.view(1, 1, -1)) for i in (0, 1)
    )
    near = torch.maximum(away_x, away_y) <= 1
    low = torch.zeros_like(strides)
    high = torch.zeros_like(strides)
    for stride, (lo, hi) in RANGES.items():
        low[strides == stride], high[strides == stride] = lo, hi
    near &= (size.unsqueeze(2) >= low) & (size.unsqueeze(2) <= high) & valid.unsqueeze(2)
    iou = overlap(pred[:, None, :, 1:5], boxes.unsqueeze(2))
    score = pred[..., 0].sigmoid().unsqueeze(1)
    metric = torch.exp(-(away_x**2) - away_y**2) * (score + 0.02).sqrt() * (iou + 0.05) ** 2 * near
    top = metric.topk(min(TOP, metric.shape[2]), dim=2)
    best = top.values[..., :1].clamp(min=1e-9)
    target = torch.zeros_like(metric).scatter_(2, top.indices, top.values / best)
    target[target < 0.1] = 0
    return target.max(1)


def measure(maps, truth):
    """The loss of a batch and its parts.

    truth: boxes [N,M,4], corners [N,M,8], known [N,M] (corners are exact),
    valid [N,M], ignore [N,K,4] (no cell inside is taught "nothing"), small [N]
    (in a picture not labelled to the last plate, a confident find narrower
    than this many pixels may be a real one; 0 where labels are complete).
    """
    most = max(int(truth["valid"].sum(1).max()), 1)  # plates come first, padding after
    truth = {k: v[:, :most] if k in ("boxes", "corners", "known", "valid") else v for k, v in truth.items()}
    areas = max(int((truth["ignore"][..., 2] > truth["ignore"][..., 0]).sum(1).max()), 1)
    truth["ignore"] = truth["ignore"][:, :areas]
    pred = decode(maps)
    centres, strides = cells(maps)
    target, owner = assign(pred, truth["boxes"], truth["valid"], centres, strides)
    logit = pred[..., 0]
    p = logit.detach().sigmoid()
    weight = (target - p).abs() ** 1.5
    unsure = inside(centres, truth["ignore"]) & (target == 0)
    width = (pred[..., 3] - pred[..., 1]).detach()
    doubtful = (target == 0) & (p > 0.7) & (width < truth["small"].unsqueeze(1))
    weight = weight * torch.where(doubtful, 0.25, 1.0) * ~unsure
    score_loss = (F.binary_cross_entropy_with_logits(logit, target, reduction="none") * weight).sum()
    norm = target.sum().clamp(min=1)

    n, a = (target > 0).nonzero(as_tuple=True)
    t, m = target[n, a], owner[n, a]
    box, want = pred[n, a, 1:5], truth["boxes"][n, m]
    diou = distance_overlap(box, want)
    half = ((want[:, 2:] - want[:, :2]) / 2).clamp(min=1)
    known = truth["known"][n, m]
    got = pred[n, a, 5:].view(-1, 4, 2)
    off = (got - truth["corners"][n, m].view(-1, 4, 2)) / half.unsqueeze(1)
    exact = F.smooth_l1_loss(off, torch.zeros_like(off), beta=0.1, reduction="none").mean((1, 2))
    hull = torch.cat((got.amin(1), got.amax(1)), 1)
    slack = (hull - want) / half.repeat(1, 2)
    weak = F.smooth_l1_loss(slack, torch.zeros_like(slack), beta=0.1, reduction="none").mean(1)
    corner = torch.where(known, exact, 0.3 * weak)
    parts = {
        "score": score_loss / norm,
        "box": 2.0 * ((1 - diou) * t).sum() / norm,
        "corner": 2.0 * (corner * t).sum() / norm,
    }
    return sum(parts.values()), parts


def inside(centres, boxes):
    """Whether each cell centre lies in any of the boxes [N,K,4] -> [N,A]."""
    x, y = centres[:, 0].view(1, 1, -1), centres[:, 1].view(1, 1, -1)
    b = boxes.unsqueeze(2)
    return ((x > b[..., 0]) & (x < b[..., 2]) & (y > b[..., 1]) & (y < b[..., 3])).any(1)
