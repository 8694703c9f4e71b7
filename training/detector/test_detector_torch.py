"""What needs torch and the runtime: python -m unittest detector.test_detector_torch."""

import tempfile
import unittest
from pathlib import Path

import numpy as np
import torch

from . import augment, loss
from .crops import crop_with_plate
from .evaluate import report, suppress
from .export import verify, write_float
from .net import STRIDES, Detector, decode
from .restore import restore
from .sample import collate
from .train import mirrored


class Mirror(unittest.TestCase):
    def test_flip_and_mirrored_agree_and_keep_the_corner_order(self):
        crop = crop_with_plate((10, 20, 60, 40))
        pictures, truth = mirrored(*collate([crop_with_plate((10, 20, 60, 40))]))
        augment.flip(crop)
        np.testing.assert_array_equal(pictures[0].numpy(), crop["image"])
        np.testing.assert_allclose(truth["corners"][0, 0], crop["corners"][0])
        np.testing.assert_allclose(crop["corners"][0], [68, 20, 118, 20, 118, 40, 68, 40])


class Restore(unittest.TestCase):
    def test_an_exported_detector_computes_the_same_and_goes_on_learning(self):
        torch.manual_seed(0)
        model = Detector()
        with torch.no_grad():
            for p in model.parameters():
                p.add_(torch.randn_like(p) * 0.02)
            for m in model.modules():
                if isinstance(m, torch.nn.BatchNorm2d):
                    m.running_mean.normal_(0, 0.2)
                    m.running_var.uniform_(0.5, 2)
        x = torch.randint(0, 256, (4, 96, 128, 3), dtype=torch.uint8)
        planes = x.permute(0, 3, 1, 2).float() / 255
        with torch.no_grad():
            want = decode(model.eval()(planes))
        with tempfile.TemporaryDirectory() as folder:
            again = restore(write_float(model, Path(folder) / "d.onnx"), [x])
        for mode in (again.eval(), again.train()):  # the batch is the one that the statistics are of
            with torch.no_grad():
                torch.testing.assert_close(decode(mode(planes)), want, atol=0.05, rtol=1e-3)


class Loss(unittest.TestCase):
    def setUp(self):
        torch.manual_seed(1)
        self.model = Detector().eval()
        self.pictures, self.truth = collate([crop_with_plate((40, 40, 90, 54))])

    def test_every_plate_finds_cells_and_the_best_learns_one(self):
        maps = self.model(torch.zeros(1, 3, 96, 128))
        centres, strides = loss.cells(maps)
        for box in ((40, 40, 52, 44), (40, 40, 90, 54), (2, 2, 126, 60)):
            boxes = torch.tensor([[box]], dtype=torch.float32)
            target, _ = loss.assign(decode(maps), boxes, torch.ones(1, 1, dtype=torch.bool), centres, strides)
            self.assertAlmostEqual(target.max().item(), 1, places=5)
            self.assertLessEqual((target > 0).sum().item(), loss.TOP)

    def test_learns_one_picture(self):
        model = self.model.train()
        optimiser = torch.optim.AdamW(model.parameters(), 3e-3)
        x = self.pictures.permute(0, 3, 1, 2).float() / 255
        first = None
        for _ in range(30):
            total, _ = loss.measure(model(x), dict(self.truth))
            first = first or total.item()
            optimiser.zero_grad()
            total.backward()
            optimiser.step()
        self.assertLess(total.item(), 0.5 * first)

    def test_nothing_is_taught_inside_an_ignored_area(self):
        maps = [m.detach().requires_grad_() for m in self.model(torch.zeros(1, 3, 96, 128))]
        truth = dict(self.truth, valid=torch.zeros_like(self.truth["valid"]))
        truth["ignore"] = torch.tensor([[[-1.0, -1, 200, 200]]])
        total, _ = loss.measure(maps, truth)
        total.backward()
        self.assertEqual(sum(m.grad.abs().sum().item() for m in maps), 0)


class Export(unittest.TestCase):
    def test_graph_agrees_with_the_network(self):
        torch.manual_seed(2)
        model = Detector().eval()
        with tempfile.TemporaryDirectory() as folder:
            path = write_float(model, Path(folder) / "detector.onnx")
            verify(model, path)

    def test_decode_gives_the_box_for_untrained_corners(self):
        maps = [torch.zeros(1, 13, 96 // s, 128 // s) for s in STRIDES]
        plates = decode(maps)
        np.testing.assert_allclose(plates[..., 5:], plates[..., [1, 2, 3, 2, 3, 4, 1, 4]])


class Measures(unittest.TestCase):
    def test_suppress_keeps_the_better_of_two(self):
        plates = np.zeros((3, 13), np.float32)
        plates[:, :5] = [[0.9, 0, 0, 40, 10], [0.8, 2, 0, 42, 10], [0.7, 100, 0, 140, 10]]
        np.testing.assert_allclose(suppress(plates, 0.45)[:, 0], [0.9, 0.7], rtol=1e-6)

    def test_report_counts_by_overlap_and_threshold(self):
        plates = [(50, 0.8, 0.9, None, None), (50, 0.4, 0.9, None, None), (50, 0.8, 0.2, None, None)]
        row = report(plates, [(0.6, 30, None, None)], 2, 0.5)
        self.assertEqual((row["recall@0.5"], row["recall@0.3"], row["unlabelled/picture"]), (33.3, 66.7, 0.5))


if __name__ == "__main__":
    unittest.main()
