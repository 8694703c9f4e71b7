"""The reader's network: a plate picture in, ten character slots and a region out.

A small residual convolution stem makes a 4x20 grid of tokens, two pre-norm transformer layers let the tokens see the
whole plate (which character of how many, which of two lines), and eleven learned queries (ten slots, one region) read
the grid by cross-attention. The slots then look at each other once and at the grid a second time: a slot that cannot know
which characters its neighbours have taken reads the last one twice. That serial templates do not override what is seen is the
training's part: a third of what is rendered follows no format.
"""
import math
from typing import Any

import torch
import torch.nn as nn
import torch.nn.functional as F

from .shape import ALPHABET, HEIGHT, PAD, SLOTS, WIDTH

TRUST = .6  # the weight of the columns' count beside what a slot sees; of 0, 0.3, 0.6, 1 and 1.5 the best for two-line plates and level on held-out crops


class ConvNorm(nn.Module):
    """3x3 convolution without bias and batch norm: folded into one convolution at export."""

    def __init__(self, cin, cout, kernel=3, stride=1):
        super().__init__()
        self.conv = nn.Conv2d(cin, cout, kernel, stride, kernel // 2 if kernel % 2 else 0, bias=False)
        self.norm = nn.BatchNorm2d(cout)

    def forward(self, x):
        return self.norm(self.conv(x))


class Residual(nn.Module):
    """Two 3x3 convolutions with a short-cut."""

    def __init__(self, channels, hidden=None):
        super().__init__()
        hidden = hidden or channels
        self.a = ConvNorm(channels, hidden)
        self.b = ConvNorm(hidden, channels)
        nn.init.zeros_(self.b.norm.weight)

    def forward(self, x):
        return F.relu(x + self.b(F.relu(self.a(x))))


class Attention(nn.Module):
    """Multi-head attention of q over kv, written with plain matrix products so that it exports to few ONNX nodes."""

    def __init__(self, dim, heads):
        super().__init__()
        self.heads = heads
        self.q = nn.Linear(dim, dim)
        self.kv = nn.Linear(dim, 2 * dim)
        self.out = nn.Linear(dim, dim)

    def forward(self, x, context, mask=None):
        n, tq, d = x.shape
        tk = context.shape[1]
        h = self.heads
        q = self.q(x).view(n, tq, h, d // h).transpose(1, 2)
        kv = self.kv(context).view(n, tk, 2, h, d // h).permute(2, 0, 3, 1, 4)
        a = torch.matmul(q * (d // h) ** -0.5, kv[0].transpose(-1, -2))
        a = (a if mask is None else a + mask).softmax(-1)
        return self.out(torch.matmul(a, kv[1]).transpose(1, 2).reshape(n, tq, d))


class Layer(nn.Module):
    """Pre-norm transformer layer."""

    def __init__(self, dim, heads, ratio):
        super().__init__()
        self.n1, self.n2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.attn = Attention(dim, heads)
        self.up, self.down = nn.Linear(dim, dim * ratio), nn.Linear(dim * ratio, dim)

    def forward(self, x, context=None):
        y = self.n1(x)
        x = x + self.attn(y, y if context is None else context)
        return x + self.down(F.relu(self.up(self.n2(x))))


def waves(x, y, dim):
    """Sine and cosine position codes of points in the unit square, [n, dim]: three quarters for x, a quarter for y."""
    out = []
    for v, n in ((x, dim * 3 // 4), (y, dim // 4)):
        f = torch.exp(torch.linspace(0, math.log(20), n // 2)) * math.pi * .5
        out += [torch.sin(v[:, None] * f), torch.cos(v[:, None] * f)]
    return torch.cat(out, 1)


class Columns(nn.Module):
    """What each column of the grid of tokens shows: logits [N,20,37], the last of a column that shows nothing.

    Learned by connectionist temporal classification (Graves et al. 2006), it binds a character to its place from the first batch, and
    what it counts tells the slots which character is theirs: without it a slot that loses count reads a neighbour twice."""

    def __init__(self, dim):
        super().__init__()
        self.rows = HEIGHT // 16
        self.join, self.norm, self.chars = nn.Linear(self.rows * dim, dim), nn.LayerNorm(dim), nn.Linear(dim, len(ALPHABET) + 1)

    def forward(self, tokens):
        n, _, d = tokens.shape
        return self.chars(self.norm(F.relu(self.join(tokens.view(n, self.rows, -1, d).transpose(1, 2).flatten(2)))))

    @staticmethod
    def count(columns):
        """What each slot's character is by counting from the left, [N,10,37]: probabilities of the characters, and whether there is one.

        A column begins a character where it shows one that the column before it does not; the sum of these beginnings numbers the characters."""
        p = columns.detach().float().softmax(-1)[..., :PAD]
        before = F.pad(p[:, :-1], (0, 0, 1, 0))
        at = (p * (1 - before)).sum(-1).cumsum(1) - 1
        slot = torch.arange(SLOTS, dtype=at.dtype, device=at.device)[:, None]
        share = F.relu(1 - (at[:, None] - slot).abs()) * p.sum(-1)[:, None]
        mass = share.sum(-1, keepdim=True)
        return torch.cat([share @ p / (mass + .05), mass.clamp(max=1)], -1)

    @staticmethod
    def believed(counted):
        """Log probabilities [N,10,37] of what was counted; no less than one in fifty, for columns cannot read two lines."""
        mass = counted[..., PAD:]
        return torch.cat([counted[..., :PAD] * mass, 1 - mass], -1).add(.02).log()

    @staticmethod
    def loss(columns, y, straight):
        """Minus the log likelihood, for each character, of the texts in one line over all their alignments."""
        known = (y[:, 0] >= 0) & straight
        if not known.any():
            return columns.sum() * 0
        y, p = y[known], columns[known].log_softmax(-1).transpose(0, 1)
        length = (y != PAD).sum(1)
        return F.ctc_loss(p, y, torch.full_like(length, p.shape[0]), length, blank=PAD, zero_infinity=True)


class Recogniser(nn.Module):
    """uint8 or float NCHW BGR 0..255 in; slot logits [N,10,37] and region logits [N,R] out.

    With columns, the tokens are also read column by column, and the slots are told what these count."""

    def __init__(self, regions, widths=(24, 48, 96), dim=128, heads=4, layers=2, ratio=2, blocks=(0, 2),
                 refine=False, columns=False):
        super().__init__()
        c1, c2, c3 = widths
        self.config = dict(regions=regions, widths=list(widths), dim=dim, heads=heads, layers=layers, ratio=ratio,
                           blocks=list(blocks), refine=refine, columns=columns)
        self.stem = nn.Sequential(
            ConvNorm(3, c1, 3, 2), nn.ReLU(),
            ConvNorm(c1, c2, 3, 2), nn.ReLU(),
            *[Residual(c2) for _ in range(blocks[0])],
            ConvNorm(c2, c3, 3, 2), nn.ReLU(),
            *[Residual(c3) for _ in range(blocks[1])],
        )
        self.token = nn.Conv2d(c3, dim, (2, 1), (2, 1))
        down, across = HEIGHT // 16, WIDTH // 8
        y, x = torch.meshgrid((torch.arange(down) + .5) / down, (torch.arange(across) + .5) / across, indexing="ij")
        self.position = nn.Parameter(waves(x.flatten(), y.flatten(), dim)[None])
        self.layers = nn.ModuleList([Layer(dim, heads, ratio) for _ in range(layers)])
        self.norm = nn.LayerNorm(dim)
        # Slot i begins by looking where the i-th of some eight characters stands: without it the first quarter of an
        # hour of training goes by before any slot finds its character.
        place = torch.cat([(torch.arange(SLOTS) + .7) / 8.4, torch.tensor([.5])]).clamp(max=.97)
        self.query = nn.Parameter(waves(place, torch.full_like(place, .5), dim)[None])
        self.decode = Layer(dim, heads, ratio)
        with torch.no_grad():
            self.decode.attn.q.weight.copy_(torch.nn.init.orthogonal_(torch.empty(dim, dim)) * 2)
            self.decode.attn.kv.weight[:dim].copy_(self.decode.attn.q.weight)
        self.refine = nn.ModuleDict(dict(norm=nn.LayerNorm(dim), mix=Attention(dim, heads), decode=Layer(dim, heads, ratio))) if refine else None
        if refine:  # begins as doing nothing, so that it can be added to a trained reader
            for out in (self.refine["mix"].out, self.refine["decode"].attn.out, self.refine["decode"].down):
                nn.init.zeros_(out.weight)
                nn.init.zeros_(out.bias)
        self.columns: Any = Columns(dim) if columns else None
        if columns and refine:  # begins as doing nothing, like the second look
            self.told = nn.Linear(PAD + 1, dim)
            nn.init.zeros_(self.told.weight)
            nn.init.zeros_(self.told.bias)
        self.final = nn.LayerNorm(dim)
        self.chars = nn.Linear(dim, len(ALPHABET) + 1)
        self.region = nn.Linear(dim, regions)

    def strokes(self, x):
        """What the stem makes of pictures: [N,96,8,20]."""
        return self.stem((x.float() - 127.5) / 64.0)

    def tokens(self, x):
        """The grid of tokens, row by row, [N,80,dim], of pictures, or of what strokes made of them."""
        x = self.token(self.strokes(x) if x.shape[1] == 3 else x).flatten(2).transpose(1, 2) + self.position
        for layer in self.layers:
            x = layer(x)
        return self.norm(x)

    def read(self, x):
        """Logits of the slots, the columns (None: without) and the region, of the tokens."""
        s = self.decode(self.query.expand(x.shape[0], -1, -1), x)
        columns, counted = None, None
        if self.columns is not None:
            columns = self.columns(x)
            counted = Columns.count(columns)
        if self.refine is not None:
            if counted is not None:
                s = s + F.pad(self.told(counted), (0, 0, 0, 1))
            y = self.refine["norm"](s)
            s = self.refine["decode"](s + self.refine["mix"](y, y), x)
        s = self.final(s)
        slots = self.chars(s[:, :SLOTS])
        if counted is not None:
            slots = slots + TRUST * Columns.believed(counted)
        return slots, columns, self.region(s[:, SLOTS])

    def forward(self, x):
        slots, _, region = self.read(self.tokens(x))
        return slots, region

    def learn(self, x, y):
        """Logits of the slots, the columns (None: this head has none) and the region; y is there for heads that are told the text as they learn it."""
        return self.read(self.tokens(x))

    @torch.no_grad()
    def posterior(self, x):
        """Probabilities [N,10,37] of the characters and [N,R] of the regions."""
        slots, region = self(x)
        return slots.softmax(-1), region.softmax(-1)


def slots_loss(slots, y, smooth):
    """Mean cross-entropy of the slots whose character is known; pads count less."""
    each = F.cross_entropy(slots.flatten(0, 1), y.flatten(), reduction="none", ignore_index=-100, label_smoothing=smooth)
    weight = torch.where(y == PAD, .4, 1.0).flatten() * (y.flatten() >= 0)
    return (each * weight).sum() / weight.sum()
