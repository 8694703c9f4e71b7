"""When a run ends, and the learning rate on the way there."""

import time


def schedule(now, start, end, fall, warm=60.0):
    """Learning-rate factor at a time in seconds (or a number of samples)."""
    return min(1.0, (now - start) / warm + .02) * min(1.0, max(0.0, (end - now) / (fall * (end - start))))


def clock(text):
    """Seconds since the epoch of the next HH:MM (UTC), or of +N minutes from now."""
    if text.startswith("+"):
        return time.time() + 60 * float(text[1:])
    h, m = map(int, text.split(":"))
    now = time.time()
    day = now - now % 86400
    t = day + h * 3600 + m * 60
    return t if t > now else t + 86400
