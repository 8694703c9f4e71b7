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
    z = canvas.depth
    lit = np.empty((HEIGHT, WIDTH, 3), np.float32)
    beam = _beam(z, canvas.retro) * light.headlights if light.headlights > 0 else None
    haze = np.exp(-z / light.haze_from)
    for c in range(3):
        brightness = light.ambient[c] + (beam * (.92, .97, 1.0)[c] if beam is not None else 0)
        lit[..., c] = (canvas.albedo[..., c] * brightness) * haze + np.where(z < 9e3, light.haze[c] * (1 - haze), 0)
    lit += canvas.emit
    return lit + _bloom(canvas, light)


def _beam(z, retro):
    """Dipped headlights: bright below the cut-off and ahead, falling with distance; sent straight back by plates."""
    across = U / FOCAL
    up = -(V / FOCAL) + .006
    lateral = .8 * np.exp(-(across / .2) ** 2) + .25 * np.exp(-(across / .5) ** 2)
    cutoff = .22 + .78 / (1 + np.exp(up * 160))
    falloff = np.minimum(1.25, (12.5 / z) ** 1.35)
    back = 1 + (retro.astype(np.float32) / 255) * np.minimum(1.5, z / 16)
    return (lateral * cutoff * falloff * back).astype(np.float32)


def _bloom(canvas, light):
    """What bright lamps scatter in the lens: the darker it is, the more of it shows."""
    lamps = np.where((canvas.depth < 9e3)[..., None], canvas.emit, 0)
    small = cv2.resize(lamps, (WIDTH // 4, HEIGHT // 4), interpolation=cv2.INTER_AREA).astype(np.float32)
    small = np.maximum(small - 30, 0)
    darkness = 1 - float(light.ambient.mean())
    halo = cv2.GaussianBlur(small, (0, 0), 3) * 1.3 + cv2.GaussianBlur(small, (0, 0), 11) * 2.6
    return cv2.resize(halo * darkness, (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR)


def expose(rng, picture, light):
    """What the sensor makes of the light: falling off to the corners, clipped, noisy."""
    fall = 1 - .16 * ((U / (WIDTH / 2)) ** 2 + ((V + HORIZON_ROW - HEIGHT / 2) / (HEIGHT / 2)) ** 2) / 2
    picture = picture * fall[..., None]
    picture = np.where(picture > 200, 200 + 55 * np.tanh((picture - 200) / 75), picture)
    grain = cv2.resize(rng.normal(0, light.noise, (HEIGHT // 2, WIDTH // 2, 3)).astype(np.float32), (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR)
    return np.clip(picture + grain * 1.3, 0, 255).astype(np.uint8)
