"""The corner network: a coarse cut around a found plate in, its four corners out.

A small encoder sees the whole cut, a decoder goes back to stride 4, and four heat maps become coordinates by their
expectation (integral regression, Sun et al. 2018), which is finer than a cell.
"""
import torch
import torch.nn as nn
import torch.nn.functional as F

from .shape import BEYOND, HEIGHT, WIDTH


class ConvNorm(nn.Module):
    """Convolution, batch norm and ReLU."""

    def __init__(self, cin, cout, kernel=3, stride=1):
        super().__init__()
        self.conv = nn.Conv2d(cin, cout, kernel, stride, kernel // 2, bias=False)
        self.norm = nn.BatchNorm2d(cout)

    def forward(self, x):
        return F.relu(self.norm(self.conv(x)))


class Residual(nn.Module):
    """Two convolutions with a short-cut."""

    def __init__(self, channels):
        super().__init__()
        self.a, self.b = ConvNorm(channels, channels), ConvNorm(channels, channels)

    def forward(self, x):
        return x + self.b(self.a(x))


class Corners(nn.Module):
    """uint8 or float NCHW BGR 0..255 [N,3,64,128] in; corners [N,4,2] (TL, TR, BR, BL; x, y as fractions of the cut) and
    their spread [N,4] (standard deviation of the heat map in the same unit) out."""

    def __init__(self, widths=(16, 24, 32, 48)):
        super().__init__()
        a, b, c, d = widths
        self.down2 = ConvNorm(3, a, 3, 2)
        self.down4 = nn.Sequential(ConvNorm(a, b, 3, 2), Residual(b))
        self.down8 = nn.Sequential(ConvNorm(b, c, 3, 2), Residual(c))
        self.down16 = nn.Sequential(ConvNorm(c, d, 3, 2), Residual(d))
        self.whole = nn.Linear(d, d)
        self.up8 = ConvNorm(d, c, 1)
        self.mix8 = Residual(c)
        self.up4 = ConvNorm(c, b, 1)
        self.mix4 = Residual(b)
        self.heat = nn.Conv2d(b, 4, 1)
        rows, columns = HEIGHT // 4, WIDTH // 4
        stretch = lambda n: ((torch.arange(n) + .5) / n) * (1 + 2 * BEYOND) - BEYOND
        y, x = torch.meshgrid(stretch(rows), stretch(columns), indexing="ij")
        self.register_buffer("at", torch.stack([x.flatten(), y.flatten()], 1), persistent=False)

    def forward(self, x):
        x = (x.float() - 127.5) / 64.0
        x4 = self.down4(self.down2(x))
        x8 = self.down8(x4)
        x = self.down16(x8)
        x = F.relu(x + self.whole(x.mean((2, 3)))[:, :, None, None])
        x = self.mix8(x8 + F.interpolate(self.up8(x), scale_factor=2, mode="nearest"))
        x = self.mix4(x4 + F.interpolate(self.up4(x), scale_factor=2, mode="nearest"))
        p = self.heat(x).float().flatten(2).softmax(-1)
        corners = p @ self.at
        spread = (p @ (self.at ** 2).sum(1, keepdim=True)).squeeze(-1) - (corners ** 2).sum(-1)
        return corners, spread.clamp(min=0).sqrt()
