"""Renders clean plates of many countries for training: `Renderer(fonts).render(rng, country)`."""
import functools
import os
from dataclasses import dataclass

import numpy as np

from . import styles
from .glyphs import FontBook


@dataclass
class Plate:
    """One rendered plate.

    image: BGR uint8, 256..400 px wide, the plate from edge to edge, clean (no blur, no perspective, daylight).
    text: what a reader has to say, A-Z0-9. region: ISO code ("US-FL", "DE") or "" where the look belongs to none.
    layout: the style's name, for statistics ("us", "eu", "eu-2", "gb", ...); "-2" means two lines.
    """
    image: np.ndarray
    text: str
    region: str
    layout: str


class Renderer:
    """Draws plates with the typefaces below `fonts` and the system's. Not for use by several threads at once."""

    def __init__(self, fonts, system=("/usr/share/fonts",)):
        self.book = FontBook(fonts, system)

    def render(self, rng, country=None, two=None):
        """One plate from the numpy Generator rng; country "US", "US-FL", "CA", "CA-ON", "DE", "GB", "BR", ... or None for
        the mix that the reader is trained with; two, whether its serial stands in two lines (None: in as many as do)."""
        while True:
            image, text, region, layout = styles.draw(self.book, rng, country, two)
            if 1 <= len(text) <= 10:
                return Plate(image, text, region, layout)

    def hold(self, rng, plate):
        """The picture of the plate in a holder with a dealer's strip, and the plate's x, y, w, h in it as fractions."""
        return styles.holder(self.book, rng, plate.image)


@functools.lru_cache(maxsize=2)
def _shared(fonts):
    return Renderer(fonts)


def render(rng, country=None, fonts=None):
    """Renderer.render with a shared Renderer; fonts (or the environment's ALPR_PLATE_FONTS) is the folder of typefaces."""
    fonts = fonts or os.environ.get("ALPR_PLATE_FONTS")
    if not fonts:
        raise ValueError("no folder of plate typefaces: give fonts=... or set ALPR_PLATE_FONTS")
    return _shared(fonts).render(rng, country)
