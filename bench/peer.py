"""The other side of `cargo bench-native`: onnxruntime on the same weights and input.

    python peer.py network MODEL.onnx LIGHTNESS.npy THREADS     every line on stdin is a forward pass, answered in milliseconds
    python peer.py agree MODEL.onnx LIGHTNESS.npy LOGITS.npy    how far its logits are from ours, as a share of the largest

THREADS 0 takes all cores.
"""

import sys
import time

import numpy
import onnxruntime


def session(path, threads):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def main():
    command, model, lightness, last = sys.argv[1:]
    feed = {"lightness": numpy.load(lightness)}
    if command == "agree":
        logits = session(model, 0).run(None, feed)[0]
        print(numpy.abs(logits - numpy.load(last)).max() / numpy.abs(logits).max())
        return
    peer = session(model, int(last))
    print("ready", flush=True)
    for _ in sys.stdin:
        began = time.perf_counter()
        peer.run(None, feed)
        print((time.perf_counter() - began) * 1e3, flush=True)


main()
