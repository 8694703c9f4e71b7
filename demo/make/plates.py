"""The drive's plates: pictures in the folder plates/, drawn with the training renderer.

`python -m make.plates FONTS REGION SEED`, from demo/, adds one. The pictures are kept, so that rendering the drive needs
neither the typefaces nor the renderer as it was on that day. All serials are made up at random.
"""
import pathlib
import sys

import cv2
import numpy as np

FOLDER = pathlib.Path(__file__).parent / "plates"


def draw(fonts, region, seed):
    """Writes a plate of the region as plates/<region>_<text>.png."""
    sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "training"))
    from render import Renderer  # only here: the drive itself does without

    plate = Renderer(fonts).render(np.random.default_rng([seed, *region.encode()]), region)
    FOLDER.mkdir(exist_ok=True)
    cv2.imwrite(str(FOLDER / f"{region}_{plate.text}.png"), plate.image)


def load(name):
    """The picture, text and region of the plate <region>_<text>."""
    image = cv2.imread(str(FOLDER / f"{name}.png"))
    if image is None:
        raise FileNotFoundError(f"{FOLDER / name}.png is missing: run make.plates")
    region, text = name.split("_")
    return image, text, region


if __name__ == "__main__":
    draw(sys.argv[1], sys.argv[2], int(sys.argv[3]))
