"""A pinhole camera and the one thing it draws: textured rectangles in space.

World axes: x right, y up, z forward along the road, metres; the camera's foot is at the origin. Every rectangle goes into
three buffers at once, which light.py turns into a picture: albedo (what the surface reflects), emit (what shines by
itself) and depth (metres along z).
"""
from dataclasses import dataclass

import cv2
import numpy as np

WIDTH, HEIGHT = 1280, 720
FOCAL = 2200.0  # pixels: a lens of 32 degrees, as plate cameras have
NEAR = 1.2      # metres: nothing closer is drawn
HORIZON_ROW = 300.0


@dataclass
class Pose:
    """Where the camera is in its car and where it looks; angles in radians, positive to the right and upwards."""
    x: float = 0.0
    y: float = 1.35
    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0


class Texture:
    """A picture with coverage, colour premultiplied, and its smaller versions; `emit` is what of it shines by itself."""

    def __init__(self, colour, alpha=None, emit=None):
        alpha = np.full(colour.shape[:2], 255, np.uint8) if alpha is None else alpha
        a = alpha.astype(np.float32)[..., None] / 255
        layers = [np.dstack([(colour * a).astype(np.uint8), alpha])]
        shine = None if emit is None else [(emit * a).astype(np.uint8)]
        while min(layers[-1].shape[:2]) > 3:
            layers.append(_half(layers[-1]))
            if shine is not None:
                shine.append(_half(shine[-1]))
        self.layers, self.shine = layers, shine

    def level(self, texels_per_pixel):
        """Index of the version whose texels are about as large as pixels."""
        return int(np.clip(round(np.log2(max(texels_per_pixel, 1e-6)) - .15), 0, len(self.layers) - 1))


def _half(image):
    h, w = image.shape[:2]
    return cv2.resize(image, (max(1, w // 2), max(1, h // 2)), interpolation=cv2.INTER_AREA)


class Canvas:
    """The three buffers of one exposure, seen from one pose."""

    def __init__(self, pose):
        self.albedo = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
        self.emit = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
        self.depth = np.full((HEIGHT, WIDTH), 1e4, np.float32)
        self.retro = np.zeros((HEIGHT, WIDTH), np.uint8)
        self.glow = 1.0  # how bright what shines by itself is at this time of day
        self.centre = np.array([pose.x, pose.y, 0.0])
        self.rotation = _rotation(pose)
        self.k = np.array([[FOCAL, 0, WIDTH / 2], [0, -FOCAL, HORIZON_ROW], [0, 0, 1.0]])
        self.to_world = self.rotation.T @ np.linalg.inv(self.k)

    def project(self, points):
        """Pixels and depths of world points, [N, 3] → [N, 2], [N]."""
        p = (np.asarray(points, float) - self.centre) @ self.rotation.T @ self.k.T
        return p[:, :2] / p[:, 2:], p[:, 2]

    def rectangle(self, texture, origin, along, up, span=(0.0, 1.0), retro=0, opacity=1.0, glow=None):
        """Draws the texture from origin (its lower left corner) along two edge vectors; span is the part of `along` to draw.

        retro, 0..255, is how strongly the surface sends headlights' light back; glow replaces the canvas's own.
        """
        span = self._in_front(np.asarray(origin, float), np.asarray(along, float), np.asarray(up, float), span)
        if span is None:
            return
        origin = np.asarray(origin, float) + np.asarray(along, float) * span[0]
        along = np.asarray(along, float) * (span[1] - span[0])
        up = np.asarray(up, float)
        corners, depth = self.project([origin, origin + along, origin + along + up, origin + up])
        low, high = corners.min(0), corners.max(0)
        x0, y0 = max(0, int(low[0]) - 1), max(0, int(low[1]) - 1)
        x1, y1 = min(WIDTH, int(high[0]) + 2), min(HEIGHT, int(high[1]) + 2)
        if x1 <= x0 or y1 <= y0 or depth.min() <= 0:
            return
        self._paste(texture, span, corners, (origin, along, up), (x0, y0, x1, y1), retro, opacity, self.glow if glow is None else glow)

    def _in_front(self, origin, along, up, span):
        """The part of span in front of the camera, or None; edges upwards never cross the near plane."""
        forward = self.rotation[2]
        z = [float(min(forward @ (origin + along * s - self.centre), forward @ (origin + up + along * s - self.centre))) for s in span]
        if max(z) <= NEAR:
            return None
        s0, s1 = span
        if z[0] < NEAR:
            s0 = span[0] + (span[1] - span[0]) * (NEAR - z[0]) / (z[1] - z[0])
        if z[1] < NEAR:
            s1 = span[0] + (span[1] - span[0]) * (NEAR - z[0]) / (z[1] - z[0])
        return (s0, s1) if s1 - s0 > 1e-4 else None

    def _paste(self, texture, span, corners, plane, box, retro, opacity, glow):
        x0, y0, x1, y1 = box
        full = texture.layers[0].shape
        across = max(np.linalg.norm(corners[1] - corners[0]), np.linalg.norm(corners[2] - corners[3]), 1e-3)
        tall = max(np.linalg.norm(corners[3] - corners[0]), np.linalg.norm(corners[2] - corners[1]), 1e-3)
        level = texture.level(max(full[1] * (span[1] - span[0]) / across, full[0] / tall))
        layer = texture.layers[level]
        h, w = layer.shape[:2]
        source = np.float32([[span[0] * w, h], [span[1] * w, h], [span[1] * w, 0], [span[0] * w, 0]]) - .5
        transform = cv2.getPerspectiveTransform(source, (corners - [x0, y0]).astype(np.float32))
        size = (x1 - x0, y1 - y0)
        warp = lambda image: cv2.warpPerspective(image, transform, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
        patch = warp(layer)
        inside = None
        if tuple(span) != (0.0, 1.0):  # the texture goes on beyond the part that is drawn
            inside = np.zeros(size[::-1], np.uint8)
            cv2.fillConvexPoly(inside, np.round((corners - [x0, y0]) * 16).astype(np.int32), 255, cv2.LINE_AA, 4)
            patch = cv2.multiply(patch, cv2.merge([inside] * 4), scale=1 / 255)
        if opacity < 1:
            patch = cv2.convertScaleAbs(patch, alpha=opacity)
        alpha = patch[..., 3]
        keep = cv2.merge([255 - alpha] * 3)
        view = (slice(y0, y1), slice(x0, x1))
        self.albedo[view] = cv2.add(cv2.multiply(self.albedo[view], keep, scale=1 / 255), patch[..., :3])
        self.emit[view] = cv2.multiply(self.emit[view], keep, scale=1 / 255)
        if texture.shine is not None and glow > 0:
            shine = cv2.convertScaleAbs(warp(texture.shine[level]), alpha=glow)
            if inside is not None:
                shine = cv2.multiply(shine, cv2.merge([inside] * 3), scale=1 / 255)
            self.emit[view] = cv2.add(self.emit[view], shine)
        solid = cv2.threshold(alpha, 127, 255, cv2.THRESH_BINARY)[1]
        cv2.copyTo(self._depth(plane, box), solid, self.depth[view])
        self.retro[view][solid > 0] = retro

    def _depth(self, plane, box):
        """Depth of each pixel of the box on the plane through origin with the two edges."""
        origin, along, up = plane
        x0, y0, x1, y1 = box
        normal = np.cross(along, up)
        n = self.to_world.T @ normal / (normal @ (origin - self.centre))  # 1 / depth is linear across the picture
        row = (n[0] * np.arange(x0, x1) + n[2]).astype(np.float32)
        column = (n[1] * np.arange(y0, y1)).astype(np.float32)
        return 1 / np.clip(row[None, :] + column[:, None], 1e-4, 1 / NEAR)


def _rotation(pose):
    cy, sy, cp, sp, cr, sr = np.cos(pose.yaw), np.sin(pose.yaw), np.cos(pose.pitch), np.sin(pose.pitch), np.cos(pose.roll), np.sin(pose.roll)
    yaw = np.array([[cy, 0, -sy], [0, 1, 0], [sy, 0, cy]])
    pitch = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    roll = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    return roll @ pitch @ yaw
