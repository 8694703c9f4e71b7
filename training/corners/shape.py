"""The size of a cut, and how far its corners reach."""

HEIGHT, WIDTH = 64, 128
BEYOND = .1  # corners may lie outside the cut by this share of its size
