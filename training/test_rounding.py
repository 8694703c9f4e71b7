"""Tests of the rounding of weights: numpy alone."""
import unittest

import numpy as np

import rounding


def worst(q):
    """The largest sum of two neighbours of one sign."""
    q = q.astype(int)
    pairs = np.concatenate([q, np.zeros((len(q), q.shape[1] % 2), int)], 1).reshape(len(q), -1, 2)
    return max(int(np.clip(signed, 0, None).sum(-1).max()) for signed in (pairs, -pairs))


class Rounding(unittest.TestCase):
    def setUp(self):
        rng = np.random.default_rng(4)
        mix = rng.standard_normal((20, 61))
        self.x = np.maximum(rng.standard_normal((4000, 20)) @ mix, 0)  # what reaches a layer goes together
        self.second = self.x.T @ self.x / len(self.x)
        self.w = rng.standard_normal((20, 61)) * np.exp(rng.standard_normal((20, 1)))

    def made(self, q, scale):
        """The error of what the inputs make, as a share."""
        off = self.x @ (self.w - q * scale[:, None]).T
        return np.linalg.norm(off) / np.linalg.norm(self.x @ self.w.T)

    def test_bound_is_kept(self):
        for second in (None, self.second):
            q, _, _ = rounding.quantise(self.w, second)
            self.assertLessEqual(worst(q), rounding.BOUND)
            self.assertLessEqual(int(np.abs(q.astype(int)).max()), rounding.REACH)

    def test_rounding_by_inputs_errs_less(self):
        plain = self.made(*rounding.quantise(self.w)[:2])
        q, scale, said = rounding.quantise(self.w, self.second)
        self.assertLess(self.made(q, scale), .85 * plain)
        self.assertAlmostEqual(self.made(q, scale), said, places=4)

    def test_inputs_that_go_alone_change_little(self):
        q, scale, _ = rounding.quantise(self.w, np.eye(61))
        plain, own, _ = rounding.quantise(self.w)
        off = np.linalg.norm(self.w - q * scale[:, None]) / np.linalg.norm(self.w - plain * own[:, None])
        self.assertLess(off, 1.001)

    def test_pairs_move_as_little_as_they_must(self):
        for pair, want in (([100, 60], [84, 44]), ([100, -60], [100, -60]), ([-120, -10], [-119, -9]), ([200, 0], [127, 0]), ([127, 3], [126, 2])):
            np.testing.assert_allclose(rounding.project(np.float64([[pair]]))[0, 0], want)


if __name__ == "__main__":
    unittest.main()
