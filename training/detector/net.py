"""The plate detector's network: a small fully convolutional pyramid.

Dense 3x3 convolutions with ReLU only: on a CPU they run faster per
multiplication than depthwise ones, and ReLU folds into an int8 convolution.
Every cell of the strides 8, 16 and 32 predicts one plate: a score, a box and
four corners.
"""

import torch
from torch import nn

STRIDES = (8, 16, 32)
OUTPUTS = 13  # score, 4 box, 8 corner values


def conv(cin, cout, kernel=3, stride=1, padding=None):
    """Convolution, batch norm, ReLU; padded by half the kernel unless given."""
    if padding is None:
        padding = kernel // 2
    return nn.Sequential(
        nn.Conv2d(cin, cout, kernel, stride, padding, bias=False),
        nn.BatchNorm2d(cout, momentum=0.03),
        nn.ReLU(inplace=True),
    )


class Split(nn.Module):
    """Cross-stage block: half the channels pass n 3x3 pairs, then all mix."""

    def __init__(self, channels, n=1):
        super().__init__()
        half = channels // 2
        self.enter = conv(channels, half, 1)
        self.pairs = nn.ModuleList(nn.Sequential(conv(half, half), conv(half, half)) for _ in range(n))
        self.leave = conv(half * (n + 1), channels, 1)

    def forward(self, x):
        x = self.enter(x)
        kept = [x]
        for pair in self.pairs:
            x = x + pair(x)
            kept.append(x)
        return self.leave(torch.cat(kept, 1))


class Context(nn.Module):
    """Wide view at stride 32 by pooling, for plates that fill the picture."""

    def __init__(self, channels):
        super().__init__()
        half = channels // 2
        self.enter = conv(channels, half, 1)
        self.pool = nn.MaxPool2d(5, 1, 2)
        self.leave = conv(half * 3, channels, 1)

    def forward(self, x):
        x = self.enter(x)
        y = self.pool(x)
        return self.leave(torch.cat((x, y, self.pool(y)), 1))


class Detector(nn.Module):
    """Picture [N,3,H,W] in 0..1 (BGR) to raw maps, one per stride.

    H and W are multiples of 32. `widths` are the channels at strides 4, 8, 16
    and 32; `neck` those of the fused maps at 8, 16 and 32.
    """

    def __init__(self, widths=(32, 32, 64, 128), neck=(32, 48, 64)):
        super().__init__()
        s4, s8, s16, s32 = widths
        n8, n16, n32 = neck
        # Six rows by four columns: four pixels of a row are twelve bytes side by
        # side, which the exported graph takes as channels of one column.
        self.stem = conv(3, s4, (6, 4), 4, (1, 0))
        self.stage8 = nn.Sequential(conv(s4, s8, 3, 2), Split(s8))
        self.stage16 = nn.Sequential(conv(s8, s16, 3, 2), Split(s16))
        self.stage32 = nn.Sequential(conv(s16, s32, 3, 2), Split(s32), Context(s32))
        self.side16, self.side8 = conv(s16, n16, 1), conv(s8, n8, 1)
        self.down32, self.down16 = conv(s32, n16, 1), conv(n16, n8, 1)
        self.up = nn.Upsample(scale_factor=2, mode="nearest")
        self.fuse16 = conv(n16, n16)
        self.fuse8 = conv(n8, n8)
        self.fuse32 = conv(s32, n32, 1)
        self.heads = nn.ModuleList(nn.Sequential(conv(c, c, 1), nn.Conv2d(c, OUTPUTS, 1)) for c in (n8, n16, n32))
        for head in self.heads:
            nn.init.normal_(head[-1].weight, std=0.01)
            nn.init.zeros_(head[-1].bias)
            with torch.no_grad():
                head[-1].bias[0] = -4.6  # one cell in a hundred at the start
                head[-1].bias[3], head[-1].bias[4] = 1.2, 0.2  # about 4:1.5 cells

    def forward(self, x):
        x8 = self.stage8(self.stem(x))
        x16 = self.stage16(x8)
        x32 = self.stage32(x16)
        p16 = self.fuse16(self.side16(x16) + self.up(self.down32(x32)))
        p8 = self.fuse8(self.side8(x8) + self.up(self.down16(p16)))
        return [head(p) for head, p in zip(self.heads, (p8, p16, self.fuse32(x32)))]


def grid(height, width, stride, device=None):
    """Cell centres in input pixels, [height*width, 2] (x, y)."""
    ys = (torch.arange(height, device=device) + 0.5) * stride
    xs = (torch.arange(width, device=device) + 0.5) * stride
    y, x = torch.meshgrid(ys, xs, indexing="ij")
    return torch.stack((x, y), -1).view(-1, 2)


def decode(maps):
    """Raw maps to [N, A, 13]: score logit, x1 y1 x2 y2, TL TR BR BL corners.

    A box is its centre's offset from the cell (in strides) and the logarithm
    of its size (in strides). A corner is its offset from the box's centre in
    half widths and half heights, added to the box's own corner: an untrained
    corner head therefore gives the box.
    """
    out = []
    for raw, stride in zip(maps, STRIDES):
        n, _, h, w = raw.shape
        raw = raw.float().flatten(2).transpose(1, 2)
        centre = grid(h, w, stride, raw.device) + raw[..., 1:3] * stride
        half = torch.exp(raw[..., 3:5].clamp(-4, 4)) * (stride / 2)
        base = raw.new_tensor([[-1, -1], [1, -1], [1, 1], [-1, 1]])
        corners = centre.unsqueeze(-2) + half.unsqueeze(-2) * (base + raw[..., 5:13].unflatten(-1, (4, 2)))
        out.append(torch.cat((raw[..., :1], centre - half, centre + half, corners.flatten(-2)), -1))
    return torch.cat(out, 1)


def macs(model, height, width):
    """Multiplications of one pass, counted from the convolutions."""
    total = 0

    def count(module, _, out):
        nonlocal total
        k = module.kernel_size[0] * module.kernel_size[1] * module.in_channels // module.groups
        total += k * module.out_channels * out.shape[2] * out.shape[3]

    hooks = [m.register_forward_hook(count) for m in model.modules() if isinstance(m, nn.Conv2d)]
    with torch.no_grad():
        model(torch.zeros(1, 3, height, width))
    for hook in hooks:
        hook.remove()
    return total
