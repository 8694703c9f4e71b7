"""Puts the world before the camera, frame by frame, and encodes what it sees."""
import multiprocessing
import subprocess

import cv2
import numpy as np

from . import drive, surroundings as around
from .camera import HEIGHT, HORIZON_ROW, WIDTH, Canvas, Pose, Texture
from .light import compose, expose

BITRATE = "455k"
LEGIBLE = 26   # pixels of width from which a plate counts as seen


class World:
    """Everything that is painted once."""

    def __init__(self):
        rng = np.random.default_rng(1)
        half = 5.6
        strip = around.Strip
        self.road = strip(around.road(rng, half), around.ROAD_PERIOD, (-half, 0, 0), (2 * half, 0, 0))
        self.verges = [strip(around.verge(rng), around.ROAD_PERIOD, (side * (half + 30), 0, 0), (-side * 30, 0, 0)) for side in (-1, 1)]
        self.houses = [strip(around.houses(rng), around.SCENERY_PERIOD, (side * 15, 0, 0), (0, 11, 0)) for side in (-1, 1)]
        self.hedges = [strip(around.hedge(rng), around.ROAD_PERIOD * 2, (side * 8.2, 0, 0), (0, 1.3, 0)) for side in (-1, 1)]
        wall = around.tunnel_wall(rng)
        self.walls = [strip(wall, around.ROAD_PERIOD, (side * 5.6, 0, 0), (0, 5.2, 0)) for side in (-1, 1)]
        self.roof = strip(around.tunnel_roof(rng), around.ROAD_PERIOD, (-5.7, 5.2, 0), (11.4, 0, 0))
        self.portal, self.post, self.barrel = around.portal(rng), around.lamp_post(), _barrel()
        self.skies = [around.sky(rng, *s) for s in (((214, 158, 104), (238, 226, 214), .8), ((120, 74, 70), (132, 152, 232), .45), ((16, 9, 7), (30, 20, 17), .04))]
        self.bonnet = _bonnet()
        self.meetings = drive.meetings()

    def sky(self, t):
        """The sky of second t."""
        dusk = float(np.clip((t - drive.TUNNEL[0] - .5) / 3, 0, 1))
        if dusk < 1:
            return cv2.addWeighted(self.skies[0], 1 - dusk, self.skies[1], dusk, 0)
        share = float(np.clip((t - 33.5) / 4.5, 0, 1))
        return cv2.addWeighted(self.skies[1], 1 - share, self.skies[2], share, 0)

    def draw(self, canvas, t):
        """All that stands and drives, farthest first."""
        s = drive.travelled(t)
        mouth, end = (drive.travelled(x) - s for x in drive.TUNNEL)
        inside_from, inside_to = max(mouth, 0), end
        canvas.emit[:] = _shift(self.sky(t), canvas)
        canvas.glow = drive.night_at(t)
        outside = around.FAR if mouth < 0 else min(around.FAR, mouth)
        begin = end if mouth < 0 < end else 0.0
        for strip in (*self.verges, *self.houses, *self.hedges):
            strip.draw(canvas, s, max(0.0, begin), outside)
        if 0 < mouth < around.FAR:
            canvas.rectangle(self.portal, (-16, 0, mouth), (32, 0, 0), (0, 9, 0))
        if inside_to > 0 and inside_from < 250:
            canvas.glow = 1.0
            for strip in (self.roof, *self.walls):
                strip.draw(canvas, s, inside_from, min(inside_to, around.FAR))
            canvas.glow = drive.night_at(t)
        self.road.draw(canvas, s)
        self._things(canvas, t, s, mouth, end)

    def _things(self, canvas, t, s, mouth, end):
        """Cars, barrels and lamp posts, sorted by distance."""
        things = []
        for m in self.meetings:
            z = m.depth(t)
            if z is not None:
                lit = 1.0 if t > drive.LAMPS_ON and m.drives else 0.0
                brakes = m.braking and m.gaps[1][0] < t < m.gaps[2][0]
                things.append((z, lambda m=m, z=z, lit=lit, brakes=brakes: m.car.draw(canvas, z, lit, brakes)))
                if m.hides:
                    things.append((z - 3.2, lambda z=z: canvas.rectangle(self.barrel, (1.72, 0, z - 3.2), (.5, 0, 0), (0, 1.05, 0))))
        first = int(s // 32)
        for k in range(first, first + 5):
            z = 32 * k + 20 - s
            if 1.5 < z and not mouth - 1 < z < end + 1 and not (mouth > 0 and z > mouth):
                things.append((z, lambda z=z: canvas.rectangle(self.post, (4.6, 0, z), (2.2, 0, 0), (0, 6.6, 0))))
        for _, draw in sorted(things, key=lambda thing: -thing[0]):
            draw()


def _shift(sky, canvas):
    """The sky as the camera's turning moves it."""
    centre, _ = canvas.project([[0, canvas.centre[1], 1000.0]])
    dx, dy = centre[0] - [WIDTH / 2, HORIZON_ROW]
    return cv2.warpAffine(sky, np.float32([[1, 0, dx - 100], [0, 1, dy]]), (WIDTH, HEIGHT), borderMode=cv2.BORDER_REPLICATE)


def _barrel():
    """A road works barrel."""
    image = np.zeros((210, 100, 3), np.uint8)
    image[:] = (30, 98, 235)
    for y in (40, 100, 160):
        image[y:y + 28] = (230, 232, 232)
    shade = 1 - .5 * np.linspace(-1, 1, 100)[None, :, None] ** 2
    return Texture((image * shade).astype(np.uint8))


def pose_at(t):
    """The camera on its mount: bobbing with the springs, shaking with the road, drifting in the lane."""
    wave = lambda *terms: sum(a * np.sin(2 * np.pi * f * t + p) for a, f, p in terms)
    return Pose(x=wave((.10, .07, 1), (.04, .21, 2)), y=1.35 + wave((.008, 1.3, 0), (.003, 3.1, 1)),
                yaw=.085 + wave((.004, .11, 0), (.0012, .9, 2)), pitch=wave((.0022, 1.25, .4), (.0009, 4.3, 1)), roll=wave((.002, .8, 0), (.0008, 3.7, 2)))


def shutter(t):
    """Seconds that the shutter is open, longer in the dark, and how many pictures are averaged into that motion blur."""
    lit = float(drive.light_at(t).ambient.mean())
    return (1 / 800, 2) if lit > .9 else (1 / 500, 2) if lit > .4 else (1 / 400, 3)


def frame(world, t):
    """The finished picture of second t."""
    rng = np.random.default_rng(int(t * 1000))  # of its own, so that frames can be made in any order
    now = drive.light_at(t)
    seconds, exposures = shutter(t)
    total = np.zeros((HEIGHT, WIDTH, 3), np.float32)
    for i in range(exposures):
        at = t + seconds * (i / (exposures - 1) - .5)
        canvas = Canvas(pose_at(at))
        world.draw(canvas, at)
        total += compose(canvas, now)
    picture = total / np.float32(exposures)
    shade, alpha = world.bonnet
    below = picture[-alpha.shape[0]:]
    below[:] = below * (1 - alpha) + shade * (now.ambient * 255 * .16 + now.haze * .10) * alpha
    return expose(rng, picture, now)


def _bonnet():
    """Our own car's bonnet at the lower edge: share of the sky it mirrors, and coverage."""
    y, x = np.mgrid[HEIGHT - 60:HEIGHT, 0:WIDTH].astype(np.float32)
    edge = HEIGHT - 52 + 46 * ((x - WIDTH * .46) / (WIDTH * .56)) ** 2
    alpha = np.clip((y - edge) / 3, 0, 1)
    shade = .75 + .9 * np.exp(-((y - edge) / 10) ** 2) + .12 * np.sin(x / 210)
    return shade[..., None], alpha[..., None]


def truth(world):
    """One line a pass: what the plate says, and from when to when it was in the picture large enough to see."""
    rows = []
    for number, m in enumerate(world.meetings, 1):
        seen, widest = [], 0.0
        for k in range(int(drive.SECONDS * drive.FPS)):
            t = k / drive.FPS
            z = m.depth(t)
            if z is None or z < 2:
                continue
            corners, _ = Canvas(pose_at(t)).project(m.car.plate_corners(z))
            width = float(np.linalg.norm(corners[1] - corners[0]))
            if width >= LEGIBLE and corners.min() >= 0 and corners[:, 0].max() < WIDTH and corners[:, 1].max() < HEIGHT - 56:
                seen.append(t)
                widest = max(widest, width)
        if seen:
            rows.append({"pass": number, "text": m.car.plate.text, "region": m.car.plate.region, "first_s": round(seen[0], 2), "last_s": round(seen[-1], 2),
                         "frames": len(seen), "widest_px": round(widest), "two_lines": bool(m.car.plate.height > .6 * m.car.plate.width)})
    return rows


def lossless(path):
    """ffmpeg, waiting for raw frames."""
    return subprocess.Popen(["ffmpeg", "-y", "-loglevel", "error", "-f", "rawvideo", "-pix_fmt", "bgr24", "-s", f"{WIDTH}x{HEIGHT}", "-r", str(drive.FPS), "-i", "-",
                             "-c:v", "libx264", "-preset", "ultrafast", "-qp", "4", path], stdin=subprocess.PIPE)


def encode(source, path, log):
    """Encodes the drive to BITRATE in two passes."""
    common = ["ffmpeg", "-y", "-loglevel", "error", "-i", source, "-c:v", "libx264", "-preset", "slower", "-b:v", BITRATE, "-g", str(drive.FPS * 8),
              "-aq-mode", "3", "-pix_fmt", "yuv420p", "-passlogfile", log]
    subprocess.run([*common, "-pass", "1", "-f", "null", "-"], check=True)
    subprocess.run([*common, "-pass", "2", "-movflags", "+faststart", path], check=True)


def render(path, jobs):
    """Renders all frames, several at a time, into a lossless video."""
    total = int(drive.SECONDS * drive.FPS)
    video = lossless(path)
    with multiprocessing.get_context("spawn").Pool(jobs, initializer=_start_worker) as pool:  # OpenCV's threads do not survive a fork
        for k, picture in enumerate(pool.imap(_frame_number, range(total), chunksize=2)):
            video.stdin.write(picture.tobytes())
            if k % (5 * drive.FPS) == 0:
                print(f"{k} of {total} frames", flush=True)
    video.stdin.close()
    if video.wait():
        raise SystemExit("ffmpeg failed")


_worker = {}


def _start_worker():
    cv2.setNumThreads(1)
    _worker["world"] = World()


def _frame_number(k):
    return frame(_worker["world"], k / drive.FPS)
