"""Makes what only PyTorch can: the goldens of siggraph17 and lite, and small checkpoints as it saves them.

    python -m venv /tmp/torch && /tmp/torch/bin/pip install torch numpy
    /tmp/torch/bin/python tests/goldens/generate_torch.py

The networks are written here from the tables in their authors' papers and the shapes of their state_dicts;
weights and inputs come from `uniform(key, n)`, as in generate.py. It runs in float64. Last made with
PyTorch 2.15.0.
"""

import json
import pathlib

import numpy as np
import torch
from torch import nn

HERE = pathlib.Path(__file__).parent
CHECKPOINTS = HERE / "checkpoints"
MASK = (1 << 64) - 1


def uniform(key, n):
    """n numbers in [0, 1), exact in float32: SplitMix64, seeded with the FNV-1a-64 of the key."""
    seed = 0xCBF29CE484222325
    for byte in key.encode():
        seed = ((seed ^ byte) * 0x100000001B3) & MASK
    with np.errstate(over="ignore"):
        z = np.uint64(seed) + np.arange(1, n + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    return (z >> np.uint64(40)).astype(np.float32) * np.float32(2.0**-24)


def conv(i, o, kernel=3, dilation=1, stride=1):
    return nn.Conv2d(i, o, kernel, stride=stride, dilation=dilation, padding=dilation * (kernel // 2))


def block(i, o, count, dilation=1, stride=1):
    """Convolutions with ReLU, then BatchNorm."""
    layers = []
    for n in range(count):
        layers += [conv(i if n == 0 else o, o, dilation=dilation, stride=stride if n + 1 == count else 1), nn.ReLU()]
    return nn.Sequential(*layers, nn.BatchNorm2d(o))


def up(i, o):
    return nn.Sequential(nn.ConvTranspose2d(i, o, 4, stride=2, padding=1))


class Siggraph17(nn.Module):
    def __init__(self, width):
        super().__init__()
        w = width
        for n, (i, o, count, dilation) in enumerate([(4, w, 2, 1), (w, 2 * w, 2, 1), (2 * w, 4 * w, 3, 1), (4 * w, 8 * w, 3, 1),
                                                     (8 * w, 8 * w, 3, 2), (8 * w, 8 * w, 3, 2), (8 * w, 8 * w, 3, 1)], 1):
            setattr(self, f"model{n}", block(i, o, count, dilation))
        self.model8up, self.model3short8 = up(8 * w, 4 * w), nn.Sequential(conv(4 * w, 4 * w))
        self.model8 = nn.Sequential(nn.ReLU(), conv(4 * w, 4 * w), nn.ReLU(), conv(4 * w, 4 * w), nn.ReLU(), nn.BatchNorm2d(4 * w))
        self.model9up, self.model2short9 = up(4 * w, 2 * w), nn.Sequential(conv(2 * w, 2 * w))
        self.model9 = nn.Sequential(nn.ReLU(), conv(2 * w, 2 * w), nn.ReLU(), nn.BatchNorm2d(2 * w))
        self.model10up, self.model1short10 = up(2 * w, 2 * w), nn.Sequential(conv(w, 2 * w))
        self.model10 = nn.Sequential(nn.ReLU(), conv(2 * w, 2 * w), nn.LeakyReLU(0.2))
        self.model_class = nn.Sequential(conv(4 * w, 529, 1))
        self.model_out = nn.Sequential(conv(2 * w, 2, 1), nn.Tanh())

    def forward(self, lightness, ab, mask):
        one = self.model1(torch.cat(((lightness - 50) / 100, ab / 110, mask), 1))
        two = self.model2(one[:, :, ::2, ::2])
        three = self.model3(two[:, :, ::2, ::2])
        seven = self.model7(self.model6(self.model5(self.model4(three[:, :, ::2, ::2]))))
        eight = self.model8(self.model8up(seven) + self.model3short8(three))
        nine = self.model9(self.model9up(eight) + self.model2short9(two))
        ten = self.model10(self.model10up(nine) + self.model1short10(one))
        taps = [one, two, three, seven, eight, nine]
        return taps, self.model_out(ten) * 110


class Eccv16(nn.Module):
    def __init__(self, width):
        super().__init__()
        w = width
        for n, (i, o, count, dilation, stride) in enumerate([(1, w, 2, 1, 2), (w, 2 * w, 2, 1, 2), (2 * w, 4 * w, 3, 1, 2), (4 * w, 8 * w, 3, 1, 1),
                                                             (8 * w, 8 * w, 3, 2, 1), (8 * w, 8 * w, 3, 2, 1), (8 * w, 8 * w, 3, 1, 1)], 1):
            setattr(self, f"model{n}", block(i, o, count, dilation, stride))
        self.model8 = nn.Sequential(nn.ConvTranspose2d(8 * w, 4 * w, 4, stride=2, padding=1), nn.ReLU(), conv(4 * w, 4 * w), nn.ReLU(),
                                    conv(4 * w, 4 * w), nn.ReLU(), conv(4 * w, 313, 1))


class Bottleneck(nn.Module):
    """MobileNetV2's block as EfficientNet-Lite has it."""

    def __init__(self, i, o, kernel, stride, expansion):
        super().__init__()
        m = i * expansion
        norm = lambda channels: nn.BatchNorm2d(channels, eps=1e-3)
        if expansion > 1:
            self.ex, self.b0 = nn.Conv2d(i, m, 1, bias=False), norm(m)
        self.dw, self.b1 = nn.Conv2d(m, m, kernel, stride, kernel // 2, groups=m, bias=False), norm(m)
        self.pr, self.b2 = nn.Conv2d(m, o, 1, bias=False), norm(o)
        self.expanded, self.residual = expansion > 1, stride == 1 and i == o

    def forward(self, x):
        y = nn.functional.relu6(self.b0(self.ex(x))) if self.expanded else x
        y = self.b2(self.pr(nn.functional.relu6(self.b1(self.dw(y)))))
        return x + y if self.residual else y


class Up(nn.Module):
    """Twice the size, joined by a skip, then a residual block."""

    def __init__(self, i, skip, o):
        super().__init__()
        self.p, self.k = nn.Conv2d(i, o, 1), nn.Conv2d(skip, o, 1)
        half = lambda: nn.Sequential(nn.Conv2d(o, o, 3, padding=1, bias=False), nn.BatchNorm2d(o))
        self.c = nn.ModuleDict({"a": half(), "b": half()})

    def forward(self, x, skip):
        x = torch.relu(nn.functional.interpolate(self.p(x), scale_factor=2) + self.k(skip))
        return torch.relu(x + self.c["b"](torch.relu(self.c["a"](x))))


class Lite(nn.Module):
    """EfficientNet-Lite (widths and depths of Google's release) under a decoder with skips."""

    def __init__(self, stages, decoder):
        super().__init__()
        self.enc = nn.Module()
        self.enc.stem, self.enc.b = nn.Conv2d(1, 32, 3, 2, 1, bias=False), nn.BatchNorm2d(32, eps=1e-3)
        blocks, ends, i = [], [], 32
        for count, kernel, stride, expansion, o in stages:
            for n in range(count):
                blocks.append(Bottleneck(i, o, kernel, stride if n == 0 else 1, expansion))
                i = o
            ends.append(len(blocks) - 1)
        self.enc.bl = nn.ModuleList(blocks)
        self.enc.head, self.enc.hb = nn.Conv2d(i, 1280, 1, bias=False), nn.BatchNorm2d(1280, eps=1e-3)
        self.taps = [ends[1], ends[2], ends[4]]
        skips = [stages[n][4] for n in (1, 2, 4)]
        self.t, self.g = nn.Conv2d(i, decoder[0], 1), nn.Linear(1280, decoder[0])
        self.u3 = Up(decoder[0], skips[2], decoder[0])
        self.u2 = Up(decoder[0], skips[1], decoder[1])
        self.u1 = Up(decoder[1], skips[0], decoder[2])
        self.out = nn.Conv2d(decoder[2], 313, 1)

    def forward(self, lightness):
        t = (lightness + 16) / 116
        light = torch.where(t > 0.2068966, t ** 3, (t - 16 / 116) / 7.787)
        gray = torch.where(light > 0.0031308, 1.055 * light.clamp_min(1e-9) ** (1 / 2.4) - 0.055, 12.92 * light)
        x = nn.functional.relu6(self.enc.b(self.enc.stem((255 * gray - 127) / 128)))
        skips = []
        for n, block in enumerate(self.enc.bl):
            x = block(x)
            if n in self.taps:
                skips.append(x)
        pooled = nn.functional.relu6(self.enc.hb(self.enc.head(x))).mean((2, 3))
        y = torch.relu(self.t(x) + self.g(pooled)[:, :, None, None])
        logits = self.out(self.u1(self.u2(self.u3(y, skips[2]), skips[1]), skips[0]))
        return [*skips, x, y], logits


# Blocks, kernel, stride, expansion, channels of each stage, as tabulated for the released networks.
LITE0 = [(1, 3, 1, 1, 16), (2, 3, 2, 6, 24), (2, 5, 2, 6, 40), (3, 3, 2, 6, 80), (3, 5, 1, 6, 112), (4, 5, 2, 6, 192), (1, 3, 1, 6, 320)]
LITE2 = [(1, 3, 1, 1, 16), (3, 3, 2, 6, 24), (3, 5, 2, 6, 48), (4, 3, 2, 6, 88), (4, 5, 1, 6, 120), (5, 5, 2, 6, 208), (1, 3, 1, 6, 352)]


def seed(network):
    """Fills a network as tests/common does."""
    for name, module in network.named_modules():
        if isinstance(module, nn.BatchNorm2d):
            n = module.num_features
            v = {part: 2 * uniform(f"{name}.{part}", n) - 1 for part in ("weight", "bias", "running_mean")}
            f = np.float32
            module.weight.data = torch.from_numpy(f(1) + v["weight"] * f(.25))
            module.bias.data = torch.from_numpy(v["bias"] * f(.125))
            module.running_mean = torch.from_numpy(f(.25) + v["running_mean"] * f(.125))
            module.running_var = torch.from_numpy(uniform(f"{name}.running_var", n) + f(.5))
        elif isinstance(module, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
            if isinstance(module, nn.Linear):
                fan_in = module.in_features
            else:
                taps = 4 if isinstance(module, nn.ConvTranspose2d) else module.kernel_size[0] ** 2
                fan_in = module.in_channels // module.groups * taps
            gain = np.float32(4 if name == "model8.6" else 1)
            scale = np.float32(np.sqrt(6 / fan_in)) * gain
            weight = (2 * uniform(f"{name}.weight", module.weight.numel()) - 1) * scale
            module.weight.data = torch.from_numpy(weight.reshape(tuple(module.weight.shape)))
            if module.bias is not None:
                module.bias.data = torch.from_numpy((2 * uniform(f"{name}.bias", len(module.bias)) - 1) * np.float32(.0625))
    return network.eval()


def samples(x, n):
    flat = x.numpy().ravel()
    index = (np.arange(n) * 7919 + 13) % flat.size
    return {"shape": list(x.shape[1:]), "abs_sum": float(np.abs(flat).sum()), "max_abs": float(np.abs(flat).max()),
            "index": index.tolist(), "value": flat[index].tolist()}


def hints(height, width):
    """Two squares; tests/native/networks.rs makes the same."""
    ab, mask = torch.zeros(1, 2, height, width, dtype=torch.float64), torch.zeros(1, 1, height, width, dtype=torch.float64)
    for top, left, size, a, b in [(8, 4, 5, 60.0, 40.0), (20, 30, 7, -35.0, -70.0)]:
        ab[0, 0, top:top + size, left:left + size] = a
        ab[0, 1, top:top + size, left:left + size] = b
        mask[0, 0, top:top + size, left:left + size] = 1
    return ab, mask


def siggraph17_golden():
    network = seed(Siggraph17(64)).double()
    height, width = 32, 48
    lightness = torch.from_numpy((uniform("input_l", height * width) * np.float32(100)).astype(np.float64)).reshape(1, 1, height, width)
    ab, mask = hints(height, width)
    golden = {}
    with torch.no_grad():
        for name, (ab, mask) in {"automatic": (ab * 0, mask * 0), "hints": (ab, mask)}.items():
            taps, output = network(lightness, ab, mask)
            golden[name] = {"taps": [samples(x, 16) for x in taps], "ab": samples(output, 1024)}
    path = HERE / "siggraph17.json"
    path.write_text(json.dumps(golden, separators=(",", ":")) + "\n")
    print(f"{path.name:32} {path.stat().st_size:8}")


def lite_golden():
    height, width = 32, 64
    lightness = torch.from_numpy((uniform("input_l", height * width) * np.float32(100)).astype(np.float64)).reshape(1, 1, height, width)
    golden = {}
    with torch.no_grad():
        for name, stages, decoder in [("lite0", LITE0, (12, 10, 6)), ("lite2", LITE2, (9, 7, 5))]:
            taps, logits = seed(Lite(stages, decoder)).double()(lightness)
            golden[name] = {"taps": [samples(x, 16) for x in taps], "logits": samples(logits, 1024)}
    path = HERE / "lite.json"
    path.write_text(json.dumps(golden, separators=(",", ":")) + "\n")
    print(f"{path.name:32} {path.stat().st_size:8}")


def save(name, value, **options):
    path = CHECKPOINTS / name
    torch.save(value, path, **options)
    print(f"{path.name:32} {path.stat().st_size:8}")


def checkpoints():
    """A network of width 1 in every form that people have lying about."""
    CHECKPOINTS.mkdir(exist_ok=True)
    network = seed(Eccv16(1))
    state = network.state_dict()
    save("zip.pth", state)
    save("legacy.pth", state, _use_new_zipfile_serialization=False)
    save("parallel.pth", nn.DataParallel(network).state_dict())
    save("parameters.pth", dict(network.named_parameters()) | dict(network.named_buffers()))
    save("protocol4.pth", state, pickle_protocol=4)
    save("channels_last_half.pth", {k: v.half().contiguous(memory_format=torch.channels_last) if v.dim() == 4 else v for k, v in state.items()})
    optimiser = torch.optim.Adam(network.model1.parameters())
    for parameter in network.model1.parameters():
        parameter.grad = torch.ones_like(parameter)
    optimiser.step()
    seed(network)
    save("training.pth", {"epoch": 3, "arch": "eccv16", "state_dict": nn.DataParallel(network).state_dict(), "optimizer": optimiser.state_dict()})
    save("siggraph17.pth", seed(Siggraph17(1)).state_dict())
    save("whole_module.pth", nn.Sequential(nn.Conv2d(1, 1, 3)))


def corpus():
    """Files of a few hundred bytes that fuzzing starts from (tests/fuzz)."""
    folder = HERE.parent / "fuzz" / "corpus"
    folder.mkdir(parents=True, exist_ok=True)
    one = {"model1.0.weight": torch.zeros(2, 1, 3, 3), "model1.4.num_batches_tracked": torch.tensor(3)}
    for protocol in (2, 3, 4, 5):
        torch.save(one, folder / f"zip-protocol{protocol}", pickle_protocol=protocol)
        torch.save(one, folder / f"legacy-protocol{protocol}", pickle_protocol=protocol, _use_new_zipfile_serialization=False)
    shared = torch.arange(8.0)
    views = {"epoch": 3, "state_dict": {"module.a": shared[2:6].view(2, 2).t(), "module.b": nn.Parameter(shared.half())}, "args": [1.5, None, True, b"x"]}
    torch.save(views, folder / "zip-views")
    torch.save(views, folder / "legacy-views", _use_new_zipfile_serialization=False)

    def field(number, payload):
        key = number << 3 | 2
        return (bytes([key]) if key < 128 else bytes([key & 127 | 128, key >> 7])) + bytes([len(payload)]) + payload

    blob = lambda *values: field(5, np.array(values, "<f4").tobytes()) + field(7, field(1, bytes([len(values)])))
    layer = lambda name, *blobs: field(100, field(1, name) + b"".join(field(7, b) for b in blobs))
    net = field(1, b"net") + layer(b"bw_conv1_1", blob(1, 2), blob(3)) + layer(b"conv1_2norm", blob(1, 2), blob(3, 4), blob(2)) + layer(b"fc", blob(1))
    (folder / "caffe").write_bytes(net)
    (folder / "caffe-v1").write_bytes(field(1, b"net") + field(2, field(4, b"conv8_1") + field(6, b"\x08\x01\x10\x01" + blob(7)) + field(6, blob(8))))

    def safetensors(metadata, **tensors):
        header, data = {"__metadata__": metadata}, b""
        for name, (dtype, shape, content) in tensors.items():
            header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(content)]}
            data += content
        text = json.dumps(header).encode()
        return len(text).to_bytes(8, "little") + text + data

    ours = {"autochrome.format": "1", "autochrome.network": '{"network":"eccv16","width":1}', "autochrome.precision": "int8", "autochrome.rebalance": "0.5",
            "autochrome.bins": "2a39983ed60d5b52b717842d56d5f766982289e6d5a609582155f437cecc1045"}
    (folder / "safetensors").write_bytes(safetensors({"temperature": "0.5"}, **{"stem.0.weight": ("F16", [1, 1, 2], b"abcd"), "x": ("I64", [1], b"\0" * 8)}))
    (folder / "safetensors-ours").write_bytes(safetensors(ours, **{"model1.0.weight": ("I8", [1, 1, 3, 3], b"\1" * 9), "model1.0.weight.scale": ("F32", [1, 1, 1, 1], b"\0\0\0?")}))
    print(f"corpus: {len(list(folder.iterdir()))} files, {sum(f.stat().st_size for f in folder.iterdir())} bytes")


if __name__ == "__main__":
    siggraph17_golden()
    lite_golden()
    checkpoints()
    corpus()
