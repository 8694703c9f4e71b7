"""The drive itself: how fast the camera car goes, through what light, and which cars it meets. Edit here to change the story."""
from dataclasses import dataclass

import numpy as np

from . import light, plates
from .cars import Car, Plated

SECONDS = 52.0
FPS = 12
TUNNEL = (17.2, 24.4)  # seconds at which the camera is at its mouth and at its end
LAMPS_ON = 17.0        # from here on cars drive with their lamps on

# Speed of the camera car, metres a second, at these seconds.
SPEED = np.array([(0, 7.5), (8, 8), (15, 9), (18, 11), (24, 11), (28, 9.5), (36, 9), (44, 8), (52, 8)], float)
_T = np.arange(0, SECONDS + 1, .01)
_S = np.concatenate([[0], np.cumsum(np.interp(_T, SPEED[:, 0], SPEED[:, 1]) * .01)[:-1]])


def speed(t):
    """Metres a second."""
    return float(np.interp(t, SPEED[:, 0], SPEED[:, 1]))


def travelled(t):
    """Metres since the start."""
    return float(np.interp(t, _T, _S))


def light_at(t):
    """Day, the tunnel's lamps, dusk, and the night falling fast."""
    if t < TUNNEL[0]:
        return light.DAY.mix(light.TUNNEL, np.clip((t - TUNNEL[0] + .7) / 1.0, 0, 1))
    if t < TUNNEL[1]:
        return light.DAY.mix(light.TUNNEL, min(1.0, (t - TUNNEL[0] + .7) / 1.0)).mix(light.DUSK, np.clip((t - TUNNEL[1] + .6) / .9, 0, 1))
    out = light.TUNNEL.mix(light.DUSK, min(1.0, (t - TUNNEL[1] + .6) / .9))
    return out.mix(light.NIGHT, np.clip((t - 33.5) / 4.5, 0, 1))


def night_at(t):
    """0 by day, 1 when lamps and windows shine."""
    return 0.0 if t < TUNNEL[1] - 3 else float(np.clip(.45 + (t - 33.5) / 8, .45, 1))


@dataclass
class Meeting:
    """A car that we meet: at second `at` its near end is `gap` metres ahead; it drives `speed` metres a second our way.

    `gaps`, where given, is a table of (second, metres) instead: a car that keeps its place before us.
    """
    car: Car
    at: float
    gap: float = 6.5
    speed: float = 0.0
    gaps: tuple = ()
    braking: bool = False
    hides: bool = False  # a barrel stands before it

    @property
    def drives(self):
        """Whether the car is driving, not parked."""
        return self.speed != 0 or bool(self.gaps)

    def depth(self, t):
        """Metres ahead at second t, or None where it is not in sight."""
        if self.gaps:
            when, metres = np.array(self.gaps, float).T
            if t < when[0] or t > when[-1]:
                return None
            return float(_smooth(t, when, metres))
        z = self.gap + self.speed * (t - self.at) - (travelled(t) - travelled(self.at))
        return z if -1 < z < 95 else None


def _smooth(t, when, metres):
    """Between the points of a table, without corners."""
    i = int(np.clip(np.searchsorted(when, t) - 1, 0, len(when) - 2))
    s = (t - when[i]) / (when[i + 1] - when[i])
    return metres[i] + (metres[i + 1] - metres[i]) * s * s * (3 - 2 * s)


WHITE, SILVER, GREY, BLACK = (226, 228, 228), (172, 172, 170), (98, 96, 94), (40, 38, 37)
RED, BLUE, GREEN, TAN, NAVY = (38, 36, 150), (140, 84, 44), (62, 92, 56), (128, 158, 178), (84, 52, 34)
PARKED, ONCOMING = 2.45, -2.6
US, EU, EU_TWO_LINES = .305, .52, .32


def _car(kind, colour, plate, width, x, front=False, tilt=0.0):
    image, text, region = plates.load(plate)
    return Car(kind, colour, Plated(image, text, region, width, tilt), x, front, seed=sum(text.encode()))


def meetings():
    """Every car of the drive, in the order we meet them."""
    return [
        # A street by day: parked cars to the right, oncoming ones to the left, one before us.
        Meeting(_car("sedan", SILVER, "US-CA_2XGX230", US, PARKED), at=2.3),
        Meeting(_car("suv", BLUE, "US-TX_CT5W603", US, PARKED), at=4.6),
        Meeting(_car("hatch", RED, "DE_KKYM11", EU, ONCOMING, front=True), at=5.6, gap=14, speed=-8),
        Meeting(_car("hatch", WHITE, "US-NY_482VSS", US, PARKED), at=7.0),
        Meeting(_car("sedan", GREY, "US-FL_USU625", US, .15), at=0, gaps=((4.5, 40), (8.5, 7.0), (11, 6.2), (14, 12), (17, 42)), braking=True),
        Meeting(_car("pickup", WHITE, "US-OH_XWJ1300", US, ONCOMING, front=True), at=9.3, gap=13.5, speed=-9),
        Meeting(_car("van", TAN, "GB_GH45PDV", EU, PARKED), at=10.2),
        Meeting(_car("suv", GREEN, "US-WA_S00299R", US, PARKED), at=12.8),
        Meeting(_car("sedan", NAVY, "US-CO_006XBG", US, PARKED + .1, tilt=.06), at=15.2, hides=True),
        # The tunnel: two lanes our way.
        Meeting(_car("van", WHITE, "NL_XBLA94", EU_TWO_LINES, 2.7), at=0, gaps=((16.5, 60), (20.6, 7.2), (22.4, 2))),
        Meeting(_car("sedan", BLACK, "US-AZ_LGM453", US, -.1), at=0, gaps=((18.0, 46), (21.0, 7.4), (23.2, 6.4), (25.4, 15), (27.5, 45))),
        # Dusk.
        Meeting(_car("hatch", BLUE, "FR_PX152YD", EU, ONCOMING, front=True), at=27.0, gap=14, speed=-8),
        Meeting(_car("suv", BLACK, "US-IL_3880931", US, PARKED), at=0, gaps=((23.0, 60), (28.2, 7.4), (30.0, 2))),
        Meeting(_car("sedan", RED, "US-GA_ETC9498", US, .1), at=0, gaps=((27.5, 44), (30.8, 6.8), (34.0, 6.2), (36.5, 16), (38.5, 48))),
        Meeting(_car("pickup", GREY, "US-CO_XYE308", US, PARKED), at=32.2),
        Meeting(_car("sedan", SILVER, "CA-ON_JEXG552", US, PARKED), at=34.8),
        # Night.
        Meeting(_car("hatch", TAN, "US-PA_FFX1442", US, PARKED), at=39.0),
        Meeting(_car("suv", NAVY, "US-MI_JFK3865", US, ONCOMING, front=True), at=40.4, gap=13.5, speed=-8),
        Meeting(_car("suv", WHITE, "US-FL_QJQL48", US, PARKED), at=0, gaps=((36.5, 60), (41.6, 7.4), (43.6, 2))),
        Meeting(_car("hatch", GREEN, "NL_VYXX82", EU_TWO_LINES, 0), at=0, gaps=((41.0, 46), (44.2, 7.2), (46.6, 6.4), (49, 15), (51, 44))),
        Meeting(_car("sedan", GREY, "US-NC_FAS2095", US, PARKED), at=46.2),
        Meeting(_car("pickup", BLACK, "US-TX_69F5AE", US, PARKED), at=49.2),
    ]
