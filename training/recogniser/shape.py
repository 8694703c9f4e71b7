"""What goes into the network and what comes out of it."""

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
PAD = len(ALPHABET)  # "no character here"
SLOTS = 10
HEIGHT, WIDTH = 64, 160
