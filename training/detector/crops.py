"""Made-up crops for tests."""

import numpy as np


def crop_with_plate(box, size=(96, 128)):
    """A grey crop whose one plate is white."""
    image = np.full((*size, 3), 90, np.uint8)
    x1, y1, x2, y2 = box
    image[y1:y2, x1:x2] = 255
    boxes = np.array([box], np.float32)
    corners = boxes[:, [0, 1, 2, 1, 2, 3, 0, 3]]
    return {"image": image, "boxes": boxes, "corners": corners, "known": np.array([True]),
            "ignore": np.zeros((0, 4), np.float32), "small": 0.0}
