"""Draws the drive's plates with the training renderer, into the folder plates/: `python -m make.plates FONTS`, from demo/.

Run once. The pictures are kept, so that rendering the drive needs neither the typefaces nor today's renderer. All serials
are made up at random.
"""
import pathlib
import sys

import cv2
import numpy as np

FOLDER = pathlib.Path(__file__).parent / "plates"
# Issuer and the seed whose plate is clear and typical.
CHOICE = [("US-CA", 4), ("US-TX", 8), ("US-NY", 6), ("US-FL", 7), ("US-OH", 4), ("US-WA", 0), ("US-AZ", 0), ("US-CO", 2), ("US-GA", 6), ("US-IL", 1),
          ("US-PA", 4), ("US-MI", 2), ("US-CO", 7), ("US-FL", 8), ("US-PA", 1), ("DE", 8), ("FR", 3), ("GB", 1), ("NL", 5), ("NL", 7), ("CA-ON", 4), ("US-TX", 1)]


def draw(fonts):
    """Writes every plate as plates/<region>_<text>.png."""
    sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "models" / "training"))
    from render import Renderer  # only here: the drive itself does without

    renderer = Renderer(fonts)
    FOLDER.mkdir(exist_ok=True)
    for region, seed in CHOICE:
        plate = renderer.render(np.random.default_rng([seed, *region.encode()]), region)
        cv2.imwrite(str(FOLDER / f"{region}_{plate.text}.png"), plate.image)


def load(name):
    """The picture, text and region of the plate <region>_<text>."""
    image = cv2.imread(str(FOLDER / f"{name}.png"))
    if image is None:
        raise FileNotFoundError(f"{FOLDER / name}.png is missing: run make.plates")
    region, text = name.split("_")
    return image, text, region


if __name__ == "__main__":
    draw(sys.argv[1])
