"""Cuts around plates whose corners are known: clean plates stood into real scenes in place of the real ones, at any angle."""
import cv2
import numpy as np

from detector import augment
from detector.bank import Bank
from detector.pictures import Pictures

from .shape import HEIGHT, WIDTH

AROUND = np.array([.18, .45])  # of the found plate's width and height, cut on each side; the manifest hands it on as the margin
UNIT = np.float32([[0, 0], [1, 0], [1, 1], [0, 1]])


class Sampler:
    """Draws (picture uint8 [64,128,3], corners float32 [4,2] as fractions of it); own random stream."""

    def __init__(self, cache, plates, seed):
        self.pictures, self.rng = Pictures(cache), np.random.default_rng(seed)
        self.bank = Bank(plates, {"rendered": .75, "us_states": .25})
        self.places = [(i, b) for i, e in enumerate(self.pictures.entries) for b in e["boxes"] if b[2] - b[0] >= 24]

    def draw(self):
        rng = self.rng
        scene, box = self.scene()
        plate = self.bank.draw(rng)
        window, quad = stand(rng, scene, box, plate)
        crop = {"image": window, "boxes": np.concatenate([quad.min(0), quad.max(0)])[None]}
        augment.degrade(crop, rng)
        return cut(crop["image"], found(rng, quad), quad)

    def scene(self):
        """The surroundings of a real plate, at most 320 px of it wide, and its box in them."""
        rng = self.rng
        i, box = self.places[rng.integers(len(self.places))]
        picture = self.pictures.image(i)
        centre, size = (box[:2] + box[2:]) / 2, box[2:] - box[:2]
        reach = np.maximum(size * (1.6, 2.6), size[0] * np.array([1.6, .9]))
        lo = np.maximum(centre - reach, 0).astype(int)
        hi = np.minimum(centre + reach, picture.shape[1::-1]).astype(int)
        scene = picture[lo[1]:hi[1], lo[0]:hi[0]]
        f = min(1.0, 320 / size[0])
        box = box - np.tile(lo, 2)
        if f < 1:
            scene, box = cv2.resize(scene, None, fx=f, fy=f, interpolation=cv2.INTER_AREA), box * f
        return scene.copy(), box


def view(rng, wide):
    """A homography: the plane of the plate turned about its centre (the origin), as a camera sees it, with a width of about `wide`."""
    yaw, pitch, roll = rng.normal(0, 26), rng.normal(0, 13), rng.normal(0, 6)
    yaw, pitch = np.radians(np.clip(yaw, -62, 62)), np.radians(np.clip(pitch, -40, 40))
    roll = np.radians(roll * (1 if rng.random() < .8 else 2.2))
    turn = cv2.Rodrigues(np.array([0, yaw, 0.]))[0] @ cv2.Rodrigues(np.array([pitch, 0, 0.]))[0] @ cv2.Rodrigues(np.array([0, 0, roll]))[0]
    far = rng.uniform(2.2, 12)  # distance in plate widths
    h = np.array([turn[0, [0, 1]].tolist() + [0], turn[1, [0, 1]].tolist() + [0], [turn[2, 0] / far, turn[2, 1] / far, 1]])
    h = np.diag([wide, wide, 1]) @ h
    return h @ np.array([[1, rng.normal(0, .06), 0], [rng.normal(0, .05), 1, 0], [0, 0, 1]])


def stand(rng, scene, box, plate):
    """The scene seen from somewhere with the plate in place of the real one: picture, corners [4,2]."""
    ph, pw = plate.shape[:2]
    bw, bh = box[2:] - box[:2]
    real = scene[max(int(box[1]), 0):int(box[3]) + 1, max(int(box[0]), 0):int(box[2]) + 1].reshape(-1, 3)
    real = real[:: max(len(real) // 400, 1)].astype(np.float32)
    augment.cover(scene, box, rng)
    wide = float(np.exp(rng.uniform(np.log(42), np.log(300))))
    tall = ph / pw * rng.uniform(.9, 1.1)
    flat = (UNIT - .5) * np.float32([1, tall])
    for _ in range(20):
        h = view(rng, wide)
        quad = project(h, flat)
        side = np.linalg.norm(np.roll(quad, -1, 0) - quad, axis=1)
        if min(side[0], side[2]) > .35 * wide and side.min() > 8:
            break
    size = np.minimum(np.ceil(np.ptp(quad, 0) * (1.9, 2.8) + 16), (900, 700)).astype(int)
    shift = np.array([[1, 0, size[0] / 2 - quad[:, 0].mean()], [0, 1, size[1] / 2 - quad[:, 1].mean()], [0, 0, 1]])
    h, quad = shift @ h, quad + np.float32(shift[:2, 2])
    to_plane = np.array([[1 / bw, 0, -(box[0] + box[2]) / 2 / bw], [0, 1 / bw, -(box[1] + box[3]) / 2 / bw], [0, 0, 1]])
    shrink = min(1.0, 1.3 * wide / bw)
    if shrink < 1:
        scene = cv2.resize(scene, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
        to_plane = to_plane @ np.diag([1 / shrink, 1 / shrink, 1])
    window = cv2.warpPerspective(scene, h @ to_plane, size.tolist(), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    if wide < pw:
        plate = cv2.resize(plate, (max(8, int(wide)), max(4, int(ph * wide / pw))), interpolation=cv2.INTER_AREA)
    plate = augment.relight(plate, real, rng)
    if rng.random() < .3:
        plate = recess(rng, window, h, tall, plate)
    if rng.random() < .5:
        window = hold(rng, window, h, tall)
    if rng.random() < .15:
        window = shade(rng, window, h, tall)
    m = cv2.getPerspectiveTransform(UNIT * np.float32(plate.shape[1::-1]) - .5, quad - np.float32(.5))
    drawn = cv2.warpPerspective(plate, m, size.tolist(), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    mask = np.zeros(size[::-1], np.uint8)
    cv2.fillConvexPoly(mask, np.round(quad * 16).astype(np.int32), 255, cv2.LINE_AA, 4)
    soft = rng.choice((0, .5, .8))
    if soft:
        mask, drawn = cv2.GaussianBlur(mask, (0, 0), soft), cv2.GaussianBlur(drawn, (0, 0), soft)
    window = cv2.convertScaleAbs(window + (drawn.astype(np.float32) - window) * (mask[..., None] / 255.0))
    return window, quad


def hold(rng, window, h, tall):
    """Paints a holder, a dealer's strip or the recess of the plate around where the plate will be."""
    top, side, low = rng.uniform(.01, .12) * tall, rng.uniform(.004, .05), rng.uniform(.02, .4 if rng.random() < .5 else .1) * tall
    rim = np.float32([[-.5 - side, -tall / 2 - top], [.5 + side, -tall / 2 - top], [.5 + side, tall / 2 + low], [-.5 - side, tall / 2 + low]])
    tone = rng.uniform(5, 70) if rng.random() < .75 else rng.uniform(70, 250)
    colour = np.clip(rng.normal(tone, 8, 3), 0, 255)
    cv2.fillConvexPoly(window, np.round(project(h, rim) * 16).astype(np.int32), colour.tolist(), cv2.LINE_AA, 4)
    if low > .12 * tall and rng.random() < .8:  # words
        ink = (np.array([225, 225, 225]) if tone < 128 else np.array([30, 30, 30])) + rng.normal(0, 12, 3)
        y0, y1, x = tall / 2 + low * .3, tall / 2 + low * .75, rng.uniform(-.45, -.2)
        while x < .45:
            w = rng.uniform(.008, .035)
            if rng.random() < .8:
                word = np.float32([[x, y0], [x + w, y0], [x + w, y1], [x, y1]])
                cv2.polylines(window, [np.round(project(h, word) * 16).astype(np.int32)], rng.random() < .6, ink.tolist(), 1, cv2.LINE_AA, 4)
            x += w + rng.uniform(.006, .02)
    return window


def recess(rng, window, h, tall, plate):
    """Paints the pressed hollow that a plate is fixed in, of the body's colour, lit by lamps above it; returns the plate, which in half of
    them hardly stands out from it: a hollow has four corners too, and they are not the plate's."""
    out = rng.uniform(.02, .2, 4) * (1, tall * 3, 1, tall * 3)
    half, centre = (np.array([1 + out[0] + out[2], tall + out[1] + out[3]]) / 2).astype(np.float32), np.float32([out[2] - out[0], out[3] - out[1]]) / 2
    t = np.linspace(0, 2 * np.pi, 65)[:-1]
    power = 2 / rng.uniform(4, 16)  # a superellipse: from round to square
    rim = centre + half * np.stack([np.sign(np.cos(t)) * np.abs(np.cos(t)) ** power, np.sign(np.sin(t)) * np.abs(np.sin(t)) ** power], 1).astype(np.float32)
    rim = np.round(project(h, rim) * 16).astype(np.int32)
    mask = np.zeros(window.shape[:2], np.uint8)
    cv2.fillPoly(mask, [rim], 255, cv2.LINE_AA, 4)
    body = window[mask > 0].reshape(-1, 3).mean(0) if mask.any() else np.full(3, 90.0)
    tone = np.clip(body * rng.uniform(.4, 1.7) + rng.normal(0, 8, 3), 3, 250)
    rows = np.linspace(rng.uniform(.7, 1.3), rng.uniform(.7, 1.3), len(window), dtype=np.float32)[:, None, None]
    fill = np.clip(tone.astype(np.float32) * rows, 0, 255)
    window[:] = cv2.convertScaleAbs(window + (fill - window) * (mask[..., None] / np.float32(255)))
    if rng.random() < .7:
        edge = np.clip(tone * rng.choice([rng.uniform(.3, .8), rng.uniform(1.2, 2)]), 0, 255)
        cv2.polylines(window, [rim], True, edge.tolist(), int(rng.integers(1, 4)), cv2.LINE_AA, 4)
    if rng.random() < .6:
        glow = np.zeros(window.shape[:2], np.float32)
        wide = np.linalg.norm(project(h, np.float32([[.5, 0]])) - project(h, np.float32([[-.5, 0]])))
        for x in ((-.25, .25) if rng.random() < .6 else (0,)):
            at = project(h, np.float32([[x + rng.normal(0, .05), -tall / 2 - out[1] * rng.uniform(.2, 1)]]))[0]
            cv2.ellipse(glow, np.round(at).astype(int).tolist(), (max(2, int(wide * rng.uniform(.02, .06))), max(2, int(wide * rng.uniform(.01, .04)))), 0, 0, 360, 1, -1)
        light = glow * rng.uniform(90, 250) + cv2.GaussianBlur(glow, (0, 0), max(1.0, wide * rng.uniform(.03, .09))) * rng.uniform(0, 250)
        window[:] = np.clip(window + light[..., None], 0, 255)
    if rng.random() < .5:
        share = rng.uniform(.1, .6)
        plate = cv2.convertScaleAbs(plate * (1 - share) + np.clip(tone * rng.uniform(.9, 1.5), 0, 255) * share)
    return plate


def shade(rng, window, h, tall):
    """A lit or shaded surround of the plate, with an edge, as bumpers and recesses have."""
    out = rng.uniform(.05, .5, 4) * (1, tall * 2, 1, tall * 2)
    area = np.float32([[-.5 - out[0], -tall / 2 - out[1]], [.5 + out[2], -tall / 2 - out[1]], [.5 + out[2], tall / 2 + out[3]], [-.5 - out[0], tall / 2 + out[3]]])
    mask = np.zeros(window.shape[:2], np.uint8)
    cv2.fillConvexPoly(mask, np.round(project(h, area) * 16).astype(np.int32), 255, cv2.LINE_AA, 4)
    f = window.astype(np.float32) * rng.uniform(.35, 1.6)
    return cv2.convertScaleAbs(window + (np.clip(f, 0, 255) - window) * (mask[..., None] / 255.0))


def project(h, points):
    """Points [n,2] through a homography."""
    q = np.concatenate([points, np.ones((len(points), 1))], 1) @ h.T
    return (q[:, :2] / q[:, 2:]).astype(np.float32)


def found(rng, quad):
    """What the detector might say of a plate with these corners: between their hull and themselves, with its usual errors."""
    lo, hi = quad.min(0), quad.max(0)
    hull = lo + UNIT * (hi - lo)
    if rng.random() < .5:  # a box as high as the plate, not as its slant
        high = np.linalg.norm(quad[3] - quad[0]) + np.linalg.norm(quad[2] - quad[1])
        hull[:, 1] = (lo[1] + hi[1]) / 2 + (UNIT[:, 1] - .5) * (high / 2 + (hi[1] - lo[1] - high / 2) * rng.random())
    share = rng.random() if rng.random() < .4 else float(rng.random() < .4)
    q = hull * (1 - share) + quad * share
    size = np.ptp(q, 0)
    q = q + rng.normal(0, .1 * size[1], (4, 2)) * rng.choice([.3, 1, 1.6])
    q = q.mean(0) + (q - q.mean(0)) * rng.normal(1.03, .08, 2).clip(.82, 1.3) + rng.normal(0, .05, 2) * size
    return q.astype(np.float32)


def cut(image, q, quad=None):
    """The network's input around a found quad q, and the corners `quad` in it as fractions."""
    inside = (UNIT * (1 + 2 * AROUND) - AROUND).astype(np.float32)  # of the cut's corners in the found plate's frame
    plane = cv2.getPerspectiveTransform(UNIT, np.float32(q))
    ends = project(plane, inside)
    n = max(1, min(8, round(max(np.linalg.norm(ends[1] - ends[0]) / WIDTH, np.linalg.norm(ends[3] - ends[0]) / HEIGHT))))
    size = WIDTH * n, HEIGHT * n  # so fine that no stroke falls between two samples, then averaged
    m = cv2.getPerspectiveTransform(ends - np.float32(.5), UNIT * np.float32(size) - np.float32(.5))
    out = cv2.warpPerspective(image, m, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    if n > 1:
        out = cv2.resize(out, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
    return out, None if quad is None else project(cv2.getPerspectiveTransform(ends, UNIT), quad)
