"""From a picture to a training crop: cut, paste plates, light, blur, noise.

A crop is a small dictionary: image [H,W,3] BGR, boxes [M,4], corners [M,8]
(TL TR BR BL), known [M] (corners exact) and ignore [K,4], in crop pixels.
"""

import cv2
import numpy as np

FILL = (114, 114, 114)
SHORTEST, THINNEST = 11, 3.5  # px; below, a plate is ignored, not learnt


def cut(picture, half, boxes, ignore, size, centre, scale):
    """The part of a picture around `centre`, scaled by (sx, sy), as a crop of size (h, w).

    `half` gives the picture at half size.
    """
    height, width = size
    sx, sy = scale
    x0, y0 = centre[0] - width / sx / 2, centre[1] - height / sy / 2
    x1, y1 = x0 + width / sx, y0 + height / sy
    if min(sx, sy) > 0.7:
        m = np.array([[sx, 0, -x0 * sx + (sx - 1) / 2], [0, sy, -y0 * sy + (sy - 1) / 2]])
        image = cv2.warpAffine(picture, m, (width, height), flags=cv2.INTER_LINEAR, borderValue=FILL)
    elif max(sx, sy) < 0.5:  # averaging, so that small plates look as after a good resize
        image = shrink(half(), (x0 / 2, y0 / 2, x1 / 2, y1 / 2), size, (2 * sx, 2 * sy))
    else:
        image = shrink(picture, (x0, y0, x1, y1), size, scale)
    move = np.array([x0, y0, x0, y0], np.float32)
    grow = np.array([sx, sy, sx, sy], np.float32)
    boxes, ignore = (boxes - move) * grow, (ignore - move) * grow
    corners = boxes[:, [0, 1, 2, 1, 2, 3, 0, 3]]
    return {"image": image, "boxes": boxes, "corners": corners, "known": np.zeros(len(boxes), bool), "ignore": ignore}


def shrink(picture, window, size, scale):
    """The window of a picture averaged down to size (h, w); FILL where it ends."""
    x0, y0, x1, y1 = window
    a, b = max(int(x0), 0), max(int(y0), 0)
    c, d = min(int(np.ceil(x1)), picture.shape[1]), min(int(np.ceil(y1)), picture.shape[0])
    image = np.full((*size, 3), FILL, np.uint8)
    left, top = max(round((a - x0) * scale[0]), 0), max(round((b - y0) * scale[1]), 0)
    w, h = min(round((c - a) * scale[0]), size[1] - left), min(round((d - b) * scale[1]), size[0] - top)
    if w > 1 and h > 1:
        image[top : top + h, left : left + w] = cv2.resize(picture[b:d, a:c], (w, h), interpolation=cv2.INTER_AREA)
    return image


def quad_in(box, aspect, rng):
    """A plausible view of a plate of this aspect that covers a box: corners [4,2].

    A box too tall for the plate means a plate turned aside (narrower) or
    tilted (sheared); both are drawn.
    """
    x1, y1, x2, y2 = box
    w, h = x2 - x1, y2 - y1
    grow = rng.uniform(1.0, 1.22)
    frontal = w / aspect
    if frontal < h:  # taller than a frontal plate: shear or foreshorten
        high = rng.uniform(frontal, h)
        lean = rng.choice((-1, 1)) * (h - high) * rng.uniform(0.2, 1)
    else:  # plate squarer than the box: let it stand out above and below
        high = min(frontal, 2.2 * h) if rng.random() < 0.6 else rng.uniform(h, frontal)
        lean = rng.normal(0, 0.05) * w
        if frontal > 2.2 * h:
            w = w * rng.uniform(0.6, 1.0)
    cx, cy = (x1 + x2) / 2, (y1 + y2) / 2
    u, v = w / 2 * grow, high / 2 * grow
    quad = np.array([[-u, -v - lean / 2], [u, -v + lean / 2], [u, v + lean / 2], [-u, v - lean / 2]], np.float32)
    near = rng.normal(0, 0.05)  # one side nearer: perspective
    quad[[0, 3], 1] *= 1 + near
    quad[[1, 2], 1] *= 1 - near
    quad += rng.normal(0, 0.015, (4, 2)) * (w, high)
    slant = rng.normal(0, 0.04)
    turn = np.array([[np.cos(slant), -np.sin(slant)], [np.sin(slant), np.cos(slant)]], np.float32)
    return (quad @ turn.T + (cx, cy)).astype(np.float32)


def paste(crop, plate, i, rng):
    """Put a plate over plate i of the crop; its corners become exact."""
    image, box = crop["image"], crop["boxes"][i]
    h, w = image.shape[:2]
    x1, y1, x2, y2 = (int(v) for v in (max(box[0], 0), max(box[1], 0), min(box[2], w), min(box[3], h)))
    if x2 - x1 < 6 or y2 - y1 < 3 or box[0] < -4 or box[1] < -4 or box[2] > w + 4 or box[3] > h + 4:
        return False
    ph, pw = plate.shape[:2]
    quad = quad_in(box, pw / ph * rng.uniform(0.9, 1.12), rng)
    real = image[y1:y2, x1:x2].reshape(-1, 3)[:: max((x2 - x1) * (y2 - y1) // 400, 1)].astype(np.float32)
    cover(image, box, rng)
    wide = max(np.ptp(quad[:, 0]), 4)
    if wide < 0.8 * pw:
        plate = cv2.resize(plate, (max(round(wide), 4), max(round(ph * wide / pw), 3)), interpolation=cv2.INTER_AREA)
        ph, pw = plate.shape[:2]
    plate = relight(plate, real, rng)
    warp = cv2.getPerspectiveTransform(np.array([[0, 0], [pw, 0], [pw, ph], [0, ph]], np.float32) - 0.5, quad - 0.5)
    lo = np.maximum(np.floor(quad.min(0)).astype(int) - 2, 0)
    hi = np.minimum(np.ceil(quad.max(0)).astype(int) + 3, (w, h))
    if (hi - lo).min() < 3:
        return False
    shift = np.array([[1, 0, -lo[0]], [0, 1, -lo[1]], [0, 0, 1]], np.float64)
    flat = (int(hi[0] - lo[0]), int(hi[1] - lo[1]))
    drawn = cv2.warpPerspective(plate, shift @ warp, flat, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    mask = np.zeros((flat[1], flat[0]), np.uint8)
    cv2.fillConvexPoly(mask, np.round((quad - lo) * 16).astype(np.int32), 255, cv2.LINE_AA, 4)
    soft = rng.choice((0, 0.5, 0.8, 1.2))
    if soft and wide > 24:
        mask = cv2.GaussianBlur(mask, (0, 0), soft * 0.7)
        drawn = cv2.GaussianBlur(drawn, (0, 0), soft)
    part = image[lo[1] : hi[1], lo[0] : hi[0]]
    part[:] = cv2.convertScaleAbs(part + (drawn.astype(np.float32) - part) * (mask[..., None] / 255.0))
    crop["corners"][i] = quad.ravel()
    crop["boxes"][i] = (*quad.min(0), *quad.max(0))
    crop["known"][i] = True
    return True


def negative(plate, rng, share=0.12):
    """Now and then a plate with light characters on a dark ground: older issues of many countries, and rare among the pictures."""
    if rng.random() >= share:
        return plate
    plate = 255 - plate
    if rng.random() < 0.6:  # black or nearly, as most of them are
        plate = cv2.cvtColor(cv2.cvtColor(plate, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    return plate


def cover(image, box, rng):
    """Hide the real plate: its surroundings drawn over it, or a plain holder."""
    h, w = image.shape[:2]
    bw, bh = box[2] - box[0], box[3] - box[1]
    mx, my = bw * rng.uniform(0.02, 0.1) + 1, bh * rng.uniform(0.05, 0.2) + 1
    x1, y1 = max(int(box[0] - mx), 0), max(int(box[1] - my), 0)
    x2, y2 = min(int(box[2] + mx) + 1, w), min(int(box[3] + my) + 1, h)
    if x2 - x1 < 3 or y2 - y1 < 3:
        return
    if rng.random() < 0.25:
        image[y1:y2, x1:x2] = rng.integers(0, 60) if rng.random() < 0.7 else rng.integers(60, 220)
        return
    top, bottom = image[max(y1 - 1, 0), x1:x2], image[min(y2, h - 1), x1:x2]
    t = np.linspace(0, 1, y2 - y1, dtype=np.float32)[:, None, None]
    fill = top[None] * (1 - t) + bottom[None] * t
    k = max(3, (x2 - x1) // 6 | 1)
    image[y1:y2, x1:x2] = cv2.blur(fill, (k, 3))


def relight(plate, real, rng):
    """Give a clean plate about the light of the real one it replaces."""
    plate = plate.astype(np.float32)
    bright = np.percentile(real, 80, axis=0)
    white = np.percentile(plate[::3, ::3], 80)
    gain = bright / max(white, 40) if rng.random() < 0.75 else np.full(3, bright.mean() / max(white, 40))
    gain = np.clip(gain * rng.uniform(0.8, 1.3), 0.08, 1.6)
    dark = np.percentile(real, 5, axis=0) * rng.uniform(0.3, 1.0)
    out = plate * gain
    out = dark + out * (1 - dark / 255)
    if rng.random() < 0.25:  # a shadow's edge or a gradient across it
        h, w = plate.shape[:2]
        ramp = np.linspace(rng.uniform(0.5, 1), rng.uniform(0.5, 1), w if rng.random() < 0.5 else h, dtype=np.float32)
        if rng.random() < 0.5:
            ramp = np.where(np.arange(len(ramp)) < rng.integers(len(ramp)), ramp[0], ramp[-1])
        out *= ramp[None, :, None] if len(ramp) == w else ramp[:, None, None]
    return np.clip(out, 0, 255).astype(np.uint8)


def flip(crop):
    """Mirror a crop left to right in place."""
    w = crop["image"].shape[1]
    crop["image"] = np.ascontiguousarray(crop["image"][:, ::-1])
    for key in ("boxes", "ignore"):
        crop[key] = np.stack((w - crop[key][:, 2], crop[key][:, 1], w - crop[key][:, 0], crop[key][:, 3]), 1)
    corners = crop["corners"].reshape(-1, 4, 2)[:, [1, 0, 3, 2]].copy()
    corners[..., 0] = w - corners[..., 0]
    crop["corners"] = corners.reshape(-1, 8)


def turn(crop, rng):
    """Rotate and tilt the whole crop, mostly a little; boxes become hulls."""
    image = crop["image"]
    h, w = image.shape[:2]
    angle, lean = rng.normal(0, 5) if rng.random() < 0.7 else rng.uniform(-25, 25), rng.normal(0, 0.11)
    m = cv2.getRotationMatrix2D((w / 2, h / 2), angle, 1)
    m[0, 1] += lean * rng.random()
    m[1, 0] += lean
    m[:, 2] = (w / 2, h / 2) - m[:, :2] @ (w / 2, h / 2)
    crop["image"] = cv2.warpAffine(image, m, (w, h), flags=cv2.INTER_LINEAR, borderValue=FILL)
    corners = crop["corners"].reshape(-1, 4, 2)
    turned = corners @ m[:, :2].T.astype(np.float32) + m[:, 2].astype(np.float32)
    boxes = np.concatenate((turned.min(1), turned.max(1)), 1) if len(turned) else crop["boxes"]
    crop["corners"], crop["boxes"] = turned.reshape(-1, 8), boxes.reshape(-1, 4)
    if len(crop["ignore"]):
        b = crop["ignore"][:, [0, 1, 2, 1, 2, 3, 0, 3]].reshape(-1, 4, 2) @ m[:, :2].T + m[:, 2]
        crop["ignore"] = np.concatenate((b.min(1), b.max(1)), 1).astype(np.float32)


def night(image, boxes, rng):
    """An infra-red or headlight-lit night: dark scene, plates bright, bloom."""
    h, w = image.shape[:2]
    dim = rng.uniform(0.04, 0.35)
    out = image.astype(np.float32) * dim
    if rng.random() < 0.7:
        out = np.repeat(out.mean(2, keepdims=True), 3, 2) * rng.uniform(0.85, 1.1, 3)
    glow = np.zeros((h, w), np.float32)
    for x1, y1, x2, y2 in boxes:
        a, b, c, d = (int(v) for v in (max(x1, 0), max(y1, 0), min(x2, w), min(y2, h)))
        if c - a < 3 or d - b < 3:
            continue
        glow[b:d, a:c] = 1
    if rng.random() < 0.6:  # what shone already goes on shining
        top = image.max(2).astype(np.float32)
        red = image[..., 2].astype(np.float32) - image[..., 1]
        glow = np.maximum(glow, ((top > rng.uniform(190, 250)) | (red > rng.uniform(70, 140))).astype(np.float32))
    glow = cv2.GaussianBlur(glow, (0, 0), rng.uniform(0.6, 2.0))[..., None]
    lit = image.astype(np.float32) * rng.uniform(0.5, 1.7)
    if rng.random() < 0.7:
        lit = np.repeat(lit.mean(2, keepdims=True), 3, 2)
    return np.clip(out * (1 - glow) + lit * glow, 0, 255).astype(np.uint8)


def lamps(image, boxes, rng):
    """Draw lit tail, head and marker lamps and letters away from the plates: what else shines at night."""
    h, w = image.shape[:2]
    layer = np.zeros_like(image)
    for _ in range(rng.integers(1, 6)):
        wide = int(np.exp(rng.uniform(np.log(8), np.log(110))))
        high = max(int(wide * np.exp(rng.uniform(np.log(0.12), np.log(1.1)))), 3)
        x, y = int(rng.integers(0, w)), int(rng.integers(0, h))
        if any(x - wide < b[2] + 3 and x + wide > b[0] - 3 and y - high < b[3] + 3 and y + high > b[1] - 3 for b in boxes):
            continue
        if rng.random() < 0.65:
            colour = (rng.uniform(0, 90), rng.uniform(0, 130), 255)  # red to amber
        else:
            colour = (rng.uniform(150, 255), rng.uniform(190, 255), rng.uniform(200, 255))
        lamp(layer, (x, y), (wide, high), colour, rng)
    halo = cv2.GaussianBlur(layer, (0, 0), rng.uniform(2, 7))
    layer = cv2.GaussianBlur(layer, (0, 0), rng.uniform(0.4, 1.2))
    light = cv2.add(cv2.convertScaleAbs(layer, alpha=rng.uniform(0.7, 1.6)), cv2.convertScaleAbs(halo, alpha=rng.uniform(0, 0.7)))
    return cv2.add(image, light)


def lamp(layer, at, size, colour, rng):
    """Draw one lamp of a random kind on a black layer."""
    (x, y), (wide, high) = at, size
    kind, slant = rng.random(), rng.normal(0, 15)
    if kind < 0.15:
        letters(layer, at, wide, colour, rng)
        return
    if kind < 0.40:
        diodes(layer, at, wide, colour, rng)
    elif kind < 0.6:
        corners = cv2.boxPoints(((x, y), (wide, high), slant)) + rng.normal(0, 0.08 * wide, (4, 2))
        cv2.fillConvexPoly(layer, cv2.convexHull(corners.astype(np.int32)), colour, cv2.LINE_AA)
    elif kind < 0.8:
        cv2.ellipse(layer, at, (wide // 2, max(high // 2, 1)), slant, 0, 360, colour, -1, cv2.LINE_AA)
    else:
        first = int(rng.integers(0, 360))
        last, thick = first + int(rng.integers(120, 360)), max(high // 6, 2)
        cv2.ellipse(layer, at, (wide // 2, max(high // 2, 2)), slant, first, last, colour, thick, cv2.LINE_AA)
    if rng.random() < 0.4:  # segments
        for bar in range(x - wide // 2, x + wide // 2, max(int(rng.integers(4, 16)), 2)):
            cv2.line(layer, (bar, y - high), (bar, y + high), (0, 0, 60), 1)


def letters(layer, at, wide, colour, rng):
    """Letters that shine without a plate around them: a shop, a bus."""
    word = "".join(rng.choice(list("aAbcdeEghiIklLmnNoOrRsStTuvxz&5"), int(rng.integers(2, 10))))
    font = int(rng.integers(0, 8))
    size = wide / max(cv2.getTextSize(word, font, 1, 1)[0][0], 1)
    cv2.putText(layer, word, (at[0] - wide // 2, at[1]), font, size, colour, max(int(size * rng.uniform(1, 4)), 1), cv2.LINE_AA)


def diodes(layer, at, wide, colour, rng):
    """A row or block of diodes."""
    rows, pitch = int(rng.integers(1, 4)), int(rng.integers(3, 9))
    for i in range(max(wide // pitch, 2)):
        for j in range(rows):
            cv2.circle(layer, (at[0] - wide // 2 + i * pitch + j, at[1] + j * pitch), max(pitch // 3, 1), colour, -1)


def degrade(crop, rng):
    """Light, colour, blur, noise and compression of the whole crop."""
    image = crop["image"]
    if rng.random() < 0.06:
        image = lamps(image, crop["boxes"], rng)
    if rng.random() < 0.10:
        image = night(image, crop["boxes"], rng)
        if rng.random() < 0.85:
            image = lamps(image, crop["boxes"], rng)
    elif rng.random() < 0.1:
        grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
        image = cv2.merge((grey, grey, grey))
    if rng.random() < 0.75:
        image = tone(image, rng)
    if rng.random() < 0.06:
        image = wash(image, rng)
    blur = rng.random()
    if blur < 0.12:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.4, 1.6))
    elif blur < 0.26:
        image = streak(image, rng)
    elif blur < 0.32:
        image = cv2.addWeighted(image, 1.6, cv2.GaussianBlur(image, (0, 0), 1.2), -0.6, 0)
    if rng.random() < 0.3:
        sigma = rng.uniform(2, 14)
        start = rng.integers(len(NOISE) - image.size)
        noise = NOISE[start : start + image.size].reshape(image.shape)
        image = cv2.add(image, noise * np.float32(sigma), dtype=cv2.CV_8U)
    if rng.random() < 0.3:
        coded = cv2.imencode(".jpg", image, (cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(20, 90))))[1]
        image = cv2.imdecode(coded, cv2.IMREAD_COLOR)
    crop["image"] = image


def tone(image, rng):
    """Gamma, gain, lift and a colour cast."""
    x = np.arange(256, dtype=np.float32) / 255
    table = np.empty((1, 256, 3), np.uint8)
    gamma, gain, lift = np.exp(rng.normal(0, 0.3)), np.exp(rng.normal(0, 0.25)), rng.normal(0, 0.04)
    if image[::8, ::8].mean() < 50:  # dark enough already
        gamma, gain, lift = min(gamma, 1), max(gain, 0.9), max(lift, -0.02)
    cast = np.exp(rng.normal(0, 0.12, 3)) if rng.random() < 0.6 else np.ones(3)
    if rng.random() < 0.08:
        cast = np.array([rng.uniform(0.7, 1.1), rng.uniform(0.4, 0.8), rng.uniform(1.0, 1.6)])  # pink
    for c in range(3):
        table[0, :, c] = np.clip((x**gamma * gain * cast[c] + lift) * 255, 0, 255)
    return cv2.LUT(image, table)


def wash(image, rng):
    """Over-exposed: what was light is white, and the light spills over."""
    out = image.astype(np.float32) * rng.uniform(1.3, 2.4) + rng.uniform(0, 40)
    out += cv2.GaussianBlur(np.clip(out - 220, 0, 160), (0, 0), rng.uniform(1.5, 6)) * rng.uniform(0.2, 0.8)
    return np.clip(out, 0, 255).astype(np.uint8)


NOISE = np.random.default_rng(0).standard_normal(2_000_000, dtype=np.float32)


def streak(image, rng):
    """Motion blur, mostly sideways."""
    length = int(rng.integers(3, 10))
    kernel = np.zeros((length, length), np.float32)
    angle = rng.normal(0, 0.3) if rng.random() < 0.8 else rng.uniform(0, np.pi)
    c, r = (length - 1) / 2, length / 2
    ends = [(int(round(c + s * r * np.cos(angle))), int(round(c + s * r * np.sin(angle)))) for s in (-1, 1)]
    cv2.line(kernel, *ends, 1, 1)
    return cv2.filter2D(image, -1, kernel / kernel.sum())


def settle(crop):
    """Sort plates into learnt, ignored (cut off or too small) and outside."""
    h, w = crop["image"].shape[:2]
    boxes = crop["boxes"]
    inner = boxes.copy()
    inner[:, [0, 2]] = inner[:, [0, 2]].clip(0, w)
    inner[:, [1, 3]] = inner[:, [1, 3]].clip(0, h)
    size = boxes[:, 2:] - boxes[:, :2]
    seen = (inner[:, 2:] - inner[:, :2]).clip(0)
    share = seen.prod(1) / size.prod(1).clip(1e-3)
    learn = (share > 0.85) & (size[:, 0] >= SHORTEST) & (size[:, 1] >= THINNEST)
    unsure = ~learn & (seen.prod(1) > 0)
    margin = np.array([-4, -4, 4, 4], np.float32)
    crop["ignore"] = np.concatenate((crop["ignore"], inner[unsure] + margin)).astype(np.float32)
    for key in ("boxes", "corners", "known"):
        crop[key] = crop[key][learn]
