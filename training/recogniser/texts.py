"""Texts as the network learns them."""

import re
from collections import Counter

import numpy as np

from .shape import ALPHABET, PAD, SLOTS

INDEX = {c: i for i, c in enumerate(ALPHABET)}


def encode(text):
    """Slot targets of a text; -100 (not counted) everywhere where the text is not known."""
    if not text:
        return [-100] * SLOTS
    return ([INDEX[c] for c in text[:SLOTS]] + [PAD] * SLOTS)[:SLOTS]


def rarity(texts):
    """Cumulative odds of drawing each text: those with characters that are seldom (a Q is, twenty times as seldom as a 1) come more often,
    by the inverse root of how often the rarest of them occurs."""
    count = Counter(c for t in texts for c in t)
    odds = np.array([max((count[c] ** -.5 for c in t), default=1.0) for t in texts])
    odds = np.cumsum(odds / odds.sum())
    return odds / odds[-1]


def unsure(rng, text):
    """The text of a personal plate (four letters and more in a row) with 0 for O now and then: American issuers differ in which of
    the two they enter where one die serves for both, so nobody who only sees the plate can be sure."""
    return text.replace("O", "0") if "O" in text and re.search("[A-Z]{4}", text) and rng.random() < .35 else text
