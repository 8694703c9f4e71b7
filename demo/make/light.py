"""Daylight, headlights, haze and lens: turns the three buffers of a canvas into a picture."""
from dataclasses import dataclass

import cv2
import numpy as np

from .camera import FOCAL, HEIGHT, HORIZON_ROW, WIDTH

CAMERA_Y = 1.35
U, V = np.meshgrid(np.arange(WIDTH, dtype=np.float32) - WIDTH / 2, np.arange(HEIGHT, dtype=np.float32) - HORIZON_ROW)


@dataclass
class Light:
    """The light at one instant; colours are BGR."""
    ambient: np.ndarray      # share of each colour that the sky or the lamps bring, 0..1
    headlights: float        # 0..1: how bright our own are beside the ambient light
    haze: np.ndarray         # colour of the far distance, 0..255
    haze_from: float         # metres after which two thirds are haze
    noise: float             # standard deviation of the sensor's noise, 0..255

    def mix(self, other, t):
        """The light on the way to another, t 0..1."""
        between = lambda a, b: a * (1 - t) + b * t
        return Light(*(between(getattr(self, k), getattr(other, k)) for k in ("ambient", "headlights", "haze", "haze_from", "noise")))


DAY = Light(np.array([1.0, 1.0, 1.0]), 0.0, np.array([228.0, 214, 200]), 420.0, .8)
DUSK = Light(np.array([.56, .47, .50]), .18, np.array([150.0, 132, 165]), 380.0, 1.3)
NIGHT = Light(np.array([.115, .088, .075]), 1.0, np.array([20.0, 15, 12]), 300.0, 2.0)
TUNNEL = Light(np.array([.40, .56, .64]), .12, np.array([70.0, 92, 104]), 160.0, 1.4)


def compose(canvas, light):
    """The exposure as float32 BGR, 0..255 and over where a lamp dazzles."""
    clear = cv2.exp(canvas.depth * np.float32(-1 / light.haze_from))  # share of the light that haze lets through
    beam = _beam(canvas.depth, canvas.retro) * np.float32(light.headlights) if light.headlights > 0 else None
    hazy = np.where(canvas.depth < 9e3, 1 - clear, np.float32(0))
    layers = []
    for c, tint in enumerate((.92, .97, 1.0)):
        brightness = clear * np.float32(light.ambient[c])
        if beam is not None:
            brightness += beam * clear * np.float32(tint)
        layers.append(cv2.multiply(canvas.albedo[..., c], brightness, dtype=cv2.CV_32F) + hazy * np.float32(light.haze[c]))
    return cv2.add(cv2.merge(layers), canvas.emit, dtype=cv2.CV_32F) + _bloom(canvas, light)


def _pattern():
    """Dipped headlights' light in each direction: bright ahead and below the cut-off, which they must not dazzle above."""
    across, up = U[0] / FOCAL, -(V[:, 0] / FOCAL) + .006
    lateral = .8 * np.exp(-(across / .2) ** 2) + .25 * np.exp(-(across / .5) ** 2)
    return (lateral[None, :] * (.22 + .78 / (1 + np.exp(up * 160)))[:, None]).astype(np.float32)


PATTERN = _pattern()


def _beam(z, retro):
    """What our headlights add: falling with distance, and sent straight back by plates."""
    falloff = cv2.min(cv2.pow(z * np.float32(1 / 12.5), -1.35), 1.25)
    back = 1 + retro * np.float32(1 / 255) * cv2.min(z * np.float32(1 / 16), 1.5)
    return PATTERN * falloff * back


def _bloom(canvas, light):
    """What bright lamps scatter in the lens: the darker it is, the more of it shows."""
    lamps = cv2.bitwise_and(canvas.emit, canvas.emit, mask=(canvas.depth < 9e3).astype(np.uint8))
    small = cv2.resize(lamps, (WIDTH // 4, HEIGHT // 4), interpolation=cv2.INTER_AREA).astype(np.float32)
    small = np.maximum(small - 30, 0)
    darkness = np.float32(1 - light.ambient.mean())
    halo = cv2.GaussianBlur(small, (0, 0), 3) * 1.3 + cv2.GaussianBlur(small, (0, 0), 11) * 2.6
    return cv2.resize((halo * darkness).astype(np.float32), (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR)


FALL_OFF = (1 - .16 * ((U / (WIDTH / 2)) ** 2 + ((V + HORIZON_ROW - HEIGHT / 2) / (HEIGHT / 2)) ** 2) / 2)[..., None].astype(np.float32)


def expose(rng, picture, light):
    """What the sensor makes of the light: falling off to the corners, clipped softly, noisy."""
    picture = picture * FALL_OFF
    bright = picture > 200
    picture[bright] = 200 + 55 * np.tanh((picture[bright] - 200) / 75)
    grain = rng.standard_normal((HEIGHT // 2, WIDTH // 2, 3), dtype=np.float32) * np.float32(light.noise * 1.3)
    return cv2.add(picture, cv2.resize(grain, (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR), dtype=cv2.CV_8U)
