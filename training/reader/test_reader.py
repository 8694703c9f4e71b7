"""python -m unittest reader.test_reader (needs no data; the renderer's part needs ALPR_PLATE_FONTS)."""
import json
import os
import re
import tempfile
import time
import unittest

import cv2
import numpy as np
import torch

from . import evaluate, export, judge, restore, sets
from .degrade import degrade
from .heads import ColumnsOnly, Letters
from .net import PAD, SLOTS, TRUST, Columns, Reader
from .stream import Cache, encode, rarity
from .train import clock, echoed, shared
from .transplant import sharpness, transplant


class Text(unittest.TestCase):
    def test_encode(self):
        self.assertEqual(encode("A0"), [10, 0] + [PAD] * (SLOTS - 2))
        self.assertEqual(encode(""), [-100] * SLOTS)

    def test_rare_characters_come_more_often(self):
        odds = np.diff(rarity(["AA1"] * 8 + ["AQ1"] + [""]), prepend=0)
        self.assertAlmostEqual(odds.sum(), 1)
        self.assertGreater(odds[8], 2.5 * odds[0])

    def test_near(self):
        for a, b, want in (("AB1", "AB1", False), ("AB1", "AB7", True), ("AB1", "A1", True), ("AB1", "AB1C", True), ("AB1", "CD1", False)):
            self.assertEqual(sets.near(a, b), want, (a, b))


class Held(unittest.TestCase):
    def test_no_host_is_a_held_out_car(self):
        data = [("a.jpg", "AB123CD"), ("b.jpg", "AB123CO"), ("b.jpg", "XY99ZZZ"), ("c.jpg", "AB123CD")]
        with tempfile.TemporaryDirectory() as d:
            for name in ("incar_romania", "world_433", "world_openimages", "street_openimages"):
                os.makedirs(os.path.join(d, name, "images"))
                with open(os.path.join(d, name, "labels.jsonl"), "w") as f:
                    for image, text in data if name == "incar_romania" else []:
                        x = 10 if text.startswith("AB") else 110
                        f.write(json.dumps(dict(image="images/" + image, plates=[dict(box=[x, 20, 80, 20], text=text)])) + "\n")
                        cv2.imwrite(os.path.join(d, name, "images", image), np.zeros((60, 200, 3), np.uint8))
            with open(os.path.join(d, "holdout.json"), "w") as f:
                json.dump(dict(images=["images/a.jpg"]), f)
            found = sets.hosts(d, os.path.join(d, "holdout.json"), d)
            self.assertEqual([(c.name, c.text) for c in found], [("images/b.jpg", "XY99ZZZ")])
            self.assertEqual(sets.hosts(d, os.path.join(d, "holdout.json"), None), [])


class Clock(unittest.TestCase):
    def test_minutes_and_time_of_day(self):
        now = time.time()
        self.assertAlmostEqual(clock("+2") - now, 120, delta=1)
        self.assertTrue(0 < clock(time.strftime("%H:%M", time.gmtime(now + 120))) - now <= 120)
        self.assertGreater(clock(time.strftime("%H:%M", time.gmtime(now - 120))) - now, 86000)


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


class Figures(unittest.TestCase):
    def test_at_wrong(self):
        confidence, right = np.array([.9, .8, .7, .6]), np.array([1, 1, 0, 1])
        self.assertEqual(evaluate.at_wrong(confidence, right, 0), .5)
        self.assertEqual(evaluate.at_wrong(confidence, right, .25), .75)

    def test_platt_recovers_the_curve(self):
        rng = np.random.default_rng(0)
        logit = rng.normal(0, 2, 20000)
        right = rng.random(20000) < 1 / (1 + np.exp(-(.7 * logit + .4)))
        a, b = export.platt(np.log(1 / (1 + np.exp(-logit))), right)
        self.assertAlmostEqual(a, .7, delta=.05)
        self.assertAlmostEqual(b, .4, delta=.06)

    def test_two_readers_agree_by_their_geometric_mean(self):
        p, q = np.float32([[.9, .1], [.5, .5]]), np.float32([[.1, .9], [.9, .1]])
        mean = export.geometric(p, q, .5)
        np.testing.assert_allclose(mean, [[.5, .5], [.75, .25]], atol=1e-6)
        self.assertGreater(export.geometric(p, q)[0, 0], .6)  # the first counts for more

    def test_region_threshold(self):
        p, right = np.array([.3, .5, .9, .95]), np.array([False, False, True, True])
        self.assertGreater(export.region_threshold(p, right, wrong=.01), .5)


class Network(unittest.TestCase):
    def test_shapes_and_folding(self):
        model = Reader(5, refine=True).eval()
        x = torch.randint(0, 256, (2, 3, 64, 160), dtype=torch.uint8)
        with torch.no_grad():
            s, r = model(x)
            f, _ = export.fold(model)(x)
        self.assertEqual((tuple(s.shape), tuple(r.shape)), ((2, SLOTS, 37), (2, 5)))
        self.assertLess((s - f).abs().max().item(), 1e-3)

    def test_export_tells_nothing_of_the_machine(self):
        with tempfile.TemporaryDirectory() as d:
            path = os.path.join(d, "reader.onnx")
            export.write_onnx(export.Served(export.fold(Reader(5, refine=True, columns=True)), 1.0, 1.0), path)
            with open(path, "rb") as f:
                self.assertNotIn(os.path.dirname(os.path.abspath(export.__file__)).encode(), f.read())
            slots, region = evaluate.onnx_model(path)(np.zeros((2, 64, 160, 3), np.uint8))
        self.assertEqual((slots.shape, region.shape), ((2, SLOTS, 37), (2, 5)))


class Echo(unittest.TestCase):
    def test_each_batch_comes_twice_as_the_stem_saw_it(self):
        model = Reader(5).eval()
        x = torch.randint(0, 256, (3, 2, 3, 64, 160), dtype=torch.uint8)
        got = list(echoed(((b, i) for i, b in enumerate(x)), model.strokes, hold=1))
        self.assertEqual([i for _, i in got], [0, 1, 0, 2, 1])
        with torch.no_grad():
            self.assertTrue(torch.allclose(model.learn(got[2][0], None)[0], model(x[0])[0], atol=1e-5))


class Restore(unittest.TestCase):
    def test_an_exported_reader_computes_the_same_and_goes_on_learning(self):
        torch.manual_seed(1)
        model = Reader(len(sets.regions()), refine=True, columns=True)
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
        again = Reader(**c["config"])
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
        old, new = Reader(5, refine=True).eval(), Reader(5, refine=True, columns=True).eval()
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


class Pictures(unittest.TestCase):
    def test_degrade_keeps_shape(self):
        rng = np.random.default_rng(0)
        plate = rng.integers(0, 256, (60, 200, 3)).astype(np.uint8)
        for _ in range(50):
            out = degrade(rng, plate, [[0, 0], [200, 0], [200, 60], [0, 60]], 3.3, backdrop=np.zeros((2, 2, 3), np.uint8))
            self.assertEqual((out.shape, out.dtype), ((64, 160, 3), np.uint8))

    def test_a_transplant_looks_as_what_it_replaces(self):
        rng = np.random.default_rng(0)
        plate = np.full((80, 240, 3), 250, np.uint8)
        cv2.putText(plate, "ABC 123", (10, 58), cv2.FONT_HERSHEY_SIMPLEX, 1.7, (0, 0, 0), 6, cv2.LINE_AA)
        real = np.full((40, 120, 3), 250, np.uint8)
        cv2.putText(real, "XY 7890", (4, 29), cv2.FONT_HERSHEY_SIMPLEX, .9, (0, 0, 0), 3, cv2.LINE_AA)
        real = cv2.GaussianBlur(real, (0, 0), 1.2) * np.float32([.5, .3, .6]) + 20  # a blurred plate in pink dusk
        scene = np.full((90, 200, 3), 40, np.uint8)
        scene[20:60, 30:150] = real
        out = transplant(rng, scene, [[30, 20], [150, 20], [150, 60], [30, 60]], plate)
        self.assertTrue((out[70:] == 40).all() and (scene[20:60, 30:150] == real.astype(np.uint8)).all())
        drawn = out[20:60, 30:150].astype(np.float32)
        self.assertGreater(np.abs(drawn - real).mean(), 10)  # other characters
        for c in range(3):
            self.assertLess(np.abs(np.percentile(drawn[..., c], (5, 50, 95)) - np.percentile(real[..., c], (5, 50, 95))).max(), 15)
        self.assertLess(abs(np.log(sharpness(drawn) / sharpness(real))), .5)
        self.assertIsNone(transplant(rng, scene, [[0, 0], [20, 0], [20, 6], [0, 6]], plate))
        self.assertIsNone(transplant(rng, np.full_like(scene, 90), [[30, 20], [150, 20], [150, 60], [30, 60]], plate))

    def test_a_judging_picture_holds_the_serials_asked_for(self):
        plate = np.full((80, 240, 3), 250, np.uint8)
        cv2.putText(plate, "B 12 ABC", (10, 58), cv2.FONT_HERSHEY_SIMPLEX, 1.5, (0, 0, 0), 6, cv2.LINE_AA)
        scene = np.full((90, 400, 3), 40, np.uint8)
        quads = [np.float32([[x, 20], [x + 120, 20], [x + 120, 60], [x, 60]]) for x in (30, 230)]
        scene[20:60, 30:150] = cv2.resize(plate, (120, 40))  # the other place is bare: nothing can be told from it

        class Drawn:
            texts = ["12345", "B12ABC"]

            def like(self, rng, aspect, region):
                return plate, self.texts[rng.integers(len(self.texts))], region, aspect, True

        rng, drawn = np.random.default_rng(0), Drawn()
        image, plates = judge.stage(rng, scene, quads, drawn, re.compile(r"B\d\d[A-Z]{3}"))
        self.assertEqual(plates, [dict(box=[30, 20, 120, 40], text="B12ABC", region="RO")])
        self.assertTrue((image[:, 200:] == 40).all() and (image[20:60, 30:150] != scene[20:60, 30:150]).any())
        with self.assertRaisesRegex(ValueError, "render more"):
            judge.stage(rng, scene, quads, drawn, re.compile("no such text"))

    def test_the_cache_finds_plates_of_a_shape(self):
        with tempfile.TemporaryDirectory() as d:
            np.save(os.path.join(d, "a.npy"), np.zeros((3, 80, 240, 3), np.uint8))
            with open(os.path.join(d, "a.json"), "w") as f:
                json.dump([["A1", "RO", 4.7, "eu"], ["B2", "DE", 4.6, "eu"], ["C3", "RO", 1.3, "eu-2"]], f)
            cache, rng = Cache([d]), np.random.default_rng(0)
            cache.look()
            self.assertEqual({cache.like(rng, 4.65)[1] for _ in range(30)}, {"A1", "B2"})
            self.assertEqual({cache.like(rng, 4.65, "RO")[1] for _ in range(30)}, {"A1"})
            self.assertEqual(cache.like(rng, 1.3, "DE")[1:], ("C3", "RO", 1.3, False))
            self.assertIsNone(cache.like(rng, 2.2))

    @unittest.skipUnless(os.environ.get("ALPR_PLATE_FONTS"), "no typefaces")
    def test_every_issuer_renders(self):
        from render import render
        rng = np.random.default_rng(0)
        for region in sets.regions()[:-1]:
            p = render(rng, region)
            self.assertEqual(p.region, region)
            self.assertRegex(p.text, r"^[0-9A-Z]{1,10}$")
            self.assertTrue(256 <= p.image.shape[1] <= 400, p.image.shape)


if __name__ == "__main__":
    unittest.main()
