"""Endless batches of cuts for training."""

import cv2
import numpy as np
import torch

from .sample import Sampler


class Stream(torch.utils.data.IterableDataset):
    """Batches (pictures uint8 [B,3,64,128], corners [B,4,2]); each is given a second time, mirrored."""

    def __init__(self, cache, plates, batch, seed):
        self.arguments = cache, plates, batch, seed

    def __iter__(self):
        cv2.setNumThreads(1)
        cache, plates, batch, seed = self.arguments
        worker = torch.utils.data.get_worker_info()
        sampler = Sampler(cache, plates, (seed, worker.id if worker else 0))
        while True:
            pairs = [sampler.draw() for _ in range(batch)]
            x = torch.from_numpy(np.stack([p[0] for p in pairs])).permute(0, 3, 1, 2)
            y = torch.from_numpy(np.stack([p[1] for p in pairs]))
            yield x, y
            mirrored = y[:, [1, 0, 3, 2]].clone()
            mirrored[..., 0] = 1 - mirrored[..., 0]
            yield x.flip(3), mirrored
