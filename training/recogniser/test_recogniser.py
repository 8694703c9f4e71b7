"""What needs neither torch nor data: python -m unittest recogniser.test_recogniser."""

import json
import os
import re
import tempfile
import time
import unittest

import cv2
import numpy as np

from . import calibrate, evaluate, judge, sets
from .clock import clock
from .degrade import degrade
from .plates import Cache
from .shape import PAD, SLOTS
from .texts import encode, rarity
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


class ByEye(unittest.TestCase):
    def test_what_a_person_read_counts_first(self):
        boxes = [[10, 20, 80, 20], [110, 20, 80, 20], [10, 60, 80, 20]]
        with tempfile.TemporaryDirectory() as d:
            os.makedirs(os.path.join(d, "us_road", "images"))
            cv2.imwrite(os.path.join(d, "us_road", "images", "a.jpg"), np.zeros((100, 200, 3), np.uint8))
            with open(os.path.join(d, "us_road", "labels.jsonl"), "w") as f:
                plates = [dict(box=boxes[0], text="AB0"), dict(box=boxes[1]), dict(box=boxes[2], text="CD1")]
                f.write(json.dumps(dict(image="images/a.jpg", plates=plates)) + "\n")
            eye = os.path.join(d, "eye.jsonl")

            def label(**more):
                with open(eye, "w") as f:
                    for box, text in zip(boxes, ("ABO", "XY9", "")):
                        f.write(json.dumps({"set": "us_road", "image": "images/a.jpg", "box": box, "text": text, "who": "me", "how": "looked", **more}) + "\n")

            label()
            self.assertEqual([c.text for c in sets.boxed(d, "us_road", seen=sets.by_eye(eye))], ["ABO", "XY9"])
            self.assertEqual([c.text for c in sets.boxed(d, "us_road", seen=sets.by_eye(None))], ["AB0", "CD1"])
            label(who="")
            with self.assertRaisesRegex(ValueError, "say who"):
                sets.by_eye(eye)


class Clock(unittest.TestCase):
    def test_minutes_and_time_of_day(self):
        now = time.time()
        self.assertAlmostEqual(clock("+2") - now, 120, delta=1)
        self.assertTrue(0 < clock(time.strftime("%H:%M", time.gmtime(now + 120))) - now <= 120)
        self.assertGreater(clock(time.strftime("%H:%M", time.gmtime(now - 120))) - now, 86000)


class Figures(unittest.TestCase):
    def test_at_wrong(self):
        confidence, right = np.array([.9, .8, .7, .6]), np.array([1, 1, 0, 1])
        self.assertEqual(evaluate.at_wrong(confidence, right, 0), .5)
        self.assertEqual(evaluate.at_wrong(confidence, right, .25), .75)

    def test_platt_recovers_the_curve(self):
        rng = np.random.default_rng(0)
        logit = rng.normal(0, 2, 20000)
        right = rng.random(20000) < 1 / (1 + np.exp(-(.7 * logit + .4)))
        a, b = calibrate.platt(np.log(1 / (1 + np.exp(-logit))), right)
        self.assertAlmostEqual(a, .7, delta=.05)
        self.assertAlmostEqual(b, .4, delta=.06)

    def test_two_readers_agree_by_their_geometric_mean(self):
        p, q = np.float32([[.9, .1], [.5, .5]]), np.float32([[.1, .9], [.9, .1]])
        mean = calibrate.geometric(p, q, .5)
        np.testing.assert_allclose(mean, [[.5, .5], [.75, .25]], atol=1e-6)
        self.assertGreater(calibrate.geometric(p, q)[0, 0], .6)  # the first counts for more

    def test_region_threshold(self):
        p, right = np.array([.3, .5, .9, .95]), np.array([False, False, True, True])
        self.assertGreater(calibrate.region_threshold(p, right, wrong=.01), .5)


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


if __name__ == "__main__":
    unittest.main()
