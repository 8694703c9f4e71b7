"""The receiver's log of the drive: GGA and RMC twice a second along a made-up route, without a position in the tunnel."""
import datetime
import math

from . import drive

START = datetime.datetime(2026, 3, 14, 18, 20, 0)  # UTC, of the video's first frame
LAT, LON, ALT = 40.0, -100.0, 655.0               # open land; no such street is there
RATE = 2                                          # a second
# Course over ground, degrees true, at these seconds; the road bends inside the tunnel.
COURSE = ((0, 62.0), (17, 63.5), (24.5, 81.0), (52, 79.5))
METRES_PER_DEGREE = 111_195.0


def course(t):
    """Degrees true at second t."""
    for (t0, c0), (t1, c1) in zip(COURSE, COURSE[1:]):
        if t <= t1:
            return c0 + (c1 - c0) * (t - t0) / (t1 - t0)
    return COURSE[-1][1]


def sentence(body):
    """The body with its frame and checksum (NMEA 0183, section 5.3)."""
    check = 0
    for c in body.encode():
        check ^= c
    return f"${body}*{check:02X}\r\n"


def angle(value, digits, letters):
    """Degrees as ddmm.mmmmm with its hemisphere."""
    whole = int(abs(value))
    return f"{whole:0{digits}d}{(abs(value) - whole) * 60:08.5f},{letters[value < 0]}"


def log():
    """The sentences, in order."""
    lat, lon, step = LAT, LON, 1 / RATE
    for k in range(int(drive.SECONDS * RATE) + 1):
        t = k * step
        at = START + datetime.timedelta(seconds=t)
        clock, day = at.strftime("%H%M%S.") + f"{at.microsecond // 10000:02d}", at.strftime("%d%m%y")
        blind = drive.TUNNEL[0] + .4 <= t < drive.TUNNEL[1] + .8
        if blind:
            yield sentence(f"GPGGA,{clock},,,,,0,00,99.9,,M,,M,,")
            yield sentence(f"GPRMC,{clock},V,,,,,,,{day},,,N")
        else:
            place = f"{angle(lat, 2, 'NS')},{angle(lon, 3, 'EW')}"
            yield sentence(f"GPGGA,{clock},{place},1,{9 + int(3 * math.sin(t / 7)):02d},0.9,{ALT + 2 * math.sin(t / 9):.1f},M,-24.1,M,,")
            yield sentence(f"GPRMC,{clock},A,{place},{drive.speed(t) * 3600 / 1852:.2f},{course(t):.1f},{day},,,A")
        metres = drive.travelled(t + step) - drive.travelled(t)
        heading = math.radians(course(t + step / 2))
        lat += metres * math.cos(heading) / METRES_PER_DEGREE
        lon += metres * math.sin(heading) / (METRES_PER_DEGREE * math.cos(math.radians(lat)))
