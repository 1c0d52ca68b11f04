"""Makes the golden vectors beside this file, in float64, without the engine.

    python -m venv /tmp/goldens && /tmp/goldens/bin/pip install -r tests/goldens/requirements.txt
    /tmp/goldens/bin/python tests/goldens/generate.py

Origins: numpy for the networks and the paper's equations, scikit-image for Lab, Pillow for the
bicubic resize. Inputs and weights come from `uniform(key, n)`, which the tests repeat, so no
weights are stored. The class prior is made up (`PRIOR`): ImageNet's is not ours to ship.
Tolerances stand in the tests that compare.
"""

import json
import pathlib
import struct

import numpy as np
import PIL.Image
from skimage import color
from skimage.color import colorconv

HERE = pathlib.Path(__file__).parent
MODEL = HERE.parent.parent / "www" / "models"
MASK = (1 << 64) - 1


# ------------------------------------------------------------------ random numbers
def fnv1a64(key):
    state = 0xCBF29CE484222325
    for byte in key.encode():
        state = ((state ^ byte) * 0x100000001B3) & MASK
    return state


def splitmix64(seed, n):
    with np.errstate(over="ignore"):
        z = np.uint64(seed) + np.arange(1, n + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))


def uniform(key, n):
    """n numbers in [0, 1), exact in float32."""
    return (splitmix64(fnv1a64(key), n) >> np.uint64(40)).astype(np.float64) * 2.0**-24


# ------------------------------------------------------------------ bins and prior
ROWS = [(50, 90), (20, 90), (0, 90), (-20, 90), (-30, 100), (-40, 100), (-50, 100), (-50, 100), (-60, 100), (-70, 100),
        (-80, 90), (-80, 90), (-90, 90), (-100, 90), (-100, 80), (-110, 80), (-110, 80), (-110, 70), (-110, 70), (-90, 0)]
BINS = np.array([(a, b) for a, (low, high) in zip(range(-90, 101, 10), ROWS) for b in range(low, high + 1, 10)], float)
assert len(BINS) == 313


def made_up_prior():
    prior = np.exp(-(BINS**2).sum(1) / (2 * 25.0**2)) + 1e-6 * (1 + uniform("prior", 313))
    return prior / prior.sum()


PRIOR = made_up_prior()


def class_weights(lam):
    w = 1 / ((1 - lam) * PRIOR + lam / 313)
    return w / (PRIOR * w).sum()


def write(name, value):
    path = HERE / name
    path.write_text(json.dumps(value, separators=(",", ":"), default=lambda x: np.asarray(x).tolist()) + "\n")
    print(f"{name:24} {path.stat().st_size:8}")


# ------------------------------------------------------------------ algorithm goldens
def random_golden():
    keys = ["", "a", "model1.0.weight", "input_l"]
    write("random.json", {
        "fnv1a64": {k: f"{fnv1a64(k):016x}" for k in keys},
        "splitmix64_seed0": [f"{int(x):016x}" for x in splitmix64(0, 5)],
        "uniform": {k: uniform(k, 5) for k in keys}})


def lab_golden():
    edge = [(0, 0, 0), (255, 255, 255), (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0), (0, 255, 255), (255, 0, 255),
            (1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 1), (10, 10, 10), (11, 11, 11), (10, 11, 12), (128, 128, 128), (254, 255, 254)]
    rgb8 = np.array(edge + (uniform("lab/rgb8", 300) * 256).astype(int).reshape(-1, 3).tolist(), np.uint8)
    lab = color.rgb2lab(rgb8[None])[0]
    gray = np.array([(x,) * 3 for x in (0, .01, .04, .04045, .0404500001, .05, .1, .5, .999, 1)], float)
    v = uniform("lab/lab", 180).reshape(-1, 3)
    outside = np.concatenate([np.column_stack([v[:, 0] * 100, v[:, 1] * 220 - 110, v[:, 2] * 220 - 110]), np.array(
        [(0, 0, 0), (100, 0, 0), (8, 0, 0), (7.9996, 0, 0), (0, 0, 110), (10, 0, 110), (50, 110, 110), (50, -110, -110), (2, 80, -80)], float)])
    xyz, _ = colorconv._lab2xyz(outside[None], "D65", "2")
    write("lab.json", {
        "rgb8_to_lab": [{"rgb8": a, "lab": b} for a, b in zip(rgb8, lab)],
        "rgb_to_lab": [{"rgb": a, "lab": b} for a, b in zip(gray, color.rgb2lab(gray[None])[0])],
        "lab_to_rgb": [{"lab": a, "linear": b, "rgb": c} for a, b, c in
                       zip(outside, xyz[0] @ colorconv.rgb_from_xyz.T, color.lab2rgb(outside[None])[0])]})


def soft(ab, k):
    d2 = ((BINS - ab) ** 2).sum(1)
    order = np.lexsort((np.arange(313), d2))
    chosen = order[:k]
    w = np.exp(-(d2[chosen] - d2[chosen[0]]) / (2 * 5.0**2))
    return chosen, w / w.sum(), bool(d2[order[k]] - d2[order[k - 1]] < 1e-9)


def soft_encode_golden():
    v = uniform("soft/ab", 80).reshape(-1, 2)
    colours = np.concatenate([np.column_stack([v[:, 0] * 190 - 88, v[:, 1] * 200 - 106]), np.array(
        [(0, 0), (5, 0), (-86.18, 83.18), (79.19, -107.86), (98.23, -60.83), (110, 110), (-110, -110), (12.5, -37.25)], float)])
    cases = []
    for ab in colours:
        case = {"ab": ab}
        for k in (5, 10):
            chosen, w, tie = soft(ab, k)
            case[f"k{k}"] = {"bins": chosen, "weights": w, "tie_at_cut": tie}
        cases.append(case)
    write("soft_encode.json", cases)


def annealed_mean_golden():
    cases = []
    w = class_weights(.5)
    for n in range(20):
        scale, offset = (4.0 if n < 10 else 12.0), (800.0 if n == 19 else 0.0)
        z = (uniform(f"anneal/{n}", 313) * 2 - 1) * scale + offset
        decode = lambda t, r: (lambda s: np.exp(s - s.max()) / np.exp(s - s.max()).sum())((z - (1 - r) * np.log(w)) / t) @ BINS
        cases.append({"key": f"anneal/{n}", "scale": scale, "offset": offset, "mode": BINS[z.argmax()],
                      "ab": [{"temperature": t, "rebalance": r, "ab": decode(t, r)}
                             for t in (.01, .38, 1 / 2.606, .77, 1.0) for r in (1.0, .6, 0.0)]})
    write("annealed_mean.json", cases)


def class_weights_golden():
    write("class_weights.json", {"prior": PRIOR, "lambda_0.5": class_weights(.5), "lambda_0": class_weights(0.0)})


def loss_golden():
    colours = np.array([(0.3, -0.4), (12.2, 3.3), (-40.5, 41.7), (60.1, 45.2), (5.5, -60.3), (-10.4, 22.2)])
    z = np.stack([(uniform(f"loss/{i}", 313) * 2 - 1) * 3 for i in range(6)])
    log_p = z - z.max(1, keepdims=True)
    log_p -= np.log(np.exp(log_p).sum(1, keepdims=True))
    cases = []
    for k in (5, 10):
        target = np.zeros((6, 313))
        for i, ab in enumerate(colours):
            chosen, w, _ = soft(ab, k)
            target[i, chosen] = w
        for lam in (.5, 1.0):
            v = class_weights(lam)[target.argmax(1)]
            gradient = v[:, None] * (np.exp(log_p) - target)
            logs = np.where(target > 0, np.log(np.where(target > 0, target, 1)), 0)
            cases.append({"neighbours": k, "lambda": lam, "weight": v, "cross_entropy": -(target * log_p).sum(1),
                          "target_entropy": -(target * logs).sum(1), "gradient_abs_sum": np.abs(gradient).sum(1),
                          "gradient_at_nearest": gradient[np.arange(6), target.argmax(1)]})
    predicted = colours + (uniform("loss/l2", 12).reshape(6, 2) * 2 - 1) * 20
    write("loss.json", {"ab": colours, "cases": cases, "l2": {"predicted": predicted, "sum": .5 * ((colours - predicted) ** 2).sum()}})


def auc_golden():
    n = 64
    truth = (uniform("auc/truth", 2 * n).reshape(-1, 2) * 120 - 55) * (np.arange(n)[:, None] % 4 + 1) / 4
    predicted = truth + (uniform("auc/error", 2 * n).reshape(-1, 2) * 2 - 1) * 40
    predicted[:8] = truth[:8]
    balanced = class_weights(0.0)[((truth[:, None] - BINS) ** 2).sum(2).argmin(1)]

    def areas(prediction):
        d = np.linalg.norm(prediction - truth, axis=1)

        def area(w):
            c = np.array([(w * (d <= t)).sum() / w.sum() for t in range(151)])
            return {"trapezoid": (c.sum() - .5 * (c[0] + c[-1])) / 150, "exact": 1 - (w * np.minimum(d, 150)).sum() / w.sum() / 150}

        return {"plain": area(np.ones(n)), "balanced": area(balanced)}

    write("auc.json", {"truth": truth, "predicted": predicted, "areas": areas(predicted), "gray": areas(truth * 0), "perfect": areas(truth)})


def bilinear(x, height, width):
    """x [channels, h, w], half-pixel centres, clamped edges."""
    def axis(n, m):
        s = np.maximum((np.arange(m) + .5) * (n / m) - .5, 0)
        low = np.minimum(s.astype(int), n - 1)
        return low, np.minimum(low + 1, n - 1), s - low
    y0, y1, fy = axis(x.shape[1], height)
    x0, x1, fx = axis(x.shape[2], width)
    rows = x[:, y0] * (1 - fy)[:, None] + x[:, y1] * fy[:, None]
    return rows[:, :, x0] * (1 - fx) + rows[:, :, x1] * fx


def bilinear_golden():
    cases = []
    for h, w, height, width in ((3, 4, 12, 16), (5, 7, 9, 4), (1, 1, 3, 5), (4, 4, 7, 13), (16, 16, 25, 19)):
        x = (uniform(f"bilinear/{h}x{w}", h * w) * 2 - 1) * 100
        cases.append({"from": [w, h], "to": [width, height], "out": bilinear(x.reshape(1, h, w), height, width).ravel()})
    write("bilinear.json", cases)


def bicubic_golden():
    cases = []
    for h, w, height, width in ((12, 10, 4, 5), (5, 7, 16, 16), (70, 50, 64, 64), (33, 90, 16, 24), (8, 8, 8, 3), (9, 4, 4, 4), (1, 1, 5, 3)):
        x = (uniform(f"bicubic/{h}x{w}", h * w * 3) * 256).astype(np.uint8).reshape(h, w, 3)
        out = np.asarray(PIL.Image.fromarray(x).resize((width, height), PIL.Image.BICUBIC))
        cases.append({"from": [w, h], "to": [width, height], "out": out.ravel()})
    write("pillow_bicubic.json", cases)


# ------------------------------------------------------------------ networks
def conv(x, w, b=None, stride=1, pad=1, dilation=1):
    (_, h, wd), (out, _, k, _) = x.shape, w.shape
    oh = (h + 2 * pad - dilation * (k - 1) - 1) // stride + 1
    ow = (wd + 2 * pad - dilation * (k - 1) - 1) // stride + 1
    padded, y = np.pad(x, ((0, 0), (pad, pad), (pad, pad))), np.zeros((out, oh * ow))
    for i in range(k):
        for j in range(k):
            patch = padded[:, i * dilation:i * dilation + stride * (oh - 1) + 1:stride, j * dilation:j * dilation + stride * (ow - 1) + 1:stride]
            y += w[:, :, i, j] @ patch.reshape(x.shape[0], -1)
    y = y.reshape(out, oh, ow)
    return y if b is None else y + b[:, None, None]


def transposed_conv(x, w, b):
    """4x4, stride 2, padding 1."""
    (_, h, wd), out = x.shape, w.shape[1]
    full = np.zeros((out, 2 * h + 2, 2 * wd + 2))
    for i in range(4):
        for j in range(4):
            full[:, i:i + 2 * h - 1:2, j:j + 2 * wd - 1:2] += np.tensordot(w[:, :, i, j].T, x, 1)
    return full[:, 1:-1, 1:-1] + b[:, None, None]


def depthwise(x, w, stride):
    """Each channel by itself, zero padding of half a kernel."""
    k, rows, columns = w.shape[2], -(-x.shape[1] // stride), -(-x.shape[2] // stride)
    padded, y = np.pad(x, ((0, 0), (k // 2, k // 2), (k // 2, k // 2))), 0
    for i in range(k):
        for j in range(k):
            y = y + padded[:, i:i + stride * (rows - 1) + 1:stride, j:j + stride * (columns - 1) + 1:stride] * w[:, :, i, j, None]
    return y


def norm(x, t, key, epsilon=1e-5):
    g = lambda name: t[f"{key}.{name}"][:, None, None]
    return (x - g("running_mean")) / np.sqrt(g("running_var") + epsilon) * g("weight") + g("bias")


ECCV16 = [(1, (1, 64, 64), 2, 1), (2, (64, 128, 128), 2, 1), (3, (128, 256, 256, 256), 2, 1), (4, (256, 512, 512, 512), 1, 1),
          (5, (512,) * 4, 1, 2), (6, (512,) * 4, 1, 2), (7, (512,) * 4, 1, 1)]


def seeded(key, shape, kind, gain=1.0):
    """One tensor; each operation is one correctly rounded float32 operation."""
    f, n = np.float32, int(np.prod(shape))
    u = uniform(key, n)
    v = (2 * u - 1).astype(f)
    value = {"norm.weight": lambda: f(1) + v * f(.25), "norm.bias": lambda: v * f(.125), "norm.running_mean": lambda: f(.25) + v * f(.125),
             "norm.running_var": lambda: u.astype(f) + f(.5), "bias": lambda: v * f(.0625),
             "weight": lambda: v * (f(np.sqrt(6 / gain)))}[kind]()
    return value.astype(f).reshape(shape).astype(np.float64)


def seeded_norm(t, key, channels):
    for name in ("weight", "bias", "running_mean", "running_var"):
        t[f"{key}.{name}"] = seeded(f"{key}.{name}", (channels,), f"norm.{name}")


def seeded_conv(t, key, out, inp, k, bias=True, fan=None):
    t[f"{key}.weight"] = seeded(f"{key}.weight", (out, inp, k, k), "weight", fan or inp * k * k)
    if bias:
        t[f"{key}.bias"] = seeded(f"{key}.bias", (out,), "bias")


def eccv16_tensors():
    t = {}
    for block, widths, _, _ in ECCV16:
        for i in range(len(widths) - 1):
            seeded_conv(t, f"model{block}.{2 * i}", widths[i + 1], widths[i], 3)
        seeded_norm(t, f"model{block}.{2 * (len(widths) - 1)}", widths[-1])
    t["model8.0.weight"] = seeded("model8.0.weight", (512, 256, 4, 4), "weight", 512 * 4)
    t["model8.0.bias"] = seeded("model8.0.bias", (256,), "bias")
    seeded_conv(t, "model8.2", 256, 256, 3)
    seeded_conv(t, "model8.4", 256, 256, 3)
    seeded_conv(t, "model8.6", 313, 256, 1)
    t["model8.6.weight"] = (t["model8.6.weight"].astype(np.float32) * np.float32(4)).astype(np.float64)
    return t


def eccv16_forward(t, lightness):
    x, taps = ((lightness - 50) / 100)[None], []
    for block, widths, stride, dilation in ECCV16:
        n = len(widths) - 1
        for i in range(n):
            key = f"model{block}.{2 * i}"
            x = np.maximum(conv(x, t[f"{key}.weight"], t[f"{key}.bias"], stride if i + 1 == n else 1, dilation, dilation), 0)
        x = norm(x, t, f"model{block}.{2 * n}")
        taps.append(x)
    x = np.maximum(transposed_conv(x, t["model8.0.weight"], t["model8.0.bias"]), 0)
    for i in (2, 4):
        x = np.maximum(conv(x, t[f"model8.{i}.weight"], t[f"model8.{i}.bias"]), 0)
    taps.append(conv(x, t["model8.6.weight"], t["model8.6.bias"], pad=0))
    return taps


def unet_forward(t, lightness):
    cbr = lambda x, key, stride=1: np.maximum(norm(conv(x, t[f"{key}.0.weight"], stride=stride), t, f"{key}.1"), 0)
    res = lambda x, key: np.maximum(x + norm(conv(cbr(x, f"{key}.a"), t[f"{key}.b.0.weight"]), t, f"{key}.b.1"), 0)
    x, skips, stages = cbr(((lightness - 50) / 100)[None], "stem", 2), [], 0
    while f"e{stages + 1}.0.0.weight" in t:
        stages += 1
        x, block = cbr(x, f"e{stages}.0", 2), 1
        while f"e{stages}.{block}.a.0.weight" in t:
            x, block = res(x, f"e{stages}.{block}"), block + 1
        skips.append(x)
    scene = np.maximum(t["g.0.weight"] @ x.mean((1, 2)) + t["g.0.bias"], 0)
    x = x + (t["g.2.weight"] @ scene + t["g.2.bias"])[:, None, None]
    return decoder_forward(t, x, skips[:-1])


def decoder_forward(t, x, skips):
    cbr = lambda x, key: np.maximum(norm(conv(x, t[f"{key}.0.weight"]), t, f"{key}.1"), 0)
    res = lambda x, key: np.maximum(x + norm(conv(cbr(x, f"{key}.a"), t[f"{key}.b.0.weight"]), t, f"{key}.b.1"), 0)
    for i in range(len(skips), 0, -1):
        x = conv(x, t[f"u{i}.p.weight"], t[f"u{i}.p.bias"], pad=0).repeat(2, 1).repeat(2, 2)
        x = res(np.maximum(x + conv(skips[i - 1], t[f"u{i}.k.weight"], t[f"u{i}.k.bias"], pad=0), 0), f"u{i}.c")
    return conv(x, t["out.weight"], t["out.bias"], pad=0)


def lite_forward(t, lightness):
    """EfficientNet-Lite under a decoder; strides and skips follow from the blocks' sizes."""
    layer = lambda x, conv_key, norm_key: norm(conv(x, t[f"{conv_key}.weight"], pad=0), t, norm_key, 1e-3)
    relu6 = lambda x: np.clip(x, 0, 6)
    u = (lightness + 16) / 116
    light = np.where(u > 0.2068966, u**3, (u - 16 / 116) / 7.787)
    gray = np.where(light > 0.0031308, 1.055 * np.maximum(light, 0) ** (1 / 2.4) - 0.055, 12.92 * light)
    x = relu6(norm(conv(((255 * gray - 127) / 128)[None], t["enc.stem.weight"], stride=2), t, "enc.b", 1e-3))
    # Channels where a stage begins: first blocks of stages 2, 3, 4 and 6 halve the size.
    starts, block, skips, width = [], 0, [], None
    while f"enc.bl.{block}.dw.weight" in t:
        if t[f"enc.bl.{block}.pr.weight"].shape[0] != width:
            starts, width = starts + [block], t[f"enc.bl.{block}.pr.weight"].shape[0]
        block += 1
    for i in range(block):
        key = f"enc.bl.{i}"
        stage = starts.index(i) if i in starts else None
        if stage in (2, 3, 5):
            skips.append(x)
        wide = relu6(layer(x, f"{key}.ex", f"{key}.b0")) if f"{key}.ex.weight" in t else x
        y = depthwise(wide, t[f"{key}.dw.weight"], 2 if stage in (1, 2, 3, 5) else 1)
        y = layer(relu6(norm(y, t, f"{key}.b1", 1e-3)), f"{key}.pr", f"{key}.b2")
        x = y if stage is not None else x + y
    pooled = relu6(layer(x, "enc.head", "enc.hb")).mean((1, 2))
    scene = t["g.weight"] @ pooled + t["g.bias"]
    x = np.maximum(conv(x, t["t.weight"], t["t.bias"], pad=0) + scene[:, None, None], 0)
    return decoder_forward(t, x, skips)


def small_unet_tensors(stem=4, encoder=(6, 8, 10), blocks=(1, 0, 2), decoder=(7, 9)):
    """Odd widths and uneven depths, so that no two can be mistaken for each other."""
    t, inp = {}, stem
    layer = lambda key, out, inp: (seeded_conv(t, f"{key}.0", out, inp, 3, bias=False), seeded_norm(t, f"{key}.1", out))
    layer("stem", stem, 1)
    for i, (out, n) in enumerate(zip(encoder, blocks), 1):
        layer(f"e{i}.0", out, inp)
        for j in range(1, n + 1):
            layer(f"e{i}.{j}.a", out, out)
            layer(f"e{i}.{j}.b", out, out)
        inp = out
    for g in ("g.0", "g.2"):
        t[f"{g}.weight"] = seeded(f"{g}.weight", (inp, inp), "weight", inp)
        t[f"{g}.bias"] = seeded(f"{g}.bias", (inp,), "bias")
    for i, (out, skip) in enumerate(zip(decoder, encoder[-2::-1])):
        key = f"u{len(decoder) - i}"
        seeded_conv(t, f"{key}.p", out, inp, 1)
        seeded_conv(t, f"{key}.k", out, skip, 1)
        layer(f"{key}.c.a", out, out)
        layer(f"{key}.c.b", out, out)
        inp = out
    seeded_conv(t, "out", 313, inp, 1)
    return t


def read_safetensors(path):
    data = path.read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + size])
    header.pop("__metadata__", None)
    types = {"I8": "<i1", "F16": "<f2", "F32": "<f4"}
    stored = {k: np.frombuffer(data[8 + size + v["data_offsets"][0]:8 + size + v["data_offsets"][1]], types[v["dtype"]])
              .astype(np.float64).reshape(v["shape"]) for k, v in header.items()}
    scales = {k: stored.pop(k) for k in list(stored) if k.endswith(".scale")}
    return {k: v * scales.get(f"{k}.scale", 1.0) for k, v in stored.items()}


def write_safetensors(path, tensors):
    """In f32, without metadata, as another program would leave it."""
    header, data = {}, b""
    for name, value in tensors.items():
        content = value.astype("<f4").tobytes()
        header[name] = {"dtype": "F32", "shape": value.shape, "data_offsets": [len(data), len(data) + len(content)]}
        data += content
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def input_lightness(height, width):
    return (uniform("input_l", height * width) * 100).astype(np.float32).astype(np.float64).reshape(height, width)


def samples(x, n=16):
    flat = x.ravel()
    index = (np.arange(n) * 7919 + 13) % flat.size
    return {"shape": x.shape, "sum": flat.sum(), "abs_sum": np.abs(flat).sum(), "max_abs": np.abs(flat).max(),
            "index": index, "value": flat[index]}


def network_goldens():
    taps = eccv16_forward(eccv16_tensors(), input_lightness(64, 64))
    logits = taps[-1]
    anneal = lambda t: np.tensordot(BINS.T, np.exp(logits / t - (logits / t).max(0)) / np.exp(logits / t - (logits / t).max(0)).sum(0), 1)
    write("eccv16.json", {"steps": [samples(x) for x in taps], "ab_038": anneal(.38).ravel(), "ab_1": anneal(1.0).ravel()})
    logits.astype("<f4").tofile(HERE / "eccv16_logits_313x16x16.f32")

    write("unet_small.json", samples(unet_forward(small_unet_tensors(), input_lightness(48, 32)), 512))
    write_safetensors(HERE / "checkpoints" / "unet_small.safetensors", small_unet_tensors())

    manifest = json.loads((MODEL / "manifest.json").read_text())
    model = manifest["models"][0]["file"]
    tensors = read_safetensors(MODEL / model)
    forward = lite_forward if "enc.stem.weight" in tensors else unet_forward
    logits = forward(tensors, input_lightness(64, 96))
    write("default_model.json", {"file": model, "logits": samples(logits, 512)})


if __name__ == "__main__":
    random_golden()
    lab_golden()
    soft_encode_golden()
    annealed_mean_golden()
    class_weights_golden()
    loss_golden()
    auc_golden()
    bilinear_golden()
    bicubic_golden()
    network_goldens()
