"""One function a family of looks; each returns image, text, region, layout."""
import cv2
import numpy as np

from . import formats, paint
from .glyphs import caption

WIDTH = 320
LETTERS = "ABCDEFGHJKLMNPRSTUVWXYZ"
ALL_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
DIGITS = "0123456789"
# What is mistaken for each other: 0 D O Q, 5 S, 8 B, 2 Z, 1 I L J T, 6 G C, U V Y.
ALIKE_LETTERS = "QQQDDOSSSBBZZIILLJTGCUVY"
ALIKE_DIGITS = "00015552288614"


def pick(rng, text, sep=" "):
    """One of the words of text."""
    parts = text.split(sep)
    return parts[rng.integers(len(parts))]


def vanity(rng, longest):
    """A made-up personal serial: pronounceable, with the odd digit."""
    n = int(rng.integers(2, longest + 1))
    out = ""
    while len(out) < n:
        r = rng.random()
        if r < .75:
            out += "BCDFGHJKLMNPQRSTVWXYZ"[rng.integers(21)] + "AEIIOUY"[rng.integers(7)]
        elif r < .88:
            out += ALL_LETTERS[rng.integers(26)]
        else:
            out += DIGITS[rng.integers(10)]
    out = out[:n]
    if n > 3 and rng.random() < .3:
        k = int(rng.integers(1, n))
        out = out[:k] + "_" + out[k:]
    return out


def free_serial(rng, shortest, longest):
    """A serial that follows no format: every character by itself, broken at random places."""
    n = int(rng.integers(shortest, longest + 1))
    p = rng.random()
    out = "".join("L" if rng.random() < p else "D" for _ in range(n))
    for _ in range(int(rng.integers(0, 3))):
        k = int(rng.integers(1, n))
        out = out[:k] + "_-.*_"[rng.integers(5)] + out[k:]
    return out


def fill(rng, pattern, issuer="", twins=""):
    """Units of the pattern, with the letters that the issuer uses; those that most leave out (I, O, Q) come seldom elsewhere, twins (letters that
    the typeface draws like digits) not at all."""
    letters, digits = ALL_LETTERS if rng.random() < .4 else LETTERS + ("Q" if rng.random() < .3 else ""), DIGITS
    if rng.random() < .22:
        letters, digits = ALIKE_LETTERS, ALIKE_DIGITS
    elif issuer in formats.LETTERS:
        letters = ALL_LETTERS
    if "I" in letters and rng.random() < .4:  # as often as the shapes it is mistaken for
        letters += "II"
    known = [set(w) for w in formats.LETTERS.get(issuer, ALL_LETTERS).split()]
    first, later = ("".join(c for c in letters if c in k and c not in twins) for k in (known[0], known[-1]))
    return paint.units(pattern, rng, first, digits, later)


def signed(rng, items):
    """The units with a sign somewhere among them, most often where a gap is or at an end."""
    gaps = [i for i, (k, _) in enumerate(items) if k in ("gap", "dash", "art", "dot")]
    r = rng.random()
    if gaps and r < .35:
        i = gaps[rng.integers(len(gaps))]
        return items[:i] + [("sign", "")] + items[i + 1:]
    i = 0 if r < .65 else len(items) if r < .75 else int(rng.integers(0, len(items) + 1))
    return items[:i] + [("sign", "")] + items[i:]


def vanity_units(text):
    """Units of a serial that is already spelt out."""
    return [("gap", "") if c == "_" else ("c", c) for c in text]


def ink_for(rng, names, image, tries=6):
    """An ink that stands out from the middle of the plate."""
    h, w = image.shape[:2]
    base = paint.luminance(image[h // 3: 2 * h // 3].reshape(-1, 3).mean(0))
    for _ in range(tries):
        c = paint.vary(rng, paint.INK[pick(rng, names)], 12)
        if abs(paint.luminance(c) - base) > 55:
            return c
    return paint.vary(rng, (25, 22, 22) if base > 120 else (235, 238, 238), 10)


def face_of(book, rng, roles):
    """A typeface of the roles, or now and then of any."""
    if rng.random() < .1:
        roles = "us fe din uk road sans"
    return book.choose(rng, *roles.split())


def us_like(book, rng, looks, region, roles="us", two=None):
    """A North American plate: state's name above, slogan or county below, stickers, bolts, frame. looks are a row of formats.US."""
    name, slogan, inks, grounds, patterns = looks
    w, h = WIDTH, int(WIDTH * rng.uniform(.46, .54))
    motorcycle = rng.random() < .05 if two is None else two
    if motorcycle:
        h = int(w * rng.uniform(.56, .68))
    look = pick(rng, grounds) if rng.random() < .85 else pick(rng, "white bluefade sunset mountain picture bars skyline sky yellow navy black maroon green orange turquoise")
    image = paint.ground(rng, look, w, h)
    if rng.random() < .25:  # a scene behind the serial
        for _ in range(int(rng.integers(1, 4))):
            paint.shape(rng, image, rng.uniform(0, w), rng.uniform(h * .2, h), h * rng.uniform(.2, .9), rng.integers(90, 255, 3), rng.uniform(.08, .4))
    ink = ink_for(rng, inks, image)
    logo = rng.random() < .2
    if logo:
        emblem(book, rng, image, ink)
    face = face_of(book, rng, roles if rng.random() < .8 else "us sans din uk fe road")
    r = rng.random()
    if r < .13:
        word = vanity(rng, 7)
        # Issuers of personal plates differ in whether they enter an O or a 0 where one shape serves for both; a reader that
        # cannot know has to be unsure.
        items = vanity_units(word.replace("O", "0") if "O" in book.twins(face) and rng.random() < .5 else word)
    elif r < .36:
        items = fill(rng, free_serial(rng, 3, 7), twins=book.twins(face))
    else:
        items = fill(rng, pick(rng, patterns), region)
    if rng.random() < .25 and len(items) < 8 and all(k != "stack" for k, _ in items):
        small = ("stack", "".join((ALL_LETTERS if rng.random() < .8 else DIGITS)[rng.integers(10)] if rng.random() < .3 else ALL_LETTERS[rng.integers(26)]
                                  for _ in range(rng.choice([1, 2, 3], p=[.15, .6, .25]))))
        items = [small] + items if rng.random() < .6 else items + [small]
    if rng.random() < .06 and len(items) < 10:
        items = signed(rng, items)
    x0 = .22 if logo else rng.uniform(.03, .09)
    wide = (1 - x0 - rng.uniform(.03, .09)) * w
    y0, tall = rng.uniform(.25, .31) * h, rng.uniform(.41, .53) * h
    style = dict(weight=int(rng.integers(-3, 5)), stretch=rng.uniform(.8, 1.25), space=rng.uniform(.06, .22), cell=rng.random() < .5,
                 gap=rng.uniform(.15, .6), align=rng.choice([.5, .5, .5, rng.random()]))
    lines = motorcycle and (two or rng.random() < .5) and sum(k == "c" for k, _ in items) > 3
    if lines:
        upper, lower = split(items)
        items = upper + lower
        paint.serial(book, rng, image, upper, face, (.12 * w, .22 * h, .76 * w, .27 * h), ink, **style)
        paint.serial(book, rng, image, lower, face, (.12 * w, .53 * h, .76 * w, .27 * h), ink, **style)
    else:
        paint.serial(book, rng, image, items, face, (x0 * w, y0, wide, tall), ink, **style)
    words = ink if rng.random() < .5 and look not in ("empire", "excelsior") else ink_for(rng, "red navy black blue white green maroon gold", image[: h // 4])
    if rng.random() < .95:
        caption(book, image, pick(rng, name, "|"), book.choose(rng, "script", "caption") if rng.random() < .5 else book.choose(rng, "caption"),
                w * (.5 + (rng.normal(0, .03) if rng.random() < .8 else rng.uniform(-.15, .15))), h * rng.uniform(.05, .1), h * rng.uniform(.1, .155), words, w * rng.uniform(.4, .72))
    below = pick(rng, slogan, "|")
    if below and rng.random() < .85:
        below = paint.words(rng) if below == "@" else below
        face = book.choose(rng, "caption", "script")
        caption(book, image, below, face, w / 2, h * rng.uniform(.83, .87), h * rng.uniform(.06, .1), ink_for(rng, "red navy black blue white green", image[-h // 5:]), w * .7)
    for fx, fy in ((.02, .03), (.86, .03), (.02, .8), (.86, .8)):
        if rng.random() < .27:
            paint.sticker(rng, book, image, w * (fx + rng.normal(0, .008)), h * (fy + rng.normal(0, .01)), w * rng.uniform(.09, .14), h * rng.uniform(.11, .17))
    paint.wear(rng, image)
    paint.bolts(rng, image, ((.21, .07), (.79, .07), (.21, .93), (.79, .93)))
    if rng.random() < .38:
        top, bottom = h * rng.uniform(.02, .2), h * rng.uniform(.02, .2)
        if rng.random() < .25 and not lines:  # a frame that hides the serial's feet, or heads
            bottom = max(bottom, h - y0 - tall * rng.uniform(.84, 1))
            top = max(top, y0 + tall * rng.uniform(0, .12)) if rng.random() < .3 else top
        paint.frame(rng, book, image, (top, bottom, w * rng.uniform(.01, .04)))
    return image, paint.text_of(items), region, "us-mc-2" if lines else "us-mc" if motorcycle else "us"


def emblem(book, rng, image, ink):
    """A cause's picture left of the serial: figures, often on a disc, often with some letters that are no part of the serial."""
    h, w = image.shape[:2]
    x, y = w * rng.uniform(.1, .14), h * rng.uniform(.45, .6)
    if rng.random() < .4:
        paint.shape(rng, image, x, y, h * rng.uniform(.3, .5), ink if rng.random() < .4 else rng.integers(0, 255, 3), rng.uniform(.7, 1))
    else:
        for _ in range(int(rng.integers(2, 6))):
            paint.shape(rng, image, w * rng.uniform(.06, .18), h * rng.uniform(.35, .68), h * rng.uniform(.15, .42), rng.integers(0, 255, 3), rng.uniform(.6, 1))
    if rng.random() < .35:
        n = int(rng.integers(1, 5))
        word = "".join(ALL_LETTERS[rng.integers(26)] for _ in range(n))
        colour = paint.vary(rng, paint.INK[pick(rng, "red navy black blue white green maroon yellow")], 15)
        caption(book, image, word, book.choose(rng, "caption", "script", "us"), x, y - h * rng.uniform(.05, .25), h * rng.uniform(.08, .3 if n < 3 else .2), colour, w * .17)


def us(book, rng, state=None, two=None):
    """A plate of one US state or territory, any by default."""
    state = state or list(formats.US)[rng.integers(len(formats.US))]
    return us_like(book, rng, formats.US[state], f"US-{state}", two=two)


def canada(book, rng, province=None, two=None):
    """A Canadian plate."""
    province = province or list(formats.CANADA)[rng.integers(len(formats.CANADA))]
    return us_like(book, rng, formats.CANADA[province], f"CA-{province}", "us din sans", two)


def band(book, rng, image, kind, letters, x, w, y0=0.0, y1=1.0):
    """The blue band with its stars and country letters at x."""
    h = image.shape[0]
    a, b = int(h * y0), int(h * y1)
    x0, x1 = max(0, int(x)), int(x + w)
    image[a:b, x0:x1] = paint.vary(rng, (150, 60, 10) if kind != "gbnew" else (90, 160, 40), 22)
    cx = (x0 + x1) / 2
    if kind == "ua":
        image[(a + b) // 2:b, x0:x1] = (40, 200, 245)
    elif rng.random() < .9:
        for t in np.arange(12) * np.pi / 6:
            px, py = int(cx + w * .27 * np.cos(t)), int(a + (b - a) * .3 + w * .27 * np.sin(t))
            if 0 <= py < h and 0 <= px < image.shape[1]:
                image[py:py + 2, px:px + 2] = (40, 200, 245)
    caption(book, image, letters, book.choose(rng, "caption"), cx, a + (b - a) * .66, (b - a) * .16, (240, 240, 240), w * .8)


def split(items):
    """Two lines of units, broken where the pattern says, at the gap nearest to the middle, or in the middle where there is none."""
    total = sum(k == "c" for k, _ in items)
    if ("line", "") in items:
        i = items.index(("line", ""))
        return items[:i], items[i + 1:]
    best, seen = None, 0
    for i, (k, _) in enumerate(items):
        if k != "c" and 0 < seen < total and (best is None or abs(seen - total / 2) < best[0]):
            best = abs(seen - total / 2), i
        seen += k == "c"
    if best:
        i = best[1]
        return items[:i], items[i + 1:]
    i = len(items) // 2
    return items[:i], items[i:]


def long_plate(book, rng, country, looks, region, two=None):
    """A European-shaped plate, one line or two, with or without a band."""
    look, inks, grounds, roles, patterns = looks
    two = rng.random() < (.3 if look == "in" else .2) if two is None else two
    w = WIDTH
    h = int(w * ((rng.uniform(.6, .85) if rng.random() < .7 else rng.uniform(.85, 1.15)) if two else rng.uniform(.19, .25)))
    old = pick(rng, grounds) if rng.random() < .96 else pick(rng, "white yellow sky black")
    image = paint.ground(rng, "black" if old == "old" else old, w, h)
    ink = ink_for(rng, "white" if old == "old" else inks, image)
    face = face_of(book, rng, roles)
    r = rng.random()
    if r < .25:
        items = fill(rng, free_serial(rng, 4, 9), twins=book.twins(face))
    elif r < .31:
        items = vanity_units(vanity(rng, 8))
    else:
        items = fill(rng, pick(rng, formats.TWO_LINES.get(country, patterns) if two and rng.random() < .75 else patterns), country)
    x0, x1 = .03, .97
    letters = formats.EUROPE_COUNTRY.get(country, country)
    bw = w * (rng.uniform(.07, .1) if not two else rng.uniform(.1, .15))
    has_band = look in ("eu", "eu2", "ua") and old != "old" or look in ("at", "no") or look == "gb" and rng.random() < .35
    if has_band and rng.random() < .94:
        band(book, rng, image, "ua" if look == "ua" else "gbnew" if look == "gb" and rng.random() < .3 else "eu", letters, 0, bw, 0, 1 if not two else rng.choice([.5, .55, 1.0]))
        x0 = bw / w + .015
        if look == "eu2":
            band(book, rng, image, "eu", f"{rng.integers(1, 96):02d}", w - bw, bw)
            x1 = 1 - bw / w - .015
    if look == "at":
        for a, b in ((.02, .06), (.94, .98)):
            image[int(h * a):max(int(h * a) + 1, int(h * b)), :] = (40, 30, 190)
    style = dict(weight=int(rng.integers(-3, 5)), stretch=rng.uniform(.85, 1.2), space=rng.uniform(.08, .24), cell=rng.random() < .4,
                 gap=rng.uniform(.2, .65), art=rng.uniform(.35, .6))
    if two:
        shown = two_lines(book, rng, image, items, face, ink, (x0, x1), style, both=rng.random() < .6, shields=look == "none" and rng.random() < .7)
    else:
        tall = rng.uniform(.64, .82)
        paint.serial(book, rng, image, items, face, (x0 * w, h * (1 - tall) / 2 + rng.normal(0, h * .01), (x1 - x0) * w, tall * h), ink, umlaut=country == "DE" and rng.random() < .08, **style)
        shown = items
    if look == "plain" and rng.random() < .3 or look == "gb" and rng.random() < .4:
        caption(book, image, paint.words(rng), book.choose(rng, "caption"), w / 2, h * .92, h * .055, ink, w * .6)
    if rng.random() < .6:
        t = max(1, int(h * rng.uniform(.012, .035)))
        edge = paint.vary(rng, ink, 20)
        image[:t], image[-t:], image[:, :t], image[:, -t:] = edge, edge, edge, edge
    paint.wear(rng, image)
    if rng.random() < .5:
        paint.bolts(rng, image, ((.12, .5), (.88, .5)) if rng.random() < .5 else ((.25, .08), (.75, .08)))
    return image, paint.text_of(shown), region, f"{look}-2" if two else look


def two_lines(book, rng, image, items, face, ink, across, style, both=False, shields=False):
    """Draws the units in two lines between the fractions across of the width, and returns them as read. Either line may be the larger, and each is as
    wide as its characters need or fills its room. both: what stands at the left (a band) does so beside both lines; shields: small arms beside the upper one."""
    h, w = image.shape[:2]
    upper, lower = broken(rng, items) if rng.random() < .12 else split(items)
    m = rng.uniform(.04, .09)
    share = np.clip(rng.normal(.5, .05), .38, .62)
    each = (1 - 3 * m) * share, (1 - 3 * m) * (1 - share)
    for k, (units, top) in enumerate(((upper, m), (lower, 2 * m + each[0]))):
        left, right = across[0] if k == 0 or both else .04, across[1]
        if k == 0 and rng.random() < .12:  # a year or a number beside the upper line, small, not part of the serial
            word = ("-" if rng.random() < .5 else "") + f"{rng.integers(0, 30):02d}"
            right -= .17
            small = face if rng.random() < .6 else book.choose(rng, "caption")
            caption(book, image, word, small, (right + .08) * w, (top + rng.uniform(0, .3) * each[0]) * h, each[0] * h * rng.uniform(.28, .5), ink, w * .15)
        if k == 0 and shields:
            for x, tone in ((left + .09, (45, 30, 185)), (right - .09, (165, 70, 25) if rng.random() < .6 else (60, 150, 60))):
                paint.shape(rng, image, x * w, (top + each[0] * .5) * h, each[0] * h * .62, tone, .95, kind=5)
            left, right = left + .17, right - .17
        own = dict(style, gap=style["gap"] * (rng.uniform(1, 4) if rng.random() < .25 else 1), align=rng.choice([.5, .5, .5, rng.random()]),
                   stretch=style["stretch"] * rng.uniform(.85, 1.18), space=style["space"] * rng.uniform(.7, 1.3))
        paint.serial(book, rng, image, units, face, (left * w, top * h, (right - left) * w, each[k] * h), ink, **own)
    return upper + lower


def broken(rng, items):
    """Two lines of units, broken anywhere after the first character."""
    at = [i for i, (k, _) in enumerate(items) if k == "c"][1:]
    i = at[rng.integers(min(4, len(at)))] if at else len(items)
    units = lambda part: [u for u in part if u[0] != "line"]
    return units(items[:i]), units(items[i:])


def holder(book, rng, image):
    """The plate in a black holder with the dealer's strip below, and where in that picture the plate is: x, y, w, h as fractions."""
    h, w = image.shape[:2]
    top, side, low = int(h * rng.uniform(.02, .08)), int(w * rng.uniform(.005, .02)), int(h * rng.uniform(.04, .24) * (1 if h < w * .4 else .5))
    tone = paint.vary(rng, (30, 30, 30), 10)
    image = cv2.copyMakeBorder(image, top, low, side, side, cv2.BORDER_CONSTANT, value=tuple(map(float, tone)))
    if low > 5:
        caption(book, image, paint.words(rng), book.choose(rng, "caption"), image.shape[1] / 2, image.shape[0] - low * .75, low * .5, (215, 215, 215), w * .8)
    inside = side / image.shape[1], top / image.shape[0], w / image.shape[1], h / image.shape[0]
    return cv2.resize(image, (WIDTH, max(48, int(image.shape[0] * WIDTH / image.shape[1]))), interpolation=cv2.INTER_AREA), inside


def brazil(book, rng, country, look, inks, grounds, roles, patterns, region, two=None):
    """Brazil's old grey plate with the town above, and the Mercosul plate."""
    w = WIDTH
    two = rng.random() < .18 if two is None else two
    h = int(w * (rng.uniform(.7, .88) if two else rng.uniform(.31, .38)))
    image = paint.ground(rng, pick(rng, grounds), w, h)
    ink = ink_for(rng, inks, image)
    items = fill(rng, free_serial(rng, 6, 8)) if rng.random() < .2 else fill(rng, pick(rng, formats.TWO_LINES.get(country, patterns) if two else patterns), country)
    head = h * (rng.uniform(.18, .26) if not two else rng.uniform(.14, .2))
    if look == "mercosul":
        image[: int(head)] = paint.vary(rng, (150, 60, 10), 20)
        caption(book, image, {"BR": "BRASIL", "AR": "REPUBLICA ARGENTINA"}.get(region, "BRASIL"), book.choose(rng, "caption"), w / 2, head * .28, head * .5, (240, 240, 240), w * .5)
        if rng.random() < .5:
            caption(book, image, "BR", book.choose(rng, "caption"), w * .05, h * .84, h * .1, (30, 30, 30))
    else:
        caption(book, image, pick(rng, "SP PR SC RJ MG RS BA") + "-" + paint.words(rng), book.choose(rng, "caption"), w / 2, head * .35, head * .52, ink, w * .7)
    face = face_of(book, rng, roles)
    style = dict(weight=int(rng.integers(-2, 5)), stretch=rng.uniform(.9, 1.25), space=rng.uniform(.08, .2), cell=rng.random() < .4, gap=rng.uniform(.15, .4))
    if two:
        upper, lower = split(items) if any(k != "c" for k, _ in items) else (items[:3], items[3:])
        each = (h - head) * .42
        for units, top in ((upper, head * 1.05), (lower, head * 1.05 + each * 1.12)):
            paint.serial(book, rng, image, units, face, (w * .06, top, w * .88, each), ink, **style)
        items = upper + lower
    else:
        paint.serial(book, rng, image, items, face, (w * .04, head * 1.05, w * .92, (h - head) * rng.uniform(.76, .92)), ink, **style)
    paint.wear(rng, image)
    paint.bolts(rng, image, ((.12, .12), (.88, .12)))
    return image, paint.text_of(items), region, f"{look}-2" if two else look


def world(book, rng, key=None, two=None):
    """Brazil, Mexico and others outside Europe and North America."""
    keys = list(formats.WORLD)
    if key is None:
        p = np.array([5 if k.startswith("BR") else 2 if k in ("MX", "IN", "AR") else 1 for k in keys], float)
        key = keys[rng.choice(len(keys), p=p / p.sum())]
    look, inks, grounds, roles, patterns = formats.WORLD[key]
    region = key[:2]
    if look == "us":
        names = pick(rng, "MEXICO JALISCO CHIHUAHUA SONORA EDOMEX CDMX PUEBLA TAMAULIPAS"), "MEXICO|@|DELANTERA|TRASERA"
        return us_like(book, rng, (*names, inks, grounds, patterns), region, roles, two)
    if look in ("br", "mercosul"):
        return brazil(book, rng, key, look, inks, grounds, roles, patterns, region, two)
    return long_plate(book, rng, key, formats.WORLD[key], region, two)


def europe(book, rng, country=None, two=None):
    """A European plate; big issuers come more often."""
    keys = list(formats.EUROPE)
    if country is None:
        p = np.array([4 if k in ("GB", "DE", "PL") else 3 if k in ("NL", "RO", "IT", "FR", "ES") else 1 for k in keys], float)
        country = keys[rng.choice(len(keys), p=p / p.sum())]
    return long_plate(book, rng, country, formats.EUROPE[country], country, two)


def anything(book, rng, two=None):
    """A plate of no issuer: any colours, face and serial, so that shapes are learned apart from formats."""
    two = rng.random() < .25 if two is None else two
    w = WIDTH
    h = int(w * (rng.uniform(.45, 1.1) if two else rng.uniform(.19, .55)))
    image = paint.ground(rng, pick(rng, "white yellow black blue navy green red grey sky sunset mountain picture orange"), w, h)
    ink = ink_for(rng, "black navy blue red green white yellow maroon", image)
    face = face_of(book, rng, "us fe din uk road sans")
    items = fill(rng, free_serial(rng, 4, 9), twins=book.twins(face)) if rng.random() < .8 else vanity_units(vanity(rng, 8))
    style = dict(weight=int(rng.integers(-3, 6)), stretch=rng.uniform(.75, 1.3), space=rng.uniform(.05, .25), cell=rng.random() < .5, gap=rng.uniform(.1, .7))
    if rng.random() < .04 and len(items) < 10:
        items = signed(rng, items)
    if two:
        items = two_lines(book, rng, image, items, face, ink, (.04, .96), style)
    else:
        tall = rng.uniform(.45, .85)
        paint.serial(book, rng, image, items, face, (w * .03, h * (1 - tall) / 2, w * .94, h * tall), ink, **style)
    paint.wear(rng, image)
    return image, paint.text_of(items), "", "any-2" if two else "any"


def draw(book, rng, country=None, two=None):
    """A plate of the country, or of the training mix; two says whether its serial stands in two lines (None: as often as it does)."""
    if country is None:
        r = rng.random()
        if r < (.42 if not two else .1):
            return us(book, rng, two=two)
        if r < .78:
            return europe(book, rng, two=two)
        if r < .88:
            return world(book, rng, two=two)
        return canada(book, rng, two=two) if r < .92 and not two else anything(book, rng, two)
    head, _, tail = country.partition("-")
    if head == "US":
        return us(book, rng, tail or None, two)
    if head == "CA":
        return canada(book, rng, tail or None, two)
    if head in formats.EUROPE:
        return europe(book, rng, head, two)
    keys = [k for k in formats.WORLD if k[:2] == head]
    if not keys:
        raise ValueError(f"no plate format for {country!r}")
    return world(book, rng, keys[rng.integers(len(keys))], two)
