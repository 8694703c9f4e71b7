"""Two other ways to read the same grid of tokens, kept to be compared with the slots of net.Recogniser: recogniser.train --head NAME.

Both have the reader's stem and transformer layers. What each of them reads is handed on as the slots' posterior is (probabilities [N,10,37]), so that
recogniser.evaluate measures all three alike.
"""
import torch
import torch.nn as nn

from .net import Attention, Layer, Recogniser
from .shape import ALPHABET, PAD, SLOTS


class ColumnsOnly(Recogniser):
    """The columns alone (connectionist temporal classification). It reads left to right only: of a plate with two lines it cannot say which comes first."""

    def __init__(self, regions, **config):
        super().__init__(regions, **{**config, "refine": False, "columns": True})
        del self.query, self.decode, self.chars

    def forward(self, x):
        x = self.tokens(x)
        return self.columns(x), self.region(self.final(x.mean(1)))

    def learn(self, x, y):
        return None, *self(x)

    @torch.no_grad()
    def posterior(self, x):
        """Best path: runs of one character are one; a character's probability is its best column's, that of the end all the blanks'."""
        columns, region = self(x)
        p = columns.softmax(-1)
        out = torch.zeros(len(p), SLOTS, PAD + 1)
        for i, (best, most) in enumerate(zip(p.argmax(-1).tolist(), p.amax(-1).tolist())):
            read, sure, rest = [], [], 1.0
            for k, (c, v) in enumerate(zip(best, most)):
                if c == PAD:
                    rest *= v
                elif k and best[k - 1] == c:
                    sure[-1] = max(sure[-1], v)
                else:
                    read.append(c)
                    sure.append(v)
            for k in range(SLOTS):
                c, v = (read[k], sure[k]) if k < len(read) else (PAD, rest if k == len(read) else 1.0)
                out[i, k] = (1 - v) / PAD
                out[i, k, c] = v
        return out, region.softmax(-1)


class Letters(Recogniser):
    """An autoregressive decoder: each character is read knowing those before it. Ten runs of the decoder a plate."""

    def __init__(self, regions, **config):
        super().__init__(regions, **{**config, "refine": False, "columns": False})
        dim, heads, ratio = (self.config[k] for k in ("dim", "heads", "ratio"))
        self.before = nn.Embedding(len(ALPHABET) + 2, dim)
        nn.init.normal_(self.before.weight, std=.3)
        self.history = nn.LayerNorm(dim)
        self.past = Attention(dim, heads)
        self.again = Layer(dim, heads, ratio)

    def spell(self, x, y):
        """Logits of all slots where y [N,10] stands before each."""
        start = torch.full_like(y[:, :1], PAD + 1)
        s = self.query.expand(x.shape[0], -1, -1)
        s = torch.cat([s[:, :SLOTS] + self.before(torch.cat([start, y[:, :-1].clamp(min=0)], 1)), s[:, SLOTS:]], 1)
        h = self.history(s)
        mask = torch.full((SLOTS + 1, SLOTS + 1), float("-inf"), device=x.device).triu(1)
        s = self.final(self.again(self.decode(s + self.past(h, h, mask), x), x))
        return self.chars(s[:, :SLOTS]), self.region(s[:, SLOTS])

    def learn(self, x, y):
        """Logits where the true characters stand before each slot."""
        slots, region = self.spell(self.tokens(x), y)
        return slots, None, region

    def forward(self, x):
        """Logits where what it read itself stands before each slot."""
        x = self.tokens(x)
        y = torch.full((x.shape[0], SLOTS), PAD)
        for k in range(SLOTS):
            slots, region = self.spell(x, y)
            y[:, k] = slots[:, k].argmax(-1)
        return slots, region


HEADS = {"slots": Recogniser, "columns": ColumnsOnly, "letters": Letters}
