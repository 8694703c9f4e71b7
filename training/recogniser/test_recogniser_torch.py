"""What needs torch: python -m unittest recogniser.test_recogniser_torch."""

import json
import os
import tempfile
import unittest

import numpy as np
import torch

from . import evaluate, export, restore, sets
from .heads import ColumnsOnly, Letters
from .net import TRUST, Columns, Recogniser
from .shape import PAD, SLOTS
from .train import echoed, shared


def one_of_two(worker, meet, out):
    """What shared gives worker 0 or 1 of gradients and numbers that are its own."""
    torch.distributed.init_process_group("gloo", init_method="file://" + meet, rank=worker, world_size=2)
    model = torch.nn.Linear(2, 3)
    for p in model.parameters():
        p.grad = torch.full_like(p, 1.0 + 2 * worker)
    said = shared(model, [float(worker), 1.0], 2)
    torch.save(([p.grad for p in model.parameters()], said), f"{out}{worker}")


class Together(unittest.TestCase):
    def test_workers_share_gradients_and_stop_together(self):
        with tempfile.TemporaryDirectory() as d:
            torch.multiprocessing.spawn(one_of_two, (os.path.join(d, "meet"), os.path.join(d, "out")), nprocs=2)
            for worker in range(2):
                grads, said = torch.load(os.path.join(d, f"out{worker}"), weights_only=True)
                self.assertTrue(all((g == 2).all() for g in grads))
                self.assertEqual(said, [.5, 1])
        self.assertEqual(shared(None, [.25], 1), [.25])


class Network(unittest.TestCase):
    def test_shapes_and_folding(self):
        model = Recogniser(5, refine=True).eval()
        x = torch.randint(0, 256, (2, 3, 64, 160), dtype=torch.uint8)
        with torch.no_grad():
            s, r = model(x)
            f, _ = export.fold(model)(x)
        self.assertEqual((tuple(s.shape), tuple(r.shape)), ((2, SLOTS, 37), (2, 5)))
        self.assertLess((s - f).abs().max().item(), 1e-3)

    def test_export_tells_nothing_of_the_machine(self):
        with tempfile.TemporaryDirectory() as d:
            path = os.path.join(d, "reader.onnx")
            export.write_onnx(export.Served(export.fold(Recogniser(5, refine=True, columns=True)), 1.0, 1.0), path)
            with open(path, "rb") as f:
                self.assertNotIn(os.path.dirname(os.path.abspath(export.__file__)).encode(), f.read())
            slots, region = evaluate.onnx_model(path)(np.zeros((2, 64, 160, 3), np.uint8))
        self.assertEqual((slots.shape, region.shape), ((2, SLOTS, 37), (2, 5)))


class Echo(unittest.TestCase):
    def test_each_batch_comes_twice_as_the_stem_saw_it(self):
        model = Recogniser(5).eval()
        x = torch.randint(0, 256, (3, 2, 3, 64, 160), dtype=torch.uint8)
        got = list(echoed(((b, i) for i, b in enumerate(x)), model.strokes, hold=1))
        self.assertEqual([i for _, i in got], [0, 1, 0, 2, 1])
        with torch.no_grad():
            self.assertTrue(torch.allclose(model.learn(got[2][0], None)[0], model(x[0])[0], atol=1e-5))


class Restore(unittest.TestCase):
    def test_an_exported_reader_computes_the_same_and_goes_on_learning(self):
        torch.manual_seed(1)
        model = Recogniser(len(sets.regions()), refine=True, columns=True)
        with torch.no_grad():
            for p in model.parameters():
                p.add_(torch.randn_like(p) * .05)
            for m in model.modules():
                if isinstance(m, torch.nn.BatchNorm2d):
                    m.running_mean.normal_(0, .3)
                    m.running_var.uniform_(.5, 2)
        x = torch.randint(0, 256, (64, 3, 64, 160), dtype=torch.uint8)
        with torch.no_grad():
            want = model.eval()(x)[0]
        with tempfile.TemporaryDirectory() as d:
            path = os.path.join(d, "reader.onnx")
            export.write_onnx(export.Served(export.fold(model), 1.0, 1.0), path)
            export.write_int8(path, os.path.join(d, "reader-int8.onnx"), x.permute(0, 2, 3, 1).numpy()[:16])
            with open(os.path.join(d, "manifest.json"), "w") as f:
                json.dump(dict(version=1, reader=dict(file="reader.onnx", training=dict(steps=7, samples=900, seed=3))), f)
            c = restore.checkpoint(path, x)
            rough = restore.model(os.path.join(d, "reader-int8.onnx"))
        self.assertEqual((c["step"], c["samples"], c["args"]["seed"]), (7, 900, 3))
        again = Recogniser(**c["config"])
        again.load_state_dict(c["model"])
        for mode in (again.eval(), again.train()):  # the batch's statistics are the restored ones, as it is the same batch
            with torch.no_grad():
                self.assertLess((mode(x)[0] - want).abs().max().item(), .02)
        with torch.no_grad():
            self.assertLess((rough(x)[0] - want).abs().mean().item(), .2)

    def test_a_file_of_another_network_is_refused(self):
        with tempfile.TemporaryDirectory() as d:
            path = os.path.join(d, "other.onnx")
            torch.onnx.export(torch.nn.Linear(2, 2), (torch.zeros(1, 2),), path, dynamo=True, external_data=False, verbose=False)
            with self.assertRaisesRegex(ValueError, "other.onnx is no exported reader"):
                restore.model(path)


class Heads(unittest.TestCase):
    x = torch.randint(0, 256, (2, 3, 64, 160), dtype=torch.uint8)

    def test_columns_merge_runs_and_keep_doubles(self):
        model = ColumnsOnly(5).eval()
        read = [PAD, 10, 10, PAD, 7, PAD, 7, 7] + [PAD] * 12  # A 7 7
        columns = torch.full((1, 20, 37), -9.0)
        columns[0, range(20), read] = 9.0
        model.forward = lambda x: (columns, torch.zeros(1, 5))
        slots, _ = model.posterior(None)
        self.assertEqual(slots.argmax(-1)[0].tolist(), [10, 7, 7] + [PAD] * 7)
        self.assertTrue(torch.allclose(slots.sum(-1), torch.ones(1, SLOTS), atol=1e-4))
        y = torch.tensor([[10, 7, 7] + [PAD] * 7, [-100] * SLOTS])
        one = torch.ones(2, dtype=torch.bool)
        self.assertLess(Columns.loss(columns.expand(2, -1, -1), y, one).item(), .01)
        self.assertGreater(Columns.loss(columns.expand(2, -1, -1), y.flip(1), one).item(), 1)
        self.assertEqual(Columns.loss(columns.expand(2, -1, -1), y, ~one).item(), 0)

    def test_columns_count(self):
        read = [PAD, 10, 10, PAD, 7, PAD, 7, 3] + [PAD] * 12  # A 7 7 3
        columns = torch.full((1, 20, 37), -9.0)
        columns[0, range(20), read] = 9.0
        told = Columns.count(columns)[0]
        self.assertEqual(told[:4, :PAD].argmax(-1).tolist(), [10, 7, 7, 3])
        self.assertEqual((told[:, PAD] > .5).tolist(), [True] * 4 + [False] * 6)
        self.assertEqual(Columns.believed(told).argmax(-1).tolist(), [10, 7, 7, 3] + [PAD] * 6)

    def test_columns_can_be_added_to_what_was_learned_without(self):
        old, new = Recogniser(5, refine=True).eval(), Recogniser(5, refine=True, columns=True).eval()
        missing, unexpected = new.load_state_dict(old.state_dict(), strict=False)
        self.assertTrue(missing and not unexpected and all(k.startswith(("columns", "told")) for k in missing))
        with torch.no_grad():
            slots, columns, _ = new.read(new.tokens(self.x))
        self.assertEqual(tuple(columns.shape), (2, 20, 37))
        with torch.no_grad():
            slots -= TRUST * Columns.believed(Columns.count(columns))
            self.assertTrue(torch.allclose(old(self.x)[0], slots, atol=1e-5))

    def test_a_letter_knows_those_before_it_and_none_after(self):
        model = Letters(5).eval()
        y = torch.tensor([[10, 7, 7] + [PAD] * 7])
        with torch.no_grad():
            a = model.learn(self.x[:1], y)[0]
            y[0, 2] = 3
            b = model.learn(self.x[:1], y)[0]
        self.assertTrue(torch.allclose(a[0, :3], b[0, :3], atol=1e-5))
        self.assertFalse(torch.allclose(a[0, 3], b[0, 3], atol=1e-5))
        self.assertEqual(tuple(model.posterior(self.x)[0].shape), (2, SLOTS, 37))


if __name__ == "__main__":
    unittest.main()
