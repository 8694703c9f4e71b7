"""Int8 weights under a bound on neighbours, rounded by what they do to their inputs.

Two neighbouring weights of one sign sum to at most BOUND (pairs.py says why). Rounding each weight to the nearest step errs least in the weights, not in the
sums that they make: inputs of a picture go together, and where two do, an error of one weight can be undone by another's. As in GPTQ (Frantar and others,
"GPTQ: Accurate Post-Training Quantization for Generative Pre-trained Transformers", ICLR 2023) the weights are rounded one after the other, here pair after
pair, and what a pair errs is taken up by those not yet rounded, as the inputs' second moments H = E[x xᵀ] say.
"""
import numpy as np

BOUND = 128  # of two neighbours' weights of one sign
REACH = 127  # of one weight
DAMP = .01  # of the mean of H's diagonal, added to it: inputs seldom seen are not trusted
NEAR = np.linspace(.7, 2.05, 55)  # scales tried where each weight is rounded to the nearest, as multiples of the one that uses the whole range
FITTED = np.linspace(.7, 1.9, 13)  # and where they are rounded by their inputs


def project(q):
    """The pairs q[..., n, 2], real numbers, moved as little as possible into |q| ≤ REACH and |sum of those of one sign| ≤ BOUND."""
    q = np.clip(q, -REACH, REACH)
    same = q[..., 0] * q[..., 1] > 0
    size = np.abs(q)
    excess = np.where(same, np.maximum(size.sum(-1) - BOUND, 0), 0)
    less = size - excess[..., None] / 2
    # Where half of the excess is more than the smaller one has, the larger one gives the rest.
    less = np.clip(less + np.minimum(less[..., ::-1], 0), 0, None)
    return np.sign(q) * less


def settle(q):
    """Integers near the projected pairs q that keep the bound: where rounding both breaks it, the one that rounded up most is rounded down."""
    r = np.rint(q)
    over = (r[..., 0] * r[..., 1] > 0) & (np.abs(r).sum(-1) > BOUND)
    up = np.abs(r) - np.abs(q)
    first = over & (up[..., 0] >= up[..., 1])
    r[..., 0] -= np.where(first, np.sign(r[..., 0]), 0)
    r[..., 1] -= np.where(over & ~first, np.sign(r[..., 1]), 0)
    return r


def nearest(w):
    """Of weights [outputs, n], each rounded to the nearest: int8 weights that keep the bound, and each output's scale."""
    rows, n = w.shape
    pairs = np.concatenate([w, np.zeros((rows, n % 2))], 1).reshape(rows, -1, 2)
    full = np.maximum(np.abs(w).max(1), 1e-12) / REACH
    best, q, scale = np.full(rows, np.inf), np.zeros_like(pairs), full.copy()
    for stretch in NEAR:
        s = (full * stretch)[:, None, None]
        r = settle(project(pairs / s))
        error = ((r * s - pairs) ** 2).sum((1, 2))
        better = error < best
        best[better], q[better], scale[better] = error[better], r[better], s[better, 0, 0]
    return q.reshape(rows, -1)[:, :n].astype(np.int8), scale.astype(np.float32)


def fitted(flat, scale, second):
    """Integers of weights flat [outputs, n] at each output's scale that keep the bound of pairs, rounded by the second moments of their inputs."""
    rows, n = flat.shape
    wide = n + n % 2
    w, h = np.zeros((rows, wide)), np.eye(wide) * DAMP * np.trace(second) / n
    w[:, :n], h[:n, :n] = flat, h[:n, :n] + second
    inverse = np.linalg.inv(h)
    q = np.zeros_like(w)
    for i in range(0, wide, 2):
        r = settle(project(w[:, i:i + 2] / scale[:, None]))
        q[:, i:i + 2] = r
        off = w[:, i:i + 2] - r * scale[:, None]
        block = np.linalg.inv(inverse[:2, :2])
        w[:, i + 2:] -= off @ block @ inverse[:2, 2:]
        inverse = inverse[2:, 2:] - inverse[2:, :2] @ block @ inverse[:2, 2:]  # of what is left, the pair held
    return q[:, :n]


def quantise(flat, second=None):
    """Of weights [outputs, n]: int8 weights that keep the bound, each output's scale, and the error that is left, as a share: of what inputs with these second
    moments make, or without them of the weights."""
    if second is None:
        q, scale = nearest(flat)
        return q, scale, float(np.linalg.norm(flat - q * scale[:, None]) / max(np.linalg.norm(flat), 1e-30))
    full = np.maximum(np.abs(flat).max(1), 1e-12) / REACH
    best, q, scale = np.full(len(flat), np.inf), np.zeros_like(flat), full.copy()

    def error(ints, s):
        off = flat - ints * s[:, None]
        return np.einsum("ri,ij,rj->r", off, second, off)

    plain, own = nearest(flat)
    for ints, s in [(plain.astype(np.float64), own.astype(np.float64))] + [(None, full * t) for t in FITTED]:
        s = s.astype(np.float32).astype(np.float64)
        ints = fitted(flat, s, second) if ints is None else ints
        e = error(ints, s)
        better = e < best
        best[better], q[better], scale[better] = e[better], ints[better], s[better]
    whole = np.einsum("ri,ij,rj->r", flat, second, flat)
    return q.astype(np.int8), scale.astype(np.float32), float(np.sqrt(best.sum() / max(whole.sum(), 1e-30)))
