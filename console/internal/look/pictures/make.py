"""Renders the pictures that the console is looked at with: make.py FONTS OUT (run from training).

Each is a plate from the training renderer on the back of a drawn car, as crop (the rectified plate) and
context (the car), small JPEGs. Nothing of it was ever on a road.
"""
import json
import sys
from pathlib import Path

import cv2
import numpy as np

from render import Renderer

SCENES = [  # name, region, seed, body colour (BGR), light 0..1, lens blur
    ("blue", "US-FL", 15, (150, 80, 30), 0.85, 0.8),
    ("white", "US-GA", 1, (225, 225, 220), 0.9, 0.7),
    ("grey", "US-TX", 6, (110, 110, 105), 0.35, 1.0),
    ("red", "US-CA", 14, (40, 35, 150), 0.6, 0.8),
]


def car(body, plate, light):
    """The back of a car, 640 x 400, with the plate in its place: returns the picture and the plate's corners."""
    im = np.full((400, 640, 3), (150, 140, 130), np.uint8)
    im[:] = np.linspace(0, 1, 400)[:, None, None] * np.array([-60, -60, -60]) + im
    cv2.rectangle(im, (0, 330), (640, 400), (70, 70, 72), -1)
    dark = tuple(int(c * 0.55) for c in body)
    cv2.fillPoly(im, [np.array([[150, 150], [205, 40], [435, 40], [490, 150]])], body, cv2.LINE_AA)
    cv2.fillPoly(im, [np.array([[185, 145], [222, 58], [418, 58], [455, 145]])], (45, 40, 38), cv2.LINE_AA)
    cv2.fillPoly(im, [np.array([[110, 165], [150, 145], [490, 145], [530, 165], [535, 320], [105, 320]])], body, cv2.LINE_AA)
    cv2.rectangle(im, (105, 285), (535, 335), dark, -1, cv2.LINE_AA)
    for x in (118, 446):
        cv2.rectangle(im, (x, 180), (x + 76, 222), (30, 30, 170), -1, cv2.LINE_AA)
        cv2.rectangle(im, (x + 8, 188), (x + 40, 214), (70, 70, 230), -1, cv2.LINE_AA)
    for x in (120, 460):
        cv2.rectangle(im, (x, 330), (x + 60, 372), (20, 20, 20), -1, cv2.LINE_AA)
    to = np.float32([[258, 205], [384, 201], [386, 262], [258, 267]])
    h, w = plate.shape[:2]
    warp = cv2.getPerspectiveTransform(np.float32([[0, 0], [w, 0], [w, h], [0, h]]), to)
    mask = cv2.warpPerspective(np.full((h, w), 255, np.uint8), warp, (640, 400), flags=cv2.INTER_AREA)
    over = cv2.warpPerspective(plate, warp, (640, 400), flags=cv2.INTER_AREA)
    a = (mask / 255.0)[..., None]
    im = im * (1 - a) + over * a
    im = im * (0.25 + 0.75 * light)
    return im, to


def main(fonts, out):
    renderer = Renderer(fonts)
    out = Path(out)
    facts = []
    for name, region, seed, body, light, blur in SCENES:
        rng = np.random.default_rng(seed)
        plate = renderer.render(rng, region)
        im, to = car(body, plate.image, light)
        im = cv2.GaussianBlur(im, (0, 0), blur) + rng.normal(0, 3, im.shape)
        im = np.clip(im, 0, 255).astype(np.uint8)
        flat = cv2.getPerspectiveTransform(to, np.float32([[6, 4], [250, 4], [250, 124], [6, 124]]))
        crop = cv2.warpPerspective(im, flat, (256, 128), flags=cv2.INTER_CUBIC)
        for which, picture in (("crop", crop), ("context", im)):
            cv2.imwrite(str(out / f"{name}-{which}.jpg"), picture, [cv2.IMWRITE_JPEG_QUALITY, 82])
        facts.append({"name": name, "text": plate.text, "region": plate.region})
    (out / "plates.json").write_text(json.dumps(facts, indent=1) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
