"""Every issuer renders: ALPR_PLATE_FONTS=DIR python -m unittest render.fonts_test (not found by discovery: typefaces are no part of this repository)."""

import unittest

import numpy as np

from recogniser import sets

from . import render


class Issuers(unittest.TestCase):
    def test_every_issuer_renders(self):
        rng = np.random.default_rng(0)
        for region in sets.regions()[:-1]:
            p = render(rng, region)
            self.assertEqual(p.region, region)
            self.assertRegex(p.text, r"^[0-9A-Z]{1,10}$")
            self.assertTrue(256 <= p.image.shape[1] <= 400, p.image.shape)


if __name__ == "__main__":
    unittest.main()
