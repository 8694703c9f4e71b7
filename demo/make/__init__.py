"""Renders the demo drive: a made-up street, made-up cars, made-up plates. See README.md beside the video."""
