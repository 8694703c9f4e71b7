"""Own-drawn cars: each is a handful of painted rectangles (rear or front, cabin, near side, deck, shadow) and its plate."""
from dataclasses import dataclass, field

import cv2
import numpy as np

from .camera import Texture

PX = 300  # texture pixels per metre


@dataclass
class Build:
    """The measures of a kind of car, metres."""
    width: float
    height: float
    length: float
    belt: float        # height of the lower edge of the windows
    deck: float        # from the end of the car to the foot of its window
    slant: float       # how far the window leans inwards
    plate_y: float     # height of the plate's middle


KINDS = {
    "sedan": Build(1.82, 1.46, 4.6, .98, .62, .55, .72),
    "hatch": Build(1.76, 1.50, 4.0, .98, .06, .30, .74),
    "suv": Build(1.92, 1.74, 4.7, 1.10, .05, .22, .86),
    "pickup": Build(1.96, 1.84, 5.6, 1.12, 1.55, .18, .66),
    "van": Build(1.98, 2.05, 5.0, 1.14, .02, .08, .62),
}


@dataclass
class Plated:
    """A licence plate as it hangs on a car: the picture, and its true size in metres."""
    image: np.ndarray
    text: str
    region: str
    width: float
    tilt: float = 0.0  # radians, by hand of a careless owner

    @property
    def height(self):
        return self.width * self.image.shape[0] / self.image.shape[1]


@dataclass
class Car:
    """One car of the drive. x is the middle of its end towards us; front tells which end that is."""
    kind: str
    colour: tuple
    plate: Plated
    x: float
    front: bool = False
    seed: int = 0
    parts: dict = field(default_factory=dict)

    def __post_init__(self):
        rng = np.random.default_rng(self.seed)
        self.build = KINDS[self.kind]
        self.parts = paint(self.build, np.array(self.colour, float), self.front, rng)
        self.parts["plate"] = Texture(self.plate.image)

    def draw(self, canvas, z, lights=0.0, braking=False):
        """Draws the car with its near end at depth z. lights, 0..1, is how bright its lamps burn."""
        b, left = self.build, self.x - self.build.width / 2
        side = self.x - np.sign(self.x) * b.width / 2 if abs(self.x) > b.width / 2 else None
        canvas.rectangle(self.parts["shadow"], (left - .25, .01, z - .35), (b.width + .5, 0, 0), (0, 0, b.length + .6), opacity=.75)
        if side is not None:
            inwards = np.sign(self.x)
            canvas.rectangle(self.parts["flank"], (side, 0, z + .02), (0, 0, b.length), (0, b.belt, 0))
            canvas.rectangle(self.parts["windows"], (side + .01 * inwards, b.belt - .015, z + .02), (0, 0, b.length), (inset(b) * inwards, b.height - b.belt + .015, 0))
        canvas.rectangle(self.parts["cabin"], (left, b.belt - .02, z + b.deck), (b.width, 0, 0), (0, b.height - b.belt + .02, b.slant))
        if b.deck > .2:
            canvas.rectangle(self.parts["deck"], (left + .04, b.belt - .04, z + .06), (b.width - .08, 0, 0), (0, .02, b.deck))
        canvas.rectangle(self.parts["body"], (left, 0, z), (b.width, 0, 0), (0, b.belt, 0))
        if lights > 0 or braking:
            strength = min(1.0, lights + (.6 if braking else 0))
            canvas.rectangle(self.parts["lamps"], (left, 0, z - .01), (b.width, 0, 0), (0, b.belt, 0), opacity=strength, glow=strength)
        self._draw_plate(canvas, z - .03)

    def plate_corners(self, z):
        """World corners of the plate: top-left, top-right, bottom-right, bottom-left."""
        w, h = self.plate.width / 2, self.plate.height / 2
        c, s = np.cos(self.plate.tilt), np.sin(self.plate.tilt)
        return [(self.x + dx * c - dy * s, self.build.plate_y + dx * s + dy * c, z - .03) for dx, dy in ((-w, h), (w, h), (w, -h), (-w, -h))]

    def _draw_plate(self, canvas, z):
        tl, tr, _, bl = (np.array(c) for c in self.plate_corners(z + .03))
        canvas.rectangle(self.parts["plate"], bl, tr - tl, tl - bl, retro=150)


def paint(b, colour, front, rng):
    """The textures of a car."""
    body, lamps = _body(b, colour, front, rng)
    flank, windows = _side(b, colour, front)
    return {"body": body, "lamps": lamps, "cabin": _cabin(b, colour), "flank": flank, "windows": windows, "deck": _deck(b, colour), "shadow": _shadow(b)}


def inset(b):
    """How much narrower the roof is than the car, on each side, metres."""
    return b.width * (.03 if b.height > 1.95 else .1)


def _sheet(w, h, colour, top=1.12, bottom=.62, edge=.55):
    """Sheet metal: lighter towards the sky, darker where it turns away at both ends."""
    rows = np.linspace(top, bottom, h)[:, None]
    across = np.linspace(-1, 1, w)[None, :]
    turn = 1 - (1 - edge) * np.clip((np.abs(across) - .72) / .28, 0, 1) ** 2
    sheen = .14 * np.exp(-((np.linspace(0, 1, h)[:, None] - .16) / .07) ** 2)
    return np.clip(colour * (rows * turn + sheen)[..., None], 0, 255).astype(np.uint8)


def _polygon(image, points, colour):
    cv2.fillPoly(image, [np.round(np.array(points) * 16).astype(np.int32)], colour, cv2.LINE_AA, 4)


def _rounded(w, h, radius_top, radius_bottom):
    """Coverage of a rectangle with rounded corners."""
    mask = np.zeros((h, w), np.uint8)
    rt, rb = int(radius_top), int(radius_bottom)
    cv2.rectangle(mask, (0, rt), (w, h - rb), 255, -1)
    cv2.rectangle(mask, (rt, 0), (w - rt, h), 255, -1)
    cv2.rectangle(mask, (rb, rt), (w - rb, h), 255, -1)
    for x in (rt, w - rt - 1):
        cv2.circle(mask, (x, rt), rt, 255, -1, cv2.LINE_AA)
    for x in (rb, w - rb - 1):
        cv2.circle(mask, (x, h - rb - 1), rb, 255, -1, cv2.LINE_AA)
    return mask


def _body(b, colour, front, rng):
    """The end of the car below its window, wheels included, and its lamps as a layer of their own."""
    w, h = int(b.width * PX), int(b.belt * PX)
    image, alpha = np.zeros((h, w, 3), np.uint8), np.zeros((h, w), np.uint8)
    clear = int(.2 * PX)
    for x in (int(.06 * w), int(.81 * w)):  # tyres
        _polygon(alpha, [(x, h - clear - 20), (x + .13 * w, h - clear - 20), (x + .13 * w, h), (x, h)], 255)
        cv2.rectangle(image, (x, h - clear - 20), (x + int(.13 * w), h), (22, 22, 23), -1)
    bh = h - clear
    alpha[:bh] = np.maximum(alpha[:bh], _rounded(w, bh, .035 * PX, .07 * PX))
    image[:bh] = _sheet(w, bh, colour)
    dark = tuple(int(c * .35 + 16) for c in colour)
    bumper = int(bh * .66)
    image[bumper:bh] = _sheet(w, bh - bumper, colour * .92, 1.1, .55)
    cv2.rectangle(image, (int(.08 * w), int(bh * .87)), (int(.92 * w), bh), (30, 30, 32), -1)
    cv2.line(image, (0, bumper), (w, bumper), dark, 3, cv2.LINE_AA)
    lamps = np.zeros_like(image)
    (_front_end if front else _rear_end)(image, lamps, w, bh, dark, rng)
    mask = _rounded(int(.36 * PX * 1.15), int(.2 * PX), 12, 12)
    y = int(h - b.plate_y * PX)
    x = w // 2 - mask.shape[1] // 2
    part = image[max(0, y - mask.shape[0] // 2): y + mask.shape[0] - mask.shape[0] // 2, x:x + mask.shape[1]]
    part[:] = (part * (1 - .45 * mask[:part.shape[0], :, None] / 255)).astype(np.uint8)
    glow_alpha = cv2.GaussianBlur(lamps.max(2), (0, 0), 4)
    return Texture(image, alpha), Texture(np.zeros_like(image), np.minimum(glow_alpha, alpha), lamps)


def _rear_end(image, lamps, w, h, dark, rng):
    """Tail lamps, the lid's gaps, a strip of trim, the exhaust."""
    tall, wide, y = int(h * rng.uniform(.2, .34)), int(w * rng.uniform(.13, .2)), int(h * rng.uniform(.1, .16))
    for x0, x1 in ((4, wide), (w - wide, w - 4)):
        cv2.rectangle(image, (x0, y), (x1, y + tall), (28, 22, 120), -1, cv2.LINE_AA)
        cv2.rectangle(image, (x0, y), (x1, y + tall // 3), (48, 38, 165), -1, cv2.LINE_AA)
        cv2.rectangle(image, (x0 + 8, y + tall // 2), (x1 - 8, y + int(tall * .72)), (150, 150, 190), -1, cv2.LINE_AA)
        cv2.rectangle(lamps, (x0 + 4, y + 3), (x1 - 4, y + int(tall * .48)), (46, 40, 255), -1, cv2.LINE_AA)
    lid = [(wide + 10, 2), (wide + 14, int(h * .62)), (w - wide - 14, int(h * .62)), (w - wide - 10, 2)]
    cv2.polylines(image, [np.array(lid, np.int32)], False, dark, 3, cv2.LINE_AA)
    cv2.rectangle(image, (int(w * .33), int(h * .1)), (int(w * .67), int(h * .14)), (150, 150, 152), -1)
    cv2.ellipse(image, (int(w * .2), int(h * .93)), (22, 11), 0, 0, 360, (70, 70, 74), -1, cv2.LINE_AA)


def _front_end(image, lamps, w, h, dark, rng):
    """Head lamps and a grille."""
    tall, wide, y = int(h * .19), int(w * rng.uniform(.17, .22)), int(h * .13)
    for x0, x1, inner in ((6, wide, wide), (w - wide, w - 6, w - wide)):
        _polygon(image, [(x0, y), (x1, y + tall * .2), (x1, y + tall), (x0, y + tall * .85)], (205, 205, 200))
        centre = ((x0 + x1) // 2, y + int(tall * .55))
        cv2.circle(image, centre, int(tall * .36), (120, 120, 118), -1, cv2.LINE_AA)
        cv2.circle(image, centre, int(tall * .25), (235, 235, 232), -1, cv2.LINE_AA)
        cv2.circle(lamps, centre, int(tall * .42), (225, 240, 255), -1, cv2.LINE_AA)
    top, bottom = y + 4, int(h * .46)
    _polygon(image, [(w * .3, top), (w * .7, top), (w * .66, bottom), (w * .34, bottom)], (26, 26, 28))
    for row in range(top + 10, bottom - 4, 14):
        cv2.line(image, (int(w * .33), row), (int(w * .67), row), (92, 92, 96), 2, cv2.LINE_AA)
    cv2.circle(image, (w // 2, top + (bottom - top) // 3), 15, (175, 175, 178), -1, cv2.LINE_AA)
    cv2.rectangle(image, (int(w * .16), int(h * .76)), (int(w * .84), int(h * .86)), (24, 24, 26), -1)


def _cabin(b, colour):
    """The window and the pillars round it, narrower towards the roof."""
    w, h = int(b.width * PX), int((b.height - b.belt + .02) * PX)
    image, alpha = np.zeros((h, w, 3), np.uint8), np.zeros((h, w), np.uint8)
    lean = int(inset(b) * PX)
    _polygon(alpha, [(lean + 9, 0), (w - lean - 9, 0), (w - 6, h), (6, h)], 255)
    image[:] = _sheet(w, h, colour, 1.1, .8, .5)
    glass = np.linspace(0, 1, h)[:, None, None] * np.array([34., 30, 26]) + np.array([74., 66, 58]) * (1 - np.linspace(0, 1, h)[:, None, None])
    glass = np.repeat(glass, w, 1)
    streak = np.zeros((h, w), np.uint8)
    _polygon(streak, [(w * .55, 0), (w * .68, 0), (w * .52, h), (w * .34, h)], 60)
    glass = glass + cv2.GaussianBlur(streak, (0, 0), 9)[..., None] * .55
    pane, margin = np.zeros((h, w), np.uint8), int(w * .055)
    _polygon(pane, [(lean + 9 + margin, h * .16), (w - lean - 9 - margin, h * .16), (w - margin - 14, h * .9), (margin + 14, h * .9)], 255)
    for x in (.29, .71):  # head rests
        cv2.rectangle(glass, (int(w * (x - .055)), int(h * .55)), (int(w * (x + .055)), int(h * .88)), (20, 20, 20), -1, cv2.LINE_AA)
    a = pane[..., None] / 255
    return Texture((image * (1 - a) + np.clip(glass, 0, 255) * a).astype(np.uint8), alpha)


def _side(b, colour, front):
    """The near side below and above the belt line, from the end towards us (left) to the far one."""
    w, h = int(b.length * PX / 2), int(b.height * PX / 2)
    scale = PX / 2
    image, alpha = np.zeros((h, w, 3), np.uint8), np.zeros((h, w), np.uint8)
    y = lambda metres: h - metres * scale
    other = 1.1 if b.deck < 1.2 and not front else .5
    other = min(other, b.length / 4)
    roof = [(0, y(.2)), (0, y(b.belt - .06)), (.1 * scale, y(b.belt)), (b.deck * scale, y(b.belt)), ((b.deck + b.slant) * scale, y(b.height)),
            (w - (other + .75) * scale, y(b.height - .02)), (w - other * scale, y(b.belt)), (w - 6, y(b.belt - .12)), (w, y(.2))]
    _polygon(alpha, roof, 255)
    image[:] = _sheet(w, h, colour * .8, 1.05, .5, .8)
    pane = [((b.deck + .16) * scale, y(b.belt + .03)), ((b.deck + b.slant + .1) * scale, y(b.height - .1)),
            (w - (other + .8) * scale, y(b.height - .12)), (w - (other + .18) * scale, y(b.belt + .03))]
    _polygon(image, pane, (44, 40, 36))
    for share in (.36, .62):
        x = int(w * share)
        cv2.line(image, (x, int(y(b.height - .1))), (x, int(y(.35))), tuple(int(c * .4) for c in colour), 3, cv2.LINE_AA)
        cv2.line(image, (x - 40, int(y(b.belt - .16))), (x - 18, int(y(b.belt - .16))), (40, 40, 40), 4, cv2.LINE_AA)
    cv2.rectangle(image, (0, int(y(.34))), (w, int(y(.2))), (30, 30, 32), -1)
    for x in (.85, b.length - .9):
        centre, radius = (int(x * scale), int(y(.33))), int(.33 * scale)
        cv2.circle(image, centre, int(radius * 1.13), (16, 16, 17), -1, cv2.LINE_AA)
        cv2.circle(alpha, centre, radius, 255, -1, cv2.LINE_AA)
        cv2.circle(image, centre, int(radius * .62), (128, 128, 132), -1, cv2.LINE_AA)
        cv2.circle(image, centre, int(radius * .2), (60, 60, 62), -1, cv2.LINE_AA)
    belt = int(y(b.belt))
    return Texture(image[belt:], alpha[belt:]), Texture(image[:belt], alpha[:belt])


def _deck(b, colour):
    """The lid or bonnet, seen flat."""
    w, h = int(b.width * PX / 2), max(8, int(b.deck * PX / 2))
    return Texture(_sheet(w, h, colour * 1.05, 1.0, 1.15, .7))


def _shadow(b):
    """What the car keeps the sky from lighting."""
    w, h = 120, 300
    mask = np.zeros((h, w), np.uint8)
    cv2.rectangle(mask, (12, 12), (w - 12, h - 12), 235, -1)
    return Texture(np.full((h, w, 3), 8, np.uint8), cv2.GaussianBlur(mask, (0, 0), 5))
