"""What needs neither torch nor data: python -m unittest detector.test_detector."""

import unittest

import numpy as np

from . import augment
from .crops import crop_with_plate


class Cut(unittest.TestCase):
    def test_negative_plate(self):
        rng, plate = np.random.default_rng(0), np.full((20, 60, 3), (200, 220, 240), np.uint8)
        self.assertIs(augment.negative(plate, rng, 0), plate)
        self.assertTrue((augment.negative(plate, rng, 1) < 60).all())

    def test_plate_stays_under_its_box(self):
        picture = np.full((300, 400, 3), 90, np.uint8)
        picture[120:160, 200:300] = 255
        half = np.ascontiguousarray(picture[::2, ::2])
        boxes = np.array([[200, 120, 300, 160]], np.float32)
        for scale in ((1.5, 1.5), (0.6, 0.6), (0.3, 0.3), (0.8, 1.1)):
            crop = augment.cut(picture, lambda: half, boxes, np.zeros((0, 4), np.float32), (128, 192), (250, 140), scale)
            x1, y1, x2, y2 = crop["boxes"][0]
            columns = np.flatnonzero(crop["image"][64, :, 0] > 170)
            rows = np.flatnonzero(crop["image"][:, 96, 0] > 170)
            for got, want in ((columns[0], x1), (columns[-1] + 1, x2), (rows[0], y1), (rows[-1] + 1, y2)):
                self.assertAlmostEqual(got, want, delta=1.5, msg=str(scale))


class Light(unittest.TestCase):
    def test_an_over_exposed_picture_is_lighter(self):
        image = np.random.default_rng(0).integers(0, 256, (40, 60, 3)).astype(np.uint8)
        for seed in range(5):
            washed = augment.wash(image, np.random.default_rng(seed))
            self.assertEqual((washed.shape, washed.dtype), (image.shape, image.dtype))
            self.assertTrue((washed >= image).all())


class Paste(unittest.TestCase):
    def test_corners_lie_on_the_pasted_plate(self):
        plate = np.full((60, 240, 3), 200, np.uint8)
        plate[:, :, 2] = 0  # cyan: nothing else in the picture is
        for seed in range(20):
            crop = crop_with_plate((40, 40, 90, 54))
            crop["image"][40:54, 40:90:2] = 20  # characters
            self.assertTrue(augment.paste(crop, plate, 0, np.random.default_rng(seed)))
            image = crop["image"].astype(int)
            ys, xs = np.nonzero(image[..., 0] - image[..., 2] > 30)
            hull = crop["boxes"][0]
            self.assertLess(np.abs(np.array([xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]) - hull).max(), 4, seed)


class Settle(unittest.TestCase):
    def test_cut_off_and_tiny_plates_are_ignored(self):
        crop = crop_with_plate((100, 20, 120, 30))
        crop["boxes"] = np.array([[100, 20, 120, 30], [110, 50, 160, 62], [10, 10, 16, 12], [300, 10, 340, 20]], np.float32)
        crop["corners"] = np.zeros((4, 8), np.float32)
        crop["known"] = np.zeros(4, bool)
        augment.settle(crop)
        np.testing.assert_array_equal(crop["boxes"], [[100, 20, 120, 30]])
        self.assertEqual(len(crop["ignore"]), 2)


if __name__ == "__main__":
    unittest.main()
