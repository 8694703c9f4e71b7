"""Renders the pictures of the reading test: made-up plates on a made-up car.

usage: python make.py FONTS   (needs numpy and OpenCV; writes beside itself)

FONTS is a folder of plate typefaces, as training/render takes it. The
pictures are easy on purpose: a test that fails on them says that the way from
file to text is broken, not that a plate is hard to read.
"""
import json
import pathlib
import sys

import cv2
import numpy as np

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parents[3] / "models" / "training"))
from render import Renderer  # noqa: E402

# name, picture size, then for each plate: country, centre, width in pixels, turn (radians), slant of the perspective
SCENES = [
    ("florida", (1280, 720), [("US-FL", (640, 420), 150, 0.0, 0.0)]),
    ("germany_turned", (1280, 720), [("DE", (500, 430), 190, 0.10, 0.18)]),
    ("two_cars_1080p", (1920, 1080), [("US-CA", (560, 640), 150, -0.03, -0.1), ("PL", (1380, 600), 160, 0.02, 0.1)]),
    ("close", (800, 600), [("FR", (400, 320), 520, 0.03, 0.05)]),
    ("poland_aside", (1280, 720), [("PL", (640, 420), 240, -0.22, 0.45)]),
    ("empty_road", (1280, 720), []),
]


def is_easy(plate):
    """Dark on light, one line of some length, and no character that another looks like."""
    height, width = plate.image.shape[:2]
    return np.median(plate.image) > 150 and width > 1.8 * height and "-2" not in plate.layout and len(plate.text) >= 6 and not set(plate.text) & set("0OQD1I")


def road(rng, width, height):
    """Sky, verge and asphalt."""
    y = np.linspace(0, 1, height)[:, None, None]
    sky, ground = np.array([215, 200, 185.0]), np.array([95, 96, 98.0])
    im = np.where(y < 0.42, sky - 40 * y, ground + 25 * (y - 0.42)) * np.ones((height, width, 1))
    coarse = cv2.resize(rng.normal(0, 5, (height // 8, width // 8, 1)), (width, height), interpolation=cv2.INTER_CUBIC)
    return np.clip(im + coarse[..., None], 0, 255).astype(np.uint8)


def car(im, centre, width, colour):
    """A car's rear about a plate."""
    x, y, w = centre[0], centre[1], width
    body = np.array([[-2.1, -0.9], [-1.7, -1.5], [1.7, -1.5], [2.1, -0.9], [2.1, 1.1], [-2.1, 1.1]]) * w + [x, y]
    cv2.fillPoly(im, [body.astype(np.int32)], colour, cv2.LINE_AA)
    glass = np.array([[-1.5, -1.05], [-1.25, -1.4], [1.25, -1.4], [1.5, -1.05]]) * w + [x, y]
    cv2.fillPoly(im, [glass.astype(np.int32)], (60, 55, 50), cv2.LINE_AA)
    for side in (-1.85, 1.55):
        lamp = np.array([side * w + x, -0.75 * w + y, 0.3 * w, 0.35 * w]).astype(int)
        cv2.rectangle(im, lamp[:2], lamp[:2] + lamp[2:], (40, 35, 150), -1)
    cv2.rectangle(im, (int(x - 0.75 * w), int(y - 0.35 * w)), (int(x + 0.75 * w), int(y + 0.35 * w)), tuple(int(c * 0.8) for c in colour), -1)


def mount(im, plate, centre, width, turn, slant):
    """Draws the plate in perspective, and gives its box."""
    h, w = plate.shape[:2]
    half = np.array([width / 2, width / 2 * h / w])
    quad = np.array([[-1, -1 - slant], [1, -1 + slant], [1, 1 - slant], [-1, 1 + slant]]) * half
    turned = quad @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]]) + centre
    plate = cv2.resize(plate, None, fx=1.5 * width / w, fy=1.5 * width / w, interpolation=cv2.INTER_AREA)
    h, w = plate.shape[:2]
    m = cv2.getPerspectiveTransform(np.array([[0, 0], [w, 0], [w, h], [0, h]], np.float32) - 0.5, turned.astype(np.float32) - 0.5)
    cv2.warpPerspective(plate, m, im.shape[1::-1], dst=im, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_TRANSPARENT)
    low, high = turned.min(0), turned.max(0)
    return [round(float(v), 1) for v in (*low, *(high - low))]


def main(fonts):
    rng = np.random.default_rng(15)
    renderer = Renderer(fonts)
    with open(HERE / "labels.jsonl", "w") as labels:
        for name, (width, height), plates in SCENES:
            im = road(rng, width, height)
            truth = []
            for country, centre, size, turn, slant in plates:
                plate = renderer.render(rng, country)
                while not is_easy(plate):
                    plate = renderer.render(rng, country)
                car(im, centre, size * (0.55 if size > 300 else 1.0), tuple(int(v) for v in rng.integers(30, 120, 3)))
                truth.append({"box": mount(im, plate.image, centre, size, turn, slant), "text": plate.text, "region": plate.region})
            im = cv2.GaussianBlur(im, (0, 0), 0.7)
            im = np.clip(im + rng.normal(0, 2, im.shape), 0, 255).astype(np.uint8)
            cv2.imwrite(str(HERE / f"{name}.jpg"), im, [cv2.IMWRITE_JPEG_QUALITY, 72])
            labels.write(json.dumps({"image": f"{name}.jpg", "width": width, "height": height, "plates": truth}) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
