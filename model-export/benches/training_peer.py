"""Training speed of PyTorch for the network, objective and batch of `configs/speed.toml`.

    python model-export/benches/training_peer.py [THREADS [bf16]]

Prints images per second of each step. The step is the tool's: forward, the gradient of the weighted
cross-entropy written down directly, backward, AdamW with clipping, running average of the weights.
Photographs are random numbers: reading them is not measured here. With bf16 activations are of that type,
weights stay f32. Beside it, with as many threads and the same `learner.precision`:

    autochrome train --config model-export/configs/speed.toml --data PHOTOGRAPHS --out RUN --device libtorch --threads N
"""

import sys
import time

import torch
import torch.nn as nn
import torch.nn.functional as F

BATCH, CROP, STEPS = 48, 128, 12


def convolution(i, o, stride):
    return nn.Sequential(nn.Conv2d(i, o, 3, stride, 1, bias=False), nn.BatchNorm2d(o), nn.ReLU(True))


class Residual(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.a = convolution(c, c, 1)
        self.b = nn.Sequential(nn.Conv2d(c, c, 3, 1, 1, bias=False), nn.BatchNorm2d(c))

    def forward(self, x):
        return F.relu(x + self.b(self.a(x)))


class Up(nn.Module):
    def __init__(self, i, skip, o):
        super().__init__()
        self.p, self.k, self.c = nn.Conv2d(i, o, 1), nn.Conv2d(skip, o, 1), Residual(o)

    def forward(self, x, skip):
        return self.c(F.relu(F.interpolate(self.p(x), scale_factor=2) + self.k(skip)))


class Unet(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = convolution(1, 32, 2)
        self.e1 = nn.Sequential(convolution(32, 64, 2), Residual(64))
        self.e2 = nn.Sequential(convolution(64, 128, 2), Residual(128))
        self.e3 = nn.Sequential(convolution(128, 256, 2), Residual(256), Residual(256))
        self.e4 = nn.Sequential(convolution(256, 256, 2), Residual(256), Residual(256))
        self.g = nn.Sequential(nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 256))
        self.u3, self.u2, self.u1 = Up(256, 256, 256), Up(256, 128, 128), Up(128, 64, 128)
        self.out = nn.Conv2d(128, 313, 1)

    def forward(self, x):
        a = self.e1(self.stem(x))
        b = self.e2(a)
        c = self.e3(b)
        d = self.e4(c)
        d = d + self.g(d.mean((2, 3)))[:, :, None, None]
        return self.out(self.u1(self.u2(self.u3(d, c), b), a))


def main():
    torch.manual_seed(0)
    if len(sys.argv) > 1:
        torch.set_num_threads(int(sys.argv[1]))
    network = Unet().to(memory_format=torch.channels_last)
    average = [p.detach().clone() for p in network.parameters()]
    optimizer = torch.optim.AdamW(network.parameters(), lr=2e-4, betas=(0.9, 0.99), weight_decay=0.01)
    cells = CROP // 4
    lightness = (torch.rand(BATCH, 1, CROP, CROP) - 0.5).contiguous(memory_format=torch.channels_last)
    bins = torch.randint(0, 313, (BATCH, 5, cells, cells))
    shares = torch.rand(BATCH, 5, cells, cells)
    shares /= shares.sum(1, keepdim=True)
    weights = torch.rand(BATCH, 1, cells, cells) / (BATCH * cells * cells)
    speeds = []
    for _ in range(STEPS):
        began = time.time()
        with torch.autocast("cpu", torch.bfloat16, enabled="bf16" in sys.argv[2:]):
            logits = network(lightness)
        logits = logits.float()
        with torch.no_grad():
            gradient = logits.detach().softmax(1) * weights
            gradient.scatter_add_(1, bins, -shares * weights)
        optimizer.zero_grad()
        logits.backward(gradient)
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        with torch.no_grad():
            torch._foreach_lerp_(average, list(network.parameters()), 0.002)
        speeds.append(BATCH / (time.time() - began))
    print(" ".join(f"{speed:.1f}" for speed in speeds), "images/s; median", f"{sorted(speeds)[STEPS // 2]:.1f}")


if __name__ == "__main__":
    main()
