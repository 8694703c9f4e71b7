"""python -m unittest corners.test_corners"""
import unittest

import numpy as np

from .sample import AROUND, UNIT, cut, found, project, stand, view
from .shape import HEIGHT, WIDTH


class Geometry(unittest.TestCase):
    def setUp(self):
        self.rng = np.random.default_rng(1)

    def test_cut_puts_a_well_found_plate_in_its_place(self):
        quad = np.float32([[100, 80], [180, 90], [178, 120], [98, 108]])
        _, at = cut(np.zeros((200, 300, 3), np.uint8), quad, quad)
        edge = AROUND / (1 + 2 * AROUND)
        np.testing.assert_allclose(at, UNIT * (1 - 2 * edge) + edge, atol=1e-4)

    def test_cut_shows_what_lies_at_the_corners(self):
        image = np.zeros((200, 300, 3), np.uint8)
        image[60:90, 100:160] = 255
        quad = np.float32([[100, 60], [160, 60], [160, 90], [100, 90]])
        picture, at = cut(image, found(self.rng, quad), quad)
        inside = (at - at.mean(0)) * .85 + at.mean(0)
        outside = (at - at.mean(0)) * 1.15 + at.mean(0)
        for points, want in ((inside, 255), (outside, 0)):
            for x, y in points.clip(0, .999) * (WIDTH, HEIGHT):
                if 0 < x < WIDTH - 1 and 0 < y < HEIGHT - 1:
                    self.assertEqual(picture[int(y), int(x), 0], want)

    def test_stand_says_where_the_plate_is(self):
        scene = np.full((240, 400, 3), 40, np.uint8)
        scene[100:130, 150:250] = 200
        plate = np.full((60, 120, 3), 250, np.uint8)
        for _ in range(20):
            picture, quad = stand(self.rng, scene.copy(), np.float32([150, 100, 250, 130]), plate)
            x, y = quad.mean(0)
            self.assertGreater(picture[int(y), int(x)].mean(), 60)
            a, b = quad[1] - quad[0], quad[3] - quad[0]
            self.assertGreater(a[0] * b[1] - a[1] * b[0], 0, "the corners go clockwise from the top left")

    def test_view_keeps_the_plate_before_the_camera(self):
        for _ in range(200):
            q = project(view(self.rng, 100), (UNIT - .5) * np.float32([1, .5]))
            self.assertTrue(np.isfinite(q).all() and np.abs(q).max() < 400)


if __name__ == "__main__":
    unittest.main()
