"""python -m unittest corners.test_corners_torch"""
import unittest

import torch

from .net import Corners
from .shape import BEYOND, HEIGHT, WIDTH


class Network(unittest.TestCase):
    def test_corners_lie_within_reach(self):
        corners, spread = Corners().eval()(torch.zeros(2, 3, HEIGHT, WIDTH, dtype=torch.uint8))
        self.assertEqual(corners.shape, (2, 4, 2))
        self.assertTrue(((corners >= -BEYOND) & (corners <= 1 + BEYOND)).all())
        self.assertTrue((spread >= 0).all())


if __name__ == "__main__":
    unittest.main()
