"""Grounds, pictures, fittings and wear of a plate, and the serial itself."""
import cv2
import numpy as np

from .glyphs import CAP, caption, stamp

# BGR
INK = {
    "black": (22, 20, 20), "navy": (95, 40, 22), "blue": (165, 70, 25), "red": (45, 30, 185), "maroon": (45, 25, 110),
    "green": (70, 110, 25), "darkgreen": (55, 75, 20), "white": (240, 242, 242), "yellow": (60, 205, 245), "gold": (80, 185, 225),
}
GROUND = {
    "white": (238, 240, 240), "yellow": (40, 195, 245), "amber": (25, 165, 240), "gold": (70, 185, 220), "black": (30, 28, 28),
    "navy": (90, 45, 25), "blue": (150, 80, 30), "green": (75, 110, 25), "darkgreen": (55, 80, 25), "maroon": (45, 25, 100),
    "red": (45, 35, 180), "grey": (170, 170, 168), "orange": (40, 150, 240), "turquoise": (175, 180, 60), "purple": (140, 80, 120),
    "sky": (240, 215, 185), "old": (35, 30, 30),
}


def vary(rng, colour, by=14):
    """The colour with a little of chance in every channel, clipped to what a camera gives."""
    return np.clip(np.asarray(colour, np.float32) + rng.normal(0, by, 3), 0, 255)


def luminance(colour):
    """Rec. 601 luminance of a BGR colour."""
    return 0.114 * colour[0] + 0.587 * colour[1] + 0.299 * colour[2]


def ramp(w, h, colours, stops=None):
    """A vertical gradient through the colours."""
    stops = np.linspace(0, 1, len(colours)) if stops is None else stops
    y = np.linspace(0, 1, h)
    column = np.stack([np.interp(y, stops, [c[i] for c in colours]) for i in range(3)], -1)
    return np.repeat(column[:, None], w, 1).astype(np.uint8)


def blobs(rng, w, h, colours, cells=(3, 6)):
    """A soft picture: random colours on a coarse grid, blown up smoothly."""
    gy, gx = cells
    grid = np.stack([vary(rng, colours[rng.integers(len(colours))], 20) for _ in range(gx * gy)]).reshape(gy, gx, 3)
    return cv2.resize(grid.astype(np.uint8), (w, h), interpolation=cv2.INTER_CUBIC)


def ridge(rng, image, colour, base, height, opacity=1.0):
    """A mountain or skyline silhouette standing on y = base (fractions of the image's height)."""
    h, w = image.shape[:2]
    n = int(rng.integers(4, 11))
    xs = np.linspace(0, w, n) + rng.normal(0, w / n / 5, n)
    ys = (base - height * rng.random(n)) * h
    points = np.concatenate([[[-5, base * h + 2]], np.stack([xs, ys], 1), [[w + 5, base * h + 2]]]).astype(np.int32)
    mask = np.zeros((h, w), np.uint8)
    cv2.fillPoly(mask, [points], 255, cv2.LINE_AA)
    stamp(image, mask, 0, 0, colour, opacity)


def shape(rng, image, x, y, size, colour, opacity, kind=None):
    """One figure (disc, polygon, star, tree-like stack, shield: at random where kind does not say) as pictures between the groups are, centred on x, y."""
    s = max(6, int(size))
    mask = np.zeros((s, s), np.uint8)
    if kind is None:
        kind = rng.integers(4) if rng.random() < .92 else 4
    c = s // 2
    if kind == 4:  # a seated figure on a wheel
        t = max(1, int(s * rng.uniform(.06, .12)))
        cv2.ellipse(mask, (int(s * .45), int(s * .66)), (int(s * .27), int(s * .27)), 0, 20, 290, 255, t, cv2.LINE_AA)
        cv2.polylines(mask, [np.int32([[s * .42, s * .24], [s * .45, s * .56], [s * .7, s * .56], [s * .84, s * .86]])], False, 255, t, cv2.LINE_AA)
        cv2.circle(mask, (int(s * .41), int(s * .12)), max(1, int(s * .09)), 255, -1, cv2.LINE_AA)
    elif kind == 5:
        cv2.fillPoly(mask, [np.int32([[s * .12, 0], [s * .88, 0], [s * .88, s * .5], [s * .5, s * .96], [s * .12, s * .5]])], 255, cv2.LINE_AA)
    elif kind == 0:
        cv2.ellipse(mask, (c, c), (int(c * rng.uniform(.5, .95)), int(c * rng.uniform(.5, .95))), 0, 0, 360, 255, -1, cv2.LINE_AA)
    elif kind == 1:
        n = int(rng.integers(5, 11))
        a = np.sort(rng.uniform(0, 2 * np.pi, n))
        r = c * rng.uniform(.35, 1, n)
        cv2.fillPoly(mask, [np.stack([c + r * np.cos(a), c + r * np.sin(a)], 1).astype(np.int32)], 255, cv2.LINE_AA)
    elif kind == 2:
        a = np.arange(10) * np.pi / 5
        r = np.where(np.arange(10) % 2, c * .4, c * .95)
        cv2.fillPoly(mask, [np.stack([c + r * np.sin(a), c - r * np.cos(a)], 1).astype(np.int32)], 255, cv2.LINE_AA)
    else:
        for k in range(3):
            cv2.circle(mask, (c + int(rng.normal(0, c * .2)), int(c * (.4 + .5 * k))), max(2, int(c * rng.uniform(.2, .45))), 255, -1, cv2.LINE_AA)
    stamp(image, mask, x - c, y - c, colour, opacity)


def sign(rng, image, x, y, size, ink):
    """A sign that stands in a serial like a character and is none: most often a wheelchair, in the serial's ink or light on a coloured field."""
    s = max(8, int(size))
    mask, t, at = np.zeros((s, s), np.uint8), max(1, int(s * rng.uniform(.07, .12))), lambda *p: tuple(int(v * s) for v in p)
    kind = rng.choice(6, p=[.6, .08, .08, .08, .08, .08])
    if kind == 0:  # a seated figure on a wheel, now and then leaning forward
        lean = rng.uniform(0, .12)
        cv2.ellipse(mask, at(.43, .64), at(.25, .25), 0, 15, rng.uniform(250, 300), 255, t, cv2.LINE_AA)
        cv2.polylines(mask, [np.int32([at(.42 + lean, .26), at(.44, .55), at(.7, .55), at(.8, .82), at(.9, .8)])], False, 255, t + 1, cv2.LINE_AA)
        cv2.line(mask, at(.43 + lean, .38), at(.66, .4), 255, t, cv2.LINE_AA)
        cv2.circle(mask, at(.42 + lean, .14), max(1, int(s * .085)), 255, -1, cv2.LINE_AA)
    elif kind == 1:  # a heart
        cv2.fillPoly(mask, [np.int32([at(.08, .38), at(.92, .38), at(.5, .92)])], 255, cv2.LINE_AA)
        for c in (.29, .71):
            cv2.circle(mask, at(c, .33), int(s * .22), 255, -1, cv2.LINE_AA)
    elif kind == 2:  # a star
        a, r = np.arange(10) * np.pi / 5, np.where(np.arange(10) % 2, .2, .48) * s
        cv2.fillPoly(mask, [np.stack([s / 2 + r * np.sin(a), s / 2 - r * np.cos(a)], 1).astype(np.int32)], 255, cv2.LINE_AA)
    elif kind == 3:  # a cross, upright or of four flared arms
        a = rng.uniform(.08, .17)
        cv2.rectangle(mask, at(.5 - a, .08), at(.5 + a, .92), 255, -1)
        cv2.rectangle(mask, at(.08, .5 - a), at(.92, .5 + a), 255, -1)
    elif kind == 4:  # a shield
        cv2.fillPoly(mask, [np.int32([at(.15, .08), at(.85, .08), at(.85, .5), at(.5, .94), at(.15, .5)])], 255, cv2.LINE_AA)
    else:  # a medal on its ribbon
        cv2.rectangle(mask, at(.35, .05), at(.65, .5), 255, -1)
        cv2.circle(mask, at(.5, .68), int(s * .25), 255, -1, cv2.LINE_AA)
    if kind == 0 and rng.random() < .65:
        field = vary(rng, INK["blue"], 20) if rng.random() < .6 else ink
        cv2.rectangle(image, (int(x - s / 2), int(y - s / 2)), (int(x + s / 2), int(y + s / 2)), tuple(map(float, field)), -1)
        inner = cv2.resize(mask, (max(6, int(s * .88)),) * 2, interpolation=cv2.INTER_AREA)
        stamp(image, inner, x - inner.shape[1] / 2, y - inner.shape[0] / 2, vary(rng, (240, 240, 240), 8))
    else:
        stamp(image, mask, x - s / 2, y - s / 2, ink if kind == 0 or rng.random() < .4 else rng.integers(0, 255, 3), rng.uniform(.8, 1))


def spire(rng, image, x, y, tall, ink):
    """A monument or tower between the groups, as narrow as a 1 or an I and none: in another colour than the serial's, or faint."""
    base, w, h = rng.uniform(.14, .34) * tall, image.shape[1], image.shape[0]
    mask = np.zeros((h, w), np.uint8)
    waist, head = base * rng.uniform(.2, .6), y + tall * rng.uniform(0, .25)
    points = [(x - base / 2, y + tall), (x - waist / 2, y + tall * .45), (x - waist / 2, head), (x, y), (x + waist / 2, head), (x + waist / 2, y + tall * .45), (x + base / 2, y + tall)]
    cv2.fillPoly(mask, [np.int32(points)], 255, cv2.LINE_AA)
    if rng.random() < .6:
        cv2.rectangle(mask, (int(x - base), int(y + tall * .88)), (int(x + base), int(y + tall)), 255, -1)
    stamp(image, mask, 0, 0, ink if rng.random() < .25 else vary(rng, INK[["red", "maroon", "gold", "black", "green"][rng.integers(5)]], 25), rng.uniform(.4, .95))


def rainbow(image, y, opacity):
    """A bow across the plate."""
    h, w = image.shape[:2]
    for i, c in enumerate([(80, 80, 220), (80, 170, 240), (90, 220, 240), (120, 200, 110), (210, 150, 90), (170, 90, 150)]):
        mask = np.zeros((h, w), np.uint8)
        cv2.ellipse(mask, (w // 2, int(h * (y + 1.05))), (int(w * .52), int(h * (1.0 - i * .03))), 0, 180, 360, 255, max(2, h // 34), cv2.LINE_AA)
        stamp(image, mask, 0, 0, c, opacity)


def ground(rng, name, w, h):
    """The plate's background by its name in formats.py."""
    if name in GROUND:
        c = vary(rng, GROUND[name], 10)
        return ramp(w, h, [c, np.clip(c + rng.normal(0, 6), 0, 255)])
    white, blue = vary(rng, (240, 240, 240), 8), vary(rng, (215, 165, 110), 25)
    if name == "bluefade":
        return ramp(w, h, [blue, white, white] if rng.random() < .6 else [white, white, blue])
    if name == "greenfade":
        return ramp(w, h, [white, vary(rng, (200, 225, 190), 12), vary(rng, (170, 205, 150), 15)])
    if name == "redfade":
        return ramp(w, h, [vary(rng, (60, 40, 190)), white, vary(rng, (200, 150, 90), 20)], [0, .42, 1])
    if name == "yellowfade":
        return ramp(w, h, [vary(rng, (60, 195, 235)), vary(rng, (200, 240, 248), 8)])
    if name == "sunset":
        return ramp(w, h, [vary(rng, c, 22) for c in ((200, 160, 120), (190, 205, 245), (110, 170, 245), (235, 235, 240))])
    if name in ("empire", "excelsior"):  # New York: gold, or white, below a dark band
        below = vary(rng, GROUND["orange" if rng.random() < .5 else "amber"] if name == "empire" else (238, 240, 240), 14)
        image = ramp(w, h, [below, below])
        band = int(h * rng.uniform(.17, .27))
        image[:band] = vary(rng, (85, 45, 25), 18)
        if name == "excelsior":
            image[band:band + max(1, int(h * .015))] = vary(rng, (40, 180, 235), 15)
        if rng.random() < .4:
            image[int(h * rng.uniform(.82, .92)):] = vary(rng, (85, 45, 25), 18)
        return image
    if name in ("bars", "barsyellow"):
        mid = GROUND["yellow"] if name == "barsyellow" else white
        image = ramp(w, h, [vary(rng, mid, 10)] * 2)
        image[: int(h * rng.uniform(.16, .27))] = vary(rng, (120, 55, 25), 20)
        low = [(40, 190, 240), (120, 55, 25), (240, 240, 240)][rng.integers(3)]
        image[int(h * rng.uniform(.75, .86)):] = vary(rng, low, 12)
        return image
    if name == "picture":
        return cv2.addWeighted(blobs(rng, w, h, [(230, 220, 205), (190, 215, 225), (200, 225, 200), (225, 205, 225)]), .8, ramp(w, h, [white] * 2), .2, 0)
    image = ramp(w, h, [vary(rng, (235, 215, 190), 18), white])
    if name == "mountain":
        tone = vary(rng, [(95, 120, 50), (190, 150, 110), (150, 120, 150), (140, 160, 120)][rng.integers(4)], 25)
        if rng.random() < .35:  # mountains as the lower ground, dark sky above
            image[:] = ramp(w, h, [tone, np.clip(tone * 1.2, 0, 255)])
            ridge(rng, image, white, 1.02, .75)
        else:
            ridge(rng, image, tone, rng.uniform(.75, 1.02), rng.uniform(.25, .6), rng.uniform(.25, .9))
    elif name == "skyline":
        image = ramp(w, h, [vary(rng, (225, 180, 130), 25), white, white])
        ridge(rng, image, vary(rng, (130, 110, 90), 30), 1.02, rng.uniform(.15, .35), rng.uniform(.3, .8))
    elif name == "rainbow":
        rainbow(image, rng.uniform(0, .15), rng.uniform(.4, .9))
    elif name == "arch":
        ridge(rng, image, vary(rng, (60, 110, 225), 20), 1.02, rng.uniform(.4, .9), rng.uniform(.5, .95))
    elif name == "wave":
        ridge(rng, image, vary(rng, (205, 170, 150), 20), 1.02, .6, .6)
    elif name == "stripes":
        image[int(h * .82):] = blobs(rng, w, h - int(h * .82), [(30, 30, 190), (20, 20, 20), (40, 195, 245)], (1, 14))
    return image


def units(pattern, rng, letters, digits, later):
    """Fills a pattern in: a list of (kind, value) with kind c, gap, dash, dot, art, seal, tag, sign, line or stack. later are the letters from the first of
    the others on."""
    out, i = [], 0
    pick = lambda s: s[rng.integers(len(s))]
    while i < len(pattern):
        p = pattern[i]
        if p == "{":
            end = pattern.index("}", i)
            out.append(("stack", "".join(pick(digits if c == "D" else letters) for c in pattern[i + 1:end])))
            i = end
        elif p == "[":
            end = pattern.index("]", i)
            out.append(("c", pick(pattern[i + 1:end])))
            i = end
        elif p in "_-.*#%&/":
            letters = later
            out.append(({"_": "gap", "-": "dash", ".": "dot", "*": "art", "#": "seal", "%": "tag", "&": "sign", "/": "line"}[p], ""))
        else:
            out.append(("c", pick(letters) if p == "L" else pick(digits) if p == "D" else pick(digits[1:]) if p == "N" else p.upper()))
        i += 1
    return out


def text_of(items):
    """The read text of filled-in units: full-height characters only."""
    return "".join(v for k, v in items if k == "c")


def serial(book, rng, image, items, face, box, colour, weight=0, stretch=1.0, space=.12, cell=False, gap=.35, align=.5, umlaut=False, art=1.0):
    """Stamps the units into box = (x, y, w, h), squeezed to fit, and returns the ink as a mask of the image's size.
    stretch, space and gap are in units of the height; cell gives every character the same room."""
    x, y, w, h = box
    plan, total, slab, tail = [], 0.0, rng.random() < .6, rng.random()
    for kind, value in items:
        if kind == "c":
            m = book.glyph(face, value, weight)
            if m is None:
                continue
            if value == "Q" and tail < .6:
                m = tailed(rng, book.glyph(face, "O", weight), tail)
            if value == "I" and slab and m.shape[1] < .3 * m.shape[0]:
                m = slab_serifs(m)
            wide = m.shape[1] / m.shape[0] * stretch * (1.0 if m.shape[0] > .5 * CAP else .6)
            wide = min(wide, .95)
            room = max(.56 * stretch, wide) if cell else wide
            plan.append((kind, m, total + (room - wide) / 2, wide))
            total += room + space
        else:
            room = {"gap": gap, "dash": max(gap, .3), "dot": max(gap * .8, .22), "art": max(gap, rng.uniform(.35, .9 + .6 * art)), "seal": .42,
                    "tag": max(gap * .6, .3), "line": 0.0, "sign": rng.uniform(.6, .95), "stack": rng.uniform(.3, .6)}[kind]
            plan.append((kind, value, total, room))
            total += room + space
    total = max(total - space, .1)
    scale = min(h, w / total / .5) if w / total < h else h  # a squeeze below one half lowers the characters instead
    sx = min(scale, w / total)
    left, top = x + (w - total * sx) * align, y + (h - scale) / 2
    ink = np.zeros(image.shape[:2], np.uint8)
    for kind, value, at, wide in plan:
        px, pw = left + at * sx, wide * sx
        if kind == "c":
            g = cv2.resize(value, (max(2, round(pw)), max(4, round(scale))), interpolation=cv2.INTER_AREA)
            stamp_mask(ink, g, px, top)
        elif kind == "dash":
            cv2.rectangle(ink, (int(px + pw * .2), int(top + scale * .45)), (int(px + pw * .8), int(top + scale * .56)), 255, -1)
        elif kind == "dot":
            cv2.circle(ink, (int(px + pw / 2), int(top + scale * .5)), max(1, int(scale * .08)), 255, -1, cv2.LINE_AA)
        elif kind == "stack":
            small(book, rng, ink, face, value, px, top, scale)
        elif kind == "art":
            if rng.random() < .2:
                spire(rng, image, px + pw / 2, top + scale * rng.uniform(-.1, .15), scale * rng.uniform(.75, 1.25), colour)
                continue
            for _ in range(int(rng.integers(1, 4))):
                shape(rng, image, px + pw / 2 + rng.normal(0, 3), top + scale * rng.uniform(.3, .7), scale * rng.uniform(.4, 1.0) * art, rng.integers(0, 255, 3), rng.uniform(.5, 1))
        elif kind == "sign":
            sign(rng, image, px + pw / 2, top + scale * rng.uniform(.42, .58), min(scale * rng.uniform(.7, 1.0), max(6.0, pw * 1.08)), colour)
        elif kind == "tag":
            s = scale * rng.uniform(.1, .17)
            cx, cy = px + pw / 2, top + scale * rng.uniform(.4, .6)
            cv2.rectangle(image, (int(cx - s * .6), int(cy - s)), (int(cx + s * .6), int(cy + s)), tuple(map(float, vary(rng, (150, 145, 140), 35))), -1)
        elif kind == "seal":
            for fy in (.27, .74):
                shade = vary(rng, ((90, 120, 140), (60, 110, 60), (160, 160, 160), (190, 120, 60))[rng.integers(4)], 25)
                cv2.circle(image, (int(px + pw / 2), int(top + scale * fy)), max(2, int(scale * .19)), tuple(map(float, shade)), -1, cv2.LINE_AA)
    if umlaut:
        for kind, _, at, wide in plan[:3]:
            if kind == "c":
                for f in (.3, .7):
                    cv2.circle(ink, (int(left + (at + wide * f) * sx), int(top - scale * .09)), max(1, int(scale * .05)), 255, -1, cv2.LINE_AA)
                break
    emboss(rng, image, ink, colour)
    return ink


def small(book, rng, ink, face, value, x, top, scale):
    """Stamps letters that are no part of the serial's text: one above the other beside it, or raised in a row."""
    wide, right = rng.uniform(.5, .95), 0.0
    if len(value) == 2 and rng.random() < .15:
        wide = min(wide, .65)
        each, down, right = scale * rng.uniform(.3, .42), 0.0, wide * 1.1
        top += rng.uniform(0, scale - each) if rng.random() < .5 else 0
    elif len(value) == 2 and rng.random() < .45:  # together taller than the serial, as in Massachusetts, Oregon, New Jersey
        each = scale * rng.uniform(.48, .66)
        down = each * rng.uniform(1.0, 1.12)
        top += (scale - down - each) * rng.uniform(.3, .7)
    else:
        each, down = scale * min(rng.uniform(.8, 1.0) / len(value), .5), scale / len(value)
        top += rng.uniform(0, scale - down * (len(value) - 1) - each) if rng.random() < .5 else 0
    for k, char in enumerate(value):
        g = book.glyph(face, char, 0)
        g = cv2.resize(g, (max(2, round(each * wide)), max(3, round(each * .93))), interpolation=cv2.INTER_AREA)
        stamp_mask(ink, g, x + k * right * each, top + k * down)


def slab_serifs(bar):
    """An I that is a plain bar, with slabs above and below as most American dies have."""
    h, w = bar.shape
    side = int(h * .13)
    m = cv2.copyMakeBorder(bar, 0, 0, side, side, cv2.BORDER_CONSTANT)
    m[:int(w * .8)], m[h - int(w * .8):] = 255, 255
    return m


def tailed(rng, ring, kind):
    """A Q made of an O and a short stroke at its lower right, as many American dies have it; in some it is a mere notch."""
    h, w = ring.shape
    if kind < .3:
        m = ring.copy()
        cv2.line(m, (int(w * rng.uniform(.5, .75)), int(h * rng.uniform(.74, .88))), (int(w * rng.uniform(.9, 1)), int(h * rng.uniform(.95, 1))), 255, max(5, int(w * rng.uniform(.12, .24))))
        return m
    m = cv2.copyMakeBorder(ring, 0, int(h * .08), 0, int(h * .1), cv2.BORDER_CONSTANT)
    start = int(w * rng.uniform(.45, .65)), int(h * rng.uniform(.66, .82))
    end = int(w * rng.uniform(.98, 1.08)), int(h * (1.02 if kind < .45 else rng.uniform(.92, 1.06)))
    cv2.line(m, start, end, 255, max(5, int(w * rng.uniform(.1, .22))))
    return m


def stamp_mask(ink, g, x, y):
    """Adds a glyph's coverage to the ink mask, cut at its edges."""
    h, w = g.shape
    x, y = int(round(x)), int(round(y))
    x0, y0, x1, y1 = max(0, x), max(0, y), min(ink.shape[1], x + w), min(ink.shape[0], y + h)
    if x1 > x0 and y1 > y0:
        np.maximum(ink[y0:y1, x0:x1], g[y0 - y:y1 - y, x0 - x:x1 - x], out=ink[y0:y1, x0:x1])


def emboss(rng, image, ink, colour):
    """Paints the ink, with a lit and a shaded edge as pressed metal has."""
    if rng.random() < .65:
        d = int(rng.integers(1, 3))
        soft = cv2.GaussianBlur(ink, (0, 0), rng.uniform(.6, 1.8))
        lit = np.roll(soft, (-d, -d), (0, 1)).astype(np.int16) - np.roll(soft, (d, d), (0, 1))
        k = rng.uniform(.05, .45) * (1 if rng.random() < .8 else -1)
        image[:] = np.clip(image + (lit * k)[..., None], 0, 255).astype(np.uint8)
    if rng.random() < .06:  # hollow or outlined characters
        edge = cv2.dilate(ink, np.ones((3, 3), np.uint8))
        stamp(image, edge, 0, 0, vary(rng, (235, 235, 235) if luminance(colour) < 128 else (30, 30, 30), 10))
    stamp(image, ink, 0, 0, colour, rng.uniform(.86, 1))


def bolts(rng, image, positions):
    """Screws, caps or holes at (x, y) fractions."""
    h, w = image.shape[:2]
    tone = [(40, 40, 40), (190, 195, 195), (110, 110, 110), (230, 230, 230), (30, 190, 230)][rng.integers(5)]
    for fx, fy in positions:
        if rng.random() < .75:
            r = max(2, int(h * rng.uniform(.018, .04)))
            at = int(fx * w + rng.normal(0, 2)), int(fy * h + rng.normal(0, 1))
            cv2.circle(image, at, r, tuple(map(float, vary(rng, tone, 15))), -1, cv2.LINE_AA)
            cv2.circle(image, (at[0] + 1, at[1] + 1), r, (60, 60, 60), 1, cv2.LINE_AA)


def sticker(rng, book, image, x, y, w, h):
    """A validation sticker with a word or a year on it, x, y its top left."""
    c = [(235, 235, 235), (60, 200, 240), (60, 60, 210), (190, 120, 40), (80, 170, 60), (30, 140, 245), (200, 90, 160)][rng.integers(7)]
    x, y, w, h = int(x), int(y), max(4, int(w)), max(4, int(h))
    y0, x0 = max(0, y), max(0, x)
    image[y0:y + h, x0:x + w] = vary(rng, c, 18)
    ink = (30, 30, 30) if luminance(c) > 110 else (240, 240, 240)
    words = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
    word = words[rng.integers(12)] if rng.random() < .5 else f"{rng.integers(0, 30):02d}" if rng.random() < .6 else f"{rng.integers(1995, 2027)}"
    caption(book, image, word, book.choose(rng, "caption"), x + w / 2, y + h * .22, h * .56, ink, w * .86)


def wear(rng, image):
    """Dirt, fading and scratches on the plate itself."""
    h, w = image.shape[:2]
    if rng.random() < .3:
        dirt = cv2.resize(rng.random((int(rng.integers(3, 9)), int(rng.integers(5, 16)))).astype(np.float32), (w, h), interpolation=cv2.INTER_CUBIC)
        a = np.clip(dirt - rng.uniform(.45, .8), 0, 1)[..., None] * rng.uniform(.3, 1.2)
        image[:] = np.clip(image * (1 - a) + vary(rng, (85, 100, 110), 25) * a, 0, 255).astype(np.uint8)
    for _ in range(rng.poisson(.4)):
        p = rng.integers(0, [w, h, w, h])
        cv2.line(image, (int(p[0]), int(p[1])), (int(p[2]), int(p[3])) if rng.random() < .2 else (int(p[0] + rng.normal(0, 25)), int(p[1] + rng.normal(0, 8))),
                 tuple(map(float, rng.integers(60, 220, 3))), 1, cv2.LINE_AA)


def frame(rng, book, image, thick):
    """A plate holder or frame of (top, bottom, side) thickness in pixels, with a dealer's words."""
    h, w = image.shape[:2]
    top, bottom, side = (int(t) for t in thick)
    c = vary(rng, [(25, 25, 25), (40, 38, 38), (190, 190, 190), (60, 40, 35)][rng.integers(4)], 10)
    for s in (np.s_[:top], np.s_[h - bottom:] if bottom else np.s_[:0], np.s_[:, :side], np.s_[:, w - side:] if side else np.s_[:, :0]):
        image[s] = c
    ink = (225, 225, 225) if luminance(c) < 120 else (30, 30, 30)
    for at, size in ((h - bottom, bottom), (0, top)):
        if size > 7 and rng.random() < .7:
            caption(book, image, words(rng), book.choose(rng, "caption", "script"), w / 2, at + size * .25, size * .5, ink, w * .8)


def words(rng):
    """Invented words for frames, counties and dealers."""
    out = []
    for _ in range(int(rng.integers(1, 4))):
        n = int(rng.integers(2, 5))
        out.append("".join("BCDFGHKLMNPRSTVW"[rng.integers(16)] + "AEIOU"[rng.integers(5)] for _ in range(n)))
    return " ".join(out)
