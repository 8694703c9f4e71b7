"""Rendered plates in place of real ones, in the light, contrast and sharpness in which the camera showed those.

What `degrade` makes up, this copies: each real plate is a sample of what a road, a lens and a sensor do, and lends it to any serial.
"""
import cv2
import numpy as np

LEVELS = np.float32([2, 10, 25, 50, 75, 90, 98])  # percentiles by which shades are matched
SIGMAS = (0.0, .35, .5, .7, .9, 1.2, 1.6, 2.1, 2.8)  # px of the real plate


def transplant(rng, image, quad, plate):
    """A copy of image [H,W,3] uint8 with plate (BGR, edge to edge) drawn over the real plate whose corners are quad (TL, TR, BR, BL);
    None where the real one is too small or too flat to tell how it was seen."""
    quad = np.float32(quad)
    wide = int(round((np.linalg.norm(quad[1] - quad[0]) + np.linalg.norm(quad[2] - quad[3])) / 2))
    tall = int(round((np.linalg.norm(quad[3] - quad[0]) + np.linalg.norm(quad[2] - quad[1])) / 2))
    if wide < 24 or tall < 8:
        return None
    flat = np.float32([[0, 0], [wide, 0], [wide, tall], [0, tall]])
    to = cv2.getPerspectiveTransform(flat - .5, quad - .5)
    real = cv2.warpPerspective(image, to, (wide, tall), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE).astype(np.float32)
    inner = real[tall // 8:tall - tall // 8, wide // 16:wide - wide // 16]
    if inner.mean(2).std() < 8:
        return None
    drawn = cv2.resize(plate, (wide, tall), interpolation=cv2.INTER_AREA).astype(np.float32)
    drawn = soften(drawn, sharpness(inner))
    drawn = shade(rng, drawn, real)
    drawn += rng.standard_normal(drawn.shape, np.float32) * abs(rng.normal(0, 2.5))
    out = image.copy()
    mask = np.zeros(image.shape[:2], np.uint8)
    cv2.fillConvexPoly(mask, np.round(quad * 16).astype(np.int32), 255, cv2.LINE_AA, 4)
    mask = cv2.GaussianBlur(mask, (0, 0), .7)[..., None] / np.float32(255)
    over = cv2.warpPerspective(np.clip(drawn, 0, 255), to, image.shape[1::-1], flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return (out + (over - out) * mask).astype(np.uint8)


def sharpness(im):
    """Energy of the gradient along rows over the variance, in px^-2: what blur takes away and contrast does not change."""
    g = im.mean(2)
    return float((np.diff(g, axis=1) ** 2).mean() / (g.var() + 25))


def soften(drawn, aim):
    """The drawn plate, blurred as far as brings it to a sharpness."""
    h, w = drawn.shape[:2]
    best, off = drawn, np.inf
    for s in SIGMAS:
        im = cv2.GaussianBlur(drawn, (0, 0), s) if s else drawn
        d = abs(np.log(sharpness(im[h // 8:h - h // 8, w // 16:w - w // 16]) / aim))
        if d >= off:
            break
        best, off = im, d
    return best


def shade(rng, drawn, real):
    """The drawn plate with the real one's shades, channel by channel, darker and lighter where that was."""
    out = np.empty_like(drawn)
    light = drawn.mean(2)
    few = slice(None, None, 2 if real.shape[1] > 110 else 1)  # percentiles need no more pixels
    own = rng.random() < .5  # keep some of the drawn plate's own colours
    for c in range(3):
        source = drawn[..., c] if own else light
        at = np.percentile(source[few, few], LEVELS)
        at += np.arange(len(at)) * 1e-3  # strictly rising
        out[..., c] = np.interp(source, at, np.percentile(real[few, few, c], LEVELS))
    s = max(4.0, real.shape[0] * .6)
    broad = cv2.GaussianBlur(real.mean(2), (0, 0), s)
    flat = cv2.GaussianBlur(out.mean(2), (0, 0), s)
    return out * np.clip((broad + 8) / (flat + 8), .6, 1.6)[..., None]
