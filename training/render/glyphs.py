"""Typefaces as pictures of single characters, so that every character can be stretched, weighted and placed alone."""
import glob
import os

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

CAP = 112  # height in pixels at which capital letters are rasterised

# Which file plays which part, matched on the end of its path; what is not on the machine is left out.
ROLES = {
    "us": ["LICENSE-PLATE-USA.ttf", "licenseplate.ttf", "OSP-DIN.ttf", "routed-gothic-narrow.ttf", "routed-gothic.ttf"],
    "plain": ["LICENSE-PLATE-USA.ttf", "licenseplate.ttf"],
    "fe": ["EuroPlate.ttf", "GlNummernschildEng-XgWd.ttf"],
    "din": ["AlteDIN1451.ttf", "din1451alt.ttf", "OSP-DIN.ttf"],
    "uk": ["CharlesWright-Bold.otf", "UKNumberPlate.ttf"],
    "road": ["RoadUA-Bold.otf", "RoadUA-Medium.otf", "Eu_ua_custom_np-Regular.otf"],
    "tratex": ["Tratex.ttf"],
    "sans": ["RobotoCondensed-Bold.ttf", "LiberationSansNarrow-Bold.ttf", "DejaVuSansCondensed-Bold.ttf",
             "BebasNeue-Regular.otf", "Roboto-Medium.ttf", "Dosis-Bold.otf", "Dosis-Medium.otf", "ClearSans-Bold.ttf",
             "NationalPark-Heavy.otf"],
    "caption": ["RobotoCondensed-Bold.ttf", "LiberationSansNarrow-Bold.ttf", "DejaVuSans-Bold.ttf", "DejaVuSerif-Bold.ttf",
                "RobotoCondensed-Regular.ttf", "FreeSerifBold.ttf", "DejaVuSerifCondensed-Bold.ttf", "OpenSans-Bold.ttf",
                "Cabin-Bold.otf", "NationalPark-Regular.otf", "LiberationSerif-Bold.ttf"],
    "script": ["Lobster.otf", "lobster.otf", "lobster.ttf", "FreeSerifBoldItalic.ttf", "DejaVuSerif-BoldItalic.ttf",
               "LiberationSerif-BoldItalic.ttf", "RobotoCondensed-BoldItalic.ttf"],
}


class FontBook:
    """All typefaces found, by role. Masks are cached for the life of the book; one book a process."""

    def __init__(self, fonts, system=("/usr/share/fonts",)):
        files = {}
        for folder in [fonts, *system]:
            for path in sorted(glob.glob(os.path.join(folder, "**", "*.[ot]tf"), recursive=True)):
                files.setdefault(os.path.basename(path), path)
        self.roles = {role: [files[n] for n in names if n in files] for role, names in ROLES.items()}
        empty = [r for r, f in self.roles.items() if not f]
        if empty:
            raise FileNotFoundError(f"no typeface for {', '.join(empty)} in {fonts} or {', '.join(system)}: "
                                    "give a folder of plate typefaces and install the packages named in training/README.md")
        self._fonts, self._masks, self._weighted, self._twins = {}, {}, {}, {}

    def choose(self, rng, *roles):
        """One typeface of the given roles, at random."""
        files = [f for r in roles for f in self.roles[r]]
        return files[rng.integers(len(files))]

    def _font(self, path):
        if path not in self._fonts:
            font = ImageFont.truetype(path, 100)
            top, bottom = font.getbbox("H")[1::2]
            size = int(round(100 * CAP / max(1, bottom - top)))
            font = ImageFont.truetype(path, size)
            self._fonts[path] = (font, *font.getbbox("H")[1::2])
        return self._fonts[path]

    def mask(self, path, char):
        """The character as coverage 0..255 and its top above the cap line in CAP units; None for what has no ink."""
        key = path, char
        if key not in self._masks:
            font, top, _ = self._font(path)
            box = font.getbbox(char)
            if box[2] <= box[0] or box[3] <= box[1]:
                self._masks[key] = None
            else:
                im = Image.new("L", (box[2] - box[0] + 2, box[3] - box[1] + 2))
                ImageDraw.Draw(im).text((1 - box[0], 1 - box[1]), char, font=font, fill=255)
                self._masks[key] = (np.asarray(im), box[1] - top)
        return self._masks[key]

    def twins(self, path):
        """Letters that this typeface draws (nearly) like a digit, of I and O: a reader could only guess there."""
        if path not in self._twins:
            small = lambda c: cv2.resize(self.glyph(path, c), (24, 32), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
            shape = lambda c: self.glyph(path, c).shape[1] / self.glyph(path, c).shape[0]
            same = lambda a, b: np.abs(small(a) - small(b)).mean() < .12 and abs(shape(a) - shape(b)) < .13
            self._twins[path] = "".join(a for a, b in ("I1", "O0") if same(a, b))
        return self._twins[path]

    def glyph(self, path, char, weight=0):
        """A capital or digit cut to its ink, strokes made bolder (weight > 0) or thinner by about that many CAP pixels."""
        key = path, char, weight
        if key not in self._weighted:
            found = self.mask(path, char)
            if found is None:
                return None
            m = found[0]
            ys, xs = np.where(m > 96)
            m = m[ys.min():ys.max() + 1, xs.min():xs.max() + 1]
            if weight:
                k = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (abs(weight) * 2 + 1,) * 2)
                if weight > 0:
                    m = cv2.dilate(cv2.copyMakeBorder(m, *[weight] * 4, cv2.BORDER_CONSTANT), k)
                else:
                    m = cv2.erode(cv2.copyMakeBorder(m, 2, 2, 2, 2, cv2.BORDER_CONSTANT), k)
                    ys, xs = np.where(m > 96)
                    if len(ys) == 0:
                        return self.glyph(path, char, weight + 1)
                    m = m[ys.min():ys.max() + 1, xs.min():xs.max() + 1]
            self._weighted[key] = m
        return self._weighted[key]


def stamp(image, mask, x, y, colour, opacity=1.0):
    """Blends colour into image (BGR uint8) where mask says, its top left at x, y; what hangs over is cut off."""
    h, w = mask.shape
    x, y = int(round(x)), int(round(y))
    x0, y0, x1, y1 = max(0, x), max(0, y), min(image.shape[1], x + w), min(image.shape[0], y + h)
    if x1 <= x0 or y1 <= y0:
        return
    a = mask[y0 - y:y1 - y, x0 - x:x1 - x, None].astype(np.float32) * (opacity / 255)
    roi = image[y0:y1, x0:x1]
    roi[:] = (roi + (np.asarray(colour, np.float32) - roi) * a).astype(np.uint8)


def caption(book, image, text, path, x, y, height, colour, width=None, align=0.5, spacing=0.12):
    """Writes a small text with capitals of the given height; x is where `align` (0 left .. 1 right) of it stands,
    y the cap line. It is squeezed to width if it is wider. Returns its width in pixels."""
    scale = height / CAP
    parts, pen = [], 0.0
    for char in text:
        m = book.mask(path, char)
        if m is None:
            pen += CAP * 0.32
            continue
        parts.append((m, pen))
        pen += m[0].shape[1] + CAP * spacing
    total = max(1.0, pen * scale)
    squeeze = min(1.0, width / total) if width else 1.0
    x -= total * squeeze * align
    for (m, top), at in parts:
        size = max(1, round(m.shape[1] * scale * squeeze)), max(1, round(m.shape[0] * scale))
        stamp(image, cv2.resize(m, size, interpolation=cv2.INTER_AREA), x + at * scale * squeeze, y + top * scale, colour)
    return total * squeeze
