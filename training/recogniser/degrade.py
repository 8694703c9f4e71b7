"""What the road, the lens and the camera do to a plate, at the size at which it happens, then the reader's input."""
import cv2
import numpy as np

from .shape import HEIGHT, WIDTH

MARGIN = .05  # what is seen beyond each edge of a plate, in its widths and heights


def degrade(rng, image, quad, aspect, hardness=1.0, backdrop=None, margin=None, pink=.14, blur=True):
    """A reader's input (uint8 [64,160,3]) of the plate whose corners in image are quad (TL, TR, BR, BL).

    aspect is the plate's true width : height; hardness 0 leaves the picture nearly as it is, 1 is the training mix.
    backdrop, a BGR picture, is what lies around the plate where image shows nothing of it (None: image has context).
    pink is the share of colour casts that are those of a camera without its infra-red filter.
    blur False leaves out defocus and motion.
    """
    hard = hardness * rng.choice([.35, .75, 1.15], p=[.3, .42, .28])
    wide = float(np.clip(np.exp(rng.normal(np.log(135 - 55 * min(hard, 1)), .42)), 38, 300))
    tall = max(12.0, wide / aspect * (rng.uniform(1.1, 2.2) if rng.random() < .12 else 1.0))  # some are seen from aside: narrower than they are
    canvas, quad_to = _place(rng, image, quad, wide, tall, hard, backdrop, margin)
    canvas = _light(rng, canvas, hard, pink)
    if blur:
        canvas = _blur(rng, canvas, wide, hard)
        if rng.random() < .05 * hard:
            canvas = comb(rng, canvas, wide)
    canvas = _sensor(rng, canvas, hard)
    if wide > 110 and rng.random() < .3:  # large plates sampled without smoothing
        return level(cv2.resize(canvas, (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR))
    shrinks = canvas.shape[1] > WIDTH
    return level(cv2.resize(canvas, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA if shrinks else [cv2.INTER_LINEAR, cv2.INTER_CUBIC][rng.integers(2)]))


def level(im):
    """The picture (uint8 [h,w,3]) with its contrast evened out, as the program gives it to the reader: each channel is shifted such that 3 % of
    its pixels are darker than 30, and all are scaled alike, such that in the widest of them 3 % are lighter than 230; never more than eight times."""
    at = .03 * im.shape[0] * im.shape[1], .97 * im.shape[0] * im.shape[1]
    low, high = np.array([np.searchsorted(np.cumsum(cv2.calcHist([im], [c], None, [256], [0, 256]).ravel()), at) for c in range(3)]).T
    gain = 200 / max((high - low).max(), 25)
    return cv2.LUT(im, np.clip((np.arange(256)[:, None] - low) * gain + 30.5, 0, 255).astype(np.uint8)[:, None])


def _margins(rng, margin):
    """Fractions of the plate's size seen beyond its left, top, right and bottom edge; negative cuts in."""
    if margin is not None:
        return np.full(4, margin) + rng.normal(0, .012, 4)
    if rng.random() < .55:
        return rng.normal(MARGIN, .035, 4).clip(-.04, .25)
    return rng.uniform(-.03, .25, 4) * rng.uniform(.3, 1)


def _place(rng, image, quad, wide, tall, hard, backdrop, margin):
    left, top, right, bottom = _margins(rng, margin)
    cw, ch = max(16, int(round(wide * (1 + left + right)))), max(10, int(round(tall * (1 + top + bottom))))
    to = np.float32([[0, 0], [1, 0], [1, 1], [0, 1]])
    bend = rng.normal(0, .02 + .012 * hard, (4, 2))
    tilt = rng.normal(0, 1) * .035 * (1 if rng.random() < .7 else 2.5)  # shear of a crop cut along the axes
    to = to + bend.astype(np.float32) + np.float32([[0, -tilt], [0, tilt], [0, tilt], [0, -tilt]]) * min(1.5, .35 * aspect_of(wide, tall))
    to = to + np.float32([[1, 0], [1, 0], [-1, 0], [-1, 0]]) * np.float32(rng.normal(0, .025))
    to = to * np.float32([wide, tall]) + np.float32([left * wide, top * tall])
    quad = np.float32(quad)
    span = max(1.0, np.linalg.norm(quad[1] - quad[0])) / wide, max(1.0, np.linalg.norm(quad[3] - quad[0])) / tall
    if span[0] > 1.3 or span[1] > 1.3:  # shrink with area averaging first, or the warp would alias
        f = 1 / max(1.0, span[0]), 1 / max(1.0, span[1])
        size = max(8, int(image.shape[1] * f[0])), max(8, int(image.shape[0] * f[1]))
        quad = quad * np.float32([size[0] / image.shape[1], size[1] / image.shape[0]])
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    m = cv2.getPerspectiveTransform(quad, np.float32(to))
    if backdrop is None:
        return cv2.warpPerspective(image, m, (cw, ch), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), to
    canvas = cv2.resize(backdrop, (cw, ch), interpolation=cv2.INTER_AREA)
    cv2.warpPerspective(image, m, (cw, ch), dst=canvas, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_TRANSPARENT)
    return canvas, to


def aspect_of(wide, tall):
    """Width over height."""
    return wide / max(1.0, tall)


def _light(rng, im, hard, pink):
    h, w = im.shape[:2]
    f = im.astype(np.float32)
    if rng.random() < .3 * hard:  # the edge of a shadow
        x = np.linspace(0, 1, w)[None] * np.cos(a := rng.uniform(0, 6.28)) + np.linspace(0, 1, h)[:, None] * np.sin(a)
        lo, hi = x.min(), x.max()
        s = 1 / (1 + np.exp(-(x - rng.uniform(lo, hi)) * rng.uniform(4, 60)))
        f *= (1 - s * rng.uniform(.2, .75))[..., None]
    if rng.random() < .13:  # infra-red: colour drops out
        wts = rng.dirichlet([1, 1, 2]).astype(np.float32)
        f = np.repeat((f @ wts)[..., None], 3, 2)
        if rng.random() < .12:
            f = 255 - f
    elif rng.random() < max(.5, pink):  # colour cast
        f *= (rng.uniform(.75, 1.2, 3) if rng.random() >= pink else np.array([rng.uniform(.5, .85), rng.uniform(.3, .7), 1.1])).astype(np.float32)
    g = np.exp(rng.normal(0, .26 * hard))
    f = 255 * np.clip(f / 255, 0, 1) ** g
    contrast, bright = np.exp(rng.normal(-.12 * hard, .24 * hard)), rng.normal(0, 20 * hard)
    f = (f - 120) * min(contrast, 2.2) + 120 + bright
    if rng.random() < .08 * hard:  # nearly dark
        f = f * rng.uniform(.16, .5)
    if rng.random() < .2 * hard:  # glare or a headlight's bloom
        cx, cy, r = rng.uniform(-.1, 1.1) * w, rng.uniform(-.2, 1.2) * h, rng.uniform(.1, .6) * w
        d = ((np.arange(w)[None] - cx) ** 2 + ((np.arange(h)[:, None] - cy) * rng.uniform(1, 2)) ** 2) / (r * r)
        f += (np.exp(-d) * rng.uniform(40, 190))[..., None]
    if rng.random() < .1 * hard:  # reflective plate over-exposed
        f = f * rng.uniform(1.2, 1.9) + rng.uniform(0, 50)
    if rng.random() < .22 * hard:  # a lit plate outshines its strokes, which get thin
        f = f + cv2.GaussianBlur(np.clip(f - rng.uniform(110, 190), 0, None), (0, 0), w * rng.uniform(.006, .03)) * rng.uniform(.5, 2.5)
    if rng.random() < .08 * hard:  # washed out: strokes hardly darker than the plate, and noise as strong as they are
        light = rng.uniform(190, 262)
        f = light - (light - np.minimum(f, light)) * rng.uniform(.12, .45)
    gone = np.clip(f, 0, 255)
    if gone.mean() > 232 or gone.std() < 9:  # nothing left to read: half way back
        f = .5 * gone + .5 * im
    if rng.random() < .08 * hard:  # something in front: dirt, hitch, branch
        for _ in range(int(rng.integers(1, 4))):
            c = tuple(map(float, rng.integers(10, 150, 3)))
            at, size = (int(rng.uniform(0, w)), int(rng.uniform(0, h))), (max(1, int(w * rng.uniform(.005, .04))), max(1, int(h * rng.uniform(.02, .16))))
            cv2.ellipse(f, at, size, float(rng.uniform(0, 180)), 0, 360, c, -1, cv2.LINE_AA)
    if rng.random() < .08 * hard:  # a scratch, a wire, a bent edge: a thin stroke across characters
        for _ in range(int(rng.integers(1, 3))):
            x, y, a, n = rng.uniform(0, w), rng.uniform(.1, .9) * h, rng.uniform(0, np.pi), rng.uniform(.2, 1.2) * h
            c = tuple(map(float, rng.uniform(0, 110, 3) if rng.random() < .6 else f.reshape(-1, 3).max(0) * rng.uniform(.7, 1)))
            cv2.line(f, (int(x), int(y)), (int(x + n * np.cos(a)), int(y + n * np.sin(a))), c, max(1, int(h * rng.uniform(.02, .07))), cv2.LINE_AA)
    return np.clip(f, 0, 255)


def _blur(rng, f, wide, hard):
    if rng.random() < .6 * hard:
        f = cv2.GaussianBlur(f, (0, 0), max(.3, wide / 100 * min(1.5, abs(rng.normal(0, .65))) * hard + .2))
    if rng.random() < .3 * hard:
        n = int(rng.uniform(2, 2 + wide * .035))
        angle = rng.normal(0, .25) if rng.random() < .75 else rng.uniform(0, np.pi)
        k = np.zeros((2 * n + 1, 2 * n + 1), np.float32)
        dx, dy = np.cos(angle) * n / 2, np.sin(angle) * n / 2
        cv2.line(k, (round(n - dx), round(n - dy)), (round(n + dx), round(n + dy)), 1)
        f = cv2.filter2D(f, -1, k / k.sum())
    if rng.random() < .12:  # sharpening in the camera
        f = np.clip(f * 1.6 - cv2.GaussianBlur(f, (0, 0), 1.0) * .6, 0, 255)
    return f


def comb(rng, f, wide):
    """A moving plate taken in two fields: every other row (or both rows of a picture that was enlarged) is where the plate was a fiftieth of a second later,
    by up to a twentieth of its width; now and then the fields are mixed as some recorders do."""
    by, thick = rng.uniform(1, max(1.5, .05 * wide)) * rng.choice([-1, 1]), 1 if rng.random() < .75 else 2
    h, w = f.shape[:2]
    later = cv2.warpAffine(f, np.float32([[1, 0, by], [0, 1, 0]]), (w, h), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    if rng.random() < .2:
        return (f + later) / 2
    out = f.copy()
    out[np.arange(h) // thick % 2 == 1] = later[np.arange(h) // thick % 2 == 1]
    return out


def _sensor(rng, f, hard):
    h, w = f.shape[:2]
    if rng.random() < .75:
        s = abs(rng.normal(0, 7 * hard))
        noise = rng.standard_normal((h, w, 3 if rng.random() < .6 else 1), np.float32) * s
        f = f + (noise * np.sqrt(f / 128 + .2) if rng.random() < .5 else noise)
    im = np.clip(f, 0, 255).astype(np.uint8)
    if rng.random() < .7 * min(1.0, hard + .3):
        q = int(np.clip(rng.normal(62 - 22 * hard, 18), 8, 95))
        flags = [cv2.IMWRITE_JPEG_QUALITY, q]
        if hard > .7 and rng.random() < .25 and w > 60:  # a coarser block grid, as a video's P frames leave
            small = cv2.resize(im, (int(w * .8), max(8, int(h * .8))), interpolation=cv2.INTER_AREA)
            im = cv2.resize(cv2.imdecode(cv2.imencode(".jpg", small, flags)[1], 1), (w, h))
        else:
            im = cv2.imdecode(cv2.imencode(".jpg", im, flags)[1], 1)
    return im
