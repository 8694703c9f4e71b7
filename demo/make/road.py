"""What the benchmark of passes is drawn with: a street, cars' fronts and rears, and plates, some of them neighbours in a fleet.

`python -m make.road FONTS OUT`, from demo/, writes them anew. The pictures are kept with the benchmark, so that it needs
neither the typefaces nor Python. All serials are made up.
"""
import pathlib
import sys

import cv2
import numpy as np

from . import drive, plates
from .camera import Canvas
from .cars import KINDS, paint
from .light import compose
from .render import World, pose_at

PX = 150  # pixels per metre of a car's picture
COLOURS = {"sedan": drive.SILVER, "hatch": drive.RED, "suv": drive.NAVY, "pickup": drive.BLACK, "van": drive.WHITE}
FLEETS = {"US-CA": ["8GHK512", "8GHK572", "8GHK592", "8GHK542"], "US-TX": ["KVB2081", "KVB2086", "KVB2088", "KVB2089"],
          "GB": ["LR19XKA", "LR19XKB", "LR19XKD", "LR19XKE"], "DE": ["HHAB4410", "HHAB4411", "HHAB4417", "HHAB4471"]}
LEFT_OUT = {"GCY5508", "GNJ329", "OWIHLW", "MICEHU", "BRUGER"}  # stacked letters and words are measured elsewhere
OTHERS = {"US-FL": 3, "US-NY": 3, "US-OH": 2, "US-GA": 3, "US-IL": 2, "FR": 2, "NL": 2, "PL": 2, "IT": 2, "CA-ON": 2}


def car(kind, front):
    """The end of a car as BGRA, without its plate; lamps as a second picture."""
    build = KINDS[kind]
    parts = paint(build, np.array(COLOURS[kind], float), front, np.random.default_rng(3))
    w, h, belt = (round(v * PX) for v in (build.width, build.height, build.belt))
    image = np.zeros((h, w, 4), np.uint8)
    cabin = cv2.resize(parts["cabin"].layers[0], (w, h - belt + 3), interpolation=cv2.INTER_AREA)
    image[:h - belt + 3] = cabin
    body = cv2.resize(parts["body"].layers[0], (w, belt), interpolation=cv2.INTER_AREA)
    alpha = body[..., 3:].astype(np.float32) / 255
    image[h - belt:] = (image[h - belt:] * (1 - alpha) + body).astype(np.uint8)
    return image


def street():
    """The street without a car."""
    world = World()
    world.meetings = []
    t = 1.0
    canvas = Canvas(pose_at(t))
    world.draw(canvas, t)
    return np.clip(compose(canvas, drive.light_at(t)), 0, 255).astype(np.uint8)


def draw(renderer, styles, region, text):
    """A plate that says text, in the look that its region's first one has."""
    styles.fill = lambda rng, pattern, issuer="", twins="": [("c", c) for c in text]
    seed = 0
    while True:
        seed += 1
        plate = renderer.render(np.random.default_rng([seed, *region.encode()]), region, two=False)
        if plate.text == text:
            return plate.image


def main():
    fonts, out = sys.argv[1], pathlib.Path(sys.argv[2])
    sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "training"))
    from render import Renderer, styles

    out.mkdir(parents=True, exist_ok=True)
    renderer = Renderer(fonts)
    for region, count in OTHERS.items():
        drawn, seed = 0, 70
        while drawn < count:
            seed += 1
            plate = renderer.render(np.random.default_rng([seed, *region.encode()]), region, two=False)
            if not 6 <= len(plate.text) <= 8 or region == "US-FL" and seed == 71:
                continue
            drawn += 1
            if plate.text in LEFT_OUT:
                continue
            cv2.imwrite(str(out / f"plate_{region}_{plate.text}.jpg"), plate.image, [cv2.IMWRITE_JPEG_QUALITY, 94])
    for region, texts in FLEETS.items():
        for text in texts:
            cv2.imwrite(str(out / f"fleet_{region}_{text}.jpg"), draw(renderer, styles, region, text), [cv2.IMWRITE_JPEG_QUALITY, 94])
    for kind in KINDS:
        for front in (False, True):
            cv2.imwrite(str(out / f"car_{kind}_{'front' if front else 'rear'}.png"), car(kind, front), [cv2.IMWRITE_PNG_COMPRESSION, 9])
    cv2.imwrite(str(out / "street.jpg"), street(), [cv2.IMWRITE_JPEG_QUALITY, 88])


if __name__ == "__main__":
    main()
