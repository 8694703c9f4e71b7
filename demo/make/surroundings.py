"""The road, what stands beside it, the tunnel and the sky."""
import cv2
import numpy as np

from .camera import HEIGHT, WIDTH, Texture

ROAD_PERIOD = 24.0      # metres after which the road's pattern repeats
SCENERY_PERIOD = 96.0   # the same for the houses and trees
FAR = 420.0
# Where a strip of the ground or of the scenery is cut, so that each piece is drawn at its own sharpness.
CUTS = (1.3, 5, 8, 12, 18, 27, 42, 70, 130, FAR)


class Strip:
    """A pattern that repeats along the road: lies on the ground or stands upright, from `origin` over `across`."""

    def __init__(self, texture_of, period, origin, across):
        self.colour, self.alpha, self.emit = texture_of
        self.period, self.origin, self.across = period, np.array(origin, float), np.array(across, float)
        # Along the road the pattern is laid out twice, so that any stretch of one period lies within it.
        double = lambda a: None if a is None else np.concatenate([a, a], 1)
        self.texture = Texture(double(self.colour), double(self.alpha), double(self.emit))

    def draw(self, canvas, travelled, start=0.0, end=FAR):
        """Draws the strip from depth start to end, after `travelled` metres of driving."""
        z = max(start, CUTS[0])
        for cut in [c for c in CUTS if c > z] or [end]:
            while z < min(cut, end) - 1e-6:
                phase = (travelled + z) % self.period
                stop = min(cut, end, z + 2 * self.period - phase)
                length = 2 * self.period
                first = z - phase  # where the doubled pattern begins
                self._piece(canvas, first, length, phase / length, (phase + stop - z) / length)
                z = stop

    def _piece(self, canvas, first, length, s0, s1):
        canvas.rectangle(self.texture, self.origin + [0, 0, first], (0, 0, length), self.across, span=(s0, s1))


def noise(rng, h, w, scale, contrast):
    """Soft blotches, repeating along the second axis."""
    small = rng.normal(0, 1, (max(2, h // scale), max(2, w // scale))).astype(np.float32)
    wrapped = np.concatenate([small, small[:, :2]], 1)
    big = cv2.resize(wrapped, (int(w * wrapped.shape[1] / small.shape[1]), h), interpolation=cv2.INTER_CUBIC)[:, :w]
    return big * contrast


def road(rng, half_width=5.6, lanes=(-1.75, 1.75), px=28):
    """Asphalt with its markings, seen from above; along the road is the texture's x axis, its y axis runs to the left."""
    w, h = int(ROAD_PERIOD * px), int(2 * half_width * px)
    grey = 88 + noise(rng, h, w, 60, 3.5) + noise(rng, h, w, 12, 1.3)
    tracks = np.abs(((np.arange(h) / px - half_width) % 3.5) - 1.75)
    grey += (-6 * np.exp(-((tracks - .75) / .3) ** 2))[:, None]
    image = np.dstack([grey + 2, grey, grey - 1])
    row = lambda x: (half_width - x) * px
    for x in lanes:
        for start in (0, 12):
            cv2.rectangle(image, (start * px, int(row(x + .06))), ((start + 4) * px, int(row(x - .06))), (205, 208, 208), -1)
    for x in (-half_width + .35, half_width - .35):
        cv2.rectangle(image, (0, int(row(x + .06))), (w, int(row(x - .06))), (200, 203, 203), -1)
    return np.clip(image, 0, 255).astype(np.uint8), None, None


def verge(rng, width=30.0, kerb=True, px=12):
    """Pavement next to the road, then grass."""
    w, h = int(ROAD_PERIOD * px), int(width * px)
    green = noise(rng, h, w, 14, 9) + noise(rng, h, w, 4, 6)
    image = np.dstack([58 + green * .5, 104 + green, 84 + green * .8])
    if kerb:
        stone = int(2.2 * px)
        slab = 150 + noise(rng, stone, w, 20, 5)
        image[:stone] = np.dstack([slab - 4, slab, slab + 2])
        image[: max(2, int(.2 * px))] = (168, 172, 174)
        for x in range(0, w, int(2 * px)):
            image[:stone, x] = 118
    return np.clip(image, 0, 255).astype(np.uint8), None, None


def houses(rng, height=11.0, px=16):
    """A row of houses and trees with sky between them; windows light up at night."""
    w, h = int(SCENERY_PERIOD * px), int(height * px)
    image, alpha, emit = np.zeros((h, w, 3), np.uint8), np.zeros((h, w), np.uint8), np.zeros((h, w, 3), np.uint8)
    x = 0.0
    while x < SCENERY_PERIOD - 9:
        wide, tall = rng.uniform(9, 15), rng.uniform(4.5, 8.5)
        wide = min(wide, SCENERY_PERIOD - x - 1)
        _house(rng, image, alpha, emit, x, wide, tall, px)
        x += wide + rng.uniform(1.5, 5)
        if rng.random() < .8:
            _tree(rng, image, alpha, x - rng.uniform(.5, 2.5), rng.uniform(3.5, 8), px)
    return image, alpha, emit


def _house(rng, image, alpha, emit, x, wide, tall, px):
    h = image.shape[0]
    left, right, top = int(x * px), int((x + wide) * px), int(h - tall * px)
    wall = rng.choice([(150, 170, 186), (120, 138, 165), (176, 186, 190), (104, 120, 150), (160, 160, 150)])
    cv2.rectangle(image, (left, top), (right, h), tuple(int(c) for c in wall), -1)
    cv2.rectangle(alpha, (left, top), (right, h), 255, -1)
    ridge = int(top - rng.uniform(1.2, 2.6) * px)
    roof = np.array([(left - 6, top), (left + int(.2 * (right - left)), ridge), (right - int(.2 * (right - left)), ridge), (right + 6, top)])
    cv2.fillPoly(image, [roof], tuple(int(c) for c in rng.choice([(60, 62, 96), (70, 72, 78), (52, 60, 72)])), cv2.LINE_AA)
    cv2.fillPoly(alpha, [roof], 255, cv2.LINE_AA)
    for row in np.arange(1.2, tall - .8, 2.9):
        for column in np.arange(1.0, wide - 1.6, rng.uniform(2.0, 2.8)):
            a = (int((x + column) * px), int(h - (row + 1.35) * px))
            b = (int((x + column + 1.05) * px), int(h - row * px))
            cv2.rectangle(image, a, b, (92, 84, 76), -1)
            cv2.rectangle(image, a, b, (205, 208, 210), 1)
            if rng.random() < .35:
                cv2.rectangle(emit, (a[0] + 1, a[1] + 1), (b[0] - 1, b[1] - 1), (60, 128, 168), -1)


def _tree(rng, image, alpha, x, tall, px):
    h, w = alpha.shape
    foot = int(x * px) % w
    cv2.line(image, (foot, h), (foot, int(h - tall * .6 * px)), (42, 56, 70), max(3, int(.3 * px)))
    cv2.line(alpha, (foot, h), (foot, int(h - tall * .6 * px)), 255, max(3, int(.3 * px)))
    for _ in range(70):
        cx, cy = foot + rng.normal(0, tall * .17) * px, h - (tall * .68 + rng.normal(0, tall * .13)) * px
        shade = rng.uniform(.6, 1.15)
        centre, radius = (int(cx), int(cy)), int(rng.uniform(.25, .6) * px * tall / 6)
        cv2.circle(image, centre, radius, (34 * shade, 84 * shade, 62 * shade), -1, cv2.LINE_AA)
        cv2.circle(alpha, centre, radius, 255, -1, cv2.LINE_AA)


def hedge(rng, px=22):
    """Hedges, fences and gaps at the edge of the pavement."""
    w, h = int(ROAD_PERIOD * 2 * px), int(1.3 * px)
    image, alpha = np.zeros((h, w, 3), np.uint8), np.zeros((h, w), np.uint8)
    leaf = noise(rng, h, w, 7, 13) + noise(rng, h, w, 3, 8)
    image[:] = np.clip(np.dstack([36 + leaf * .4, 82 + leaf, 60 + leaf * .7]), 0, 255)
    for x in range(0, w, 7 * px):
        top = int(rng.uniform(.1, .5) * h)
        cv2.rectangle(alpha, (x, top), (x + int(rng.uniform(4, 6.5) * px), h), 255, -1)
    return image, alpha, None


def tunnel_wall(rng, height=5.2, px=20):
    """Tiles, a dark plinth, a band of lamps."""
    w, h = int(ROAD_PERIOD * px), int(height * px)
    tile = 150 + noise(rng, h, w, 40, 9)
    image = np.dstack([tile, tile + 2, tile])
    image[:, :: int(1.2 * px)] = 112
    image[:: int(.9 * px)] = 118
    image[-int(1.0 * px):] = (62, 60, 58)
    emit = np.zeros((h, w, 3), np.uint8)
    for x in range(0, w, int(6 * px)):
        cv2.rectangle(emit, (x + 10, int(.35 * px)), (x + int(1.8 * px), int(.62 * px)), (170, 225, 255), -1)
    return np.clip(image, 0, 255).astype(np.uint8), None, emit


def tunnel_roof(rng, px=10):
    """Sooty concrete."""
    w, h = int(ROAD_PERIOD * px), int(12 * px)
    grey = 60 + noise(rng, h, w, 20, 8)
    return np.clip(np.dstack([grey, grey, grey]), 0, 255).astype(np.uint8), None, None


def portal(rng):
    """The wall above and beside the mouth of the tunnel: concrete with a hole."""
    h, w = 300, 800
    grey = 132 + noise(rng, h, w, 60, 10) + rng.normal(0, 3, (h, w))
    alpha = np.full((h, w), 255, np.uint8)
    alpha[int(h * (1 - 5.2 / 9)):, int(w * (.5 - 5.6 / 32)): int(w * (.5 + 5.6 / 32))] = 0
    image = np.clip(np.dstack([grey, grey, grey]), 0, 255).astype(np.uint8)
    cv2.rectangle(image, (int(w * .3), int(h * .3)), (int(w * .7), int(h * .36)), (96, 96, 98), -1)
    return Texture(image, alpha)


def lamp_post():
    """A street lamp, its arm over the road to the left."""
    h, w = 480, 160
    image, alpha, emit = np.full((h, w, 3), 78, np.uint8), np.zeros((h, w), np.uint8), np.zeros((h, w, 3), np.uint8)
    cv2.line(alpha, (146, h), (146, 24), 255, 7, cv2.LINE_AA)
    cv2.line(alpha, (146, 24), (20, 12), 255, 6, cv2.LINE_AA)
    cv2.ellipse(alpha, (24, 16), (22, 8), 0, 0, 360, 255, -1, cv2.LINE_AA)
    cv2.ellipse(emit, (24, 18), (20, 6), 0, 0, 360, (150, 215, 255), -1, cv2.LINE_AA)
    return Texture(image, alpha, emit)


def sky(rng, top, bottom, clouds):
    """A sky as wide as the view and a bit; `clouds`, 0..1, is how bright they stand out."""
    h, w = HEIGHT, WIDTH + 200
    t = np.clip(np.linspace(0, HEIGHT / 340, h), 0, 1)[:, None, None]
    image = np.array(top, float) * (1 - t) + np.array(bottom, float) * t
    image = np.repeat(image, w, 1)
    veil = noise(rng, h, w, 160, .6) + noise(rng, h, w, 60, .35) + noise(rng, h, w, 24, .15)
    veil = np.clip(veil, 0, 1)[..., None] * clouds * (1 - .5 * t)
    return np.clip(image * (1 - veil) + np.array([238., 236, 234]) * veil, 0, 255).astype(np.uint8)
