# SPDX-License-Identifier: Apache-2.0
"""The records of steps.txt: three steps of training of whole seeded networks."""
import math

import numpy as np
import torch
import torch.nn.functional as F

from golden_case import f64, hexes, kaiming_uniform, philox

SEED, INPUT_TENSOR = 1, 1000

# The shape of VGG16 at a size that fits here; its dropout is layer 8.
SMALL = (
    (3, 12, 16),
    [("conv", "conv1", 8, 3, 1), ("relu", "relu1"), ("max_pool", "pool1"), ("conv", "conv2", 12, 3, 1), ("relu", "relu2"),
     ("max_pool", "pool2"), ("linear", "fc1", 24), ("relu", "relu3"), ("dropout", "drop"), ("linear", "fc2", 5)],
)  # fmt: skip
# net: samples of each step, lr, momentum, dampening, weight decay, Nesterov, reduction, label smoothing, class weights
RUNS = {
    "lenet5": ((4, 4, 3), 0.01, 0.9, 0, 5e-4, 0, "mean", 0, None),
    "lenet5_1998": ((3, 3, 3), 0.02, 0.9, 0, 1e-3, 1, "mean", 0.1, None),
    "mlp": ((4, 4, 2), 0.005, 0, 0, 0, 0, "sum", 0, None),
    "net": ((1, 1, 1), 0.001, 0.9, 0.25, 0, 0, "mean", 0, None),
    "small": ((4, 4, 3), 0.02, 0.5, 0, 0.01, 0, "mean", 0.1, (0.5, 2, 1, 0.25, 1.5)),
}


def kept(count, probability, step, layer):
    """Which elements dropout lets through: lw_dropout_train's choice under seed SEED and the stream of lw_trainer."""
    block = np.arange(-(-count // 4), dtype=np.uint64)
    words = np.stack(np.broadcast_arrays(*philox((SEED, 0), (block, np.uint64(0), (step << 16) + layer, 0))), axis=1).reshape(-1)[:count]
    return torch.from_numpy((words >> np.uint64(8)).astype(np.float64) * 2.0**-24 >= probability)


def parameters(shape, layers):
    """name, tensor. Numbered in layer order, weight before bias."""
    found, x = [], torch.zeros(1, *shape, dtype=torch.float64)
    for kind, layer, *size in layers:
        if kind in ("conv", "linear"):
            x = x.flatten(1) if kind == "linear" else x
            w_shape = (size[0], x.shape[1], size[1], size[1]) if kind == "conv" else (size[0], x.shape[1])
            fan_in = math.prod(w_shape[1:])
            for name, s in ("weight", w_shape), ("bias", (size[0],)):
                found.append((f"{layer}.{name}", f64(kaiming_uniform(SEED, len(found), fan_in, math.prod(s)), s).requires_grad_()))
            x = forward_layer(kind, size, x, found[-2][1].detach(), found[-1][1].detach(), None)
        else:
            x = forward_layer(kind, size, x, None, None, None)
    return found


def forward_layer(kind, size, x, w, b, mask):
    if kind == "conv":
        return F.conv2d(x, w, b, padding=size[2])
    if kind == "linear":
        return F.linear(x.flatten(1), w, b)
    if kind == "dropout":
        return x if mask is None else torch.where(mask.reshape(x.shape), x / (1 - 0.5), 0.0)
    return {"relu": F.relu, "tanh": torch.tanh, "max_pool": lambda v: F.max_pool2d(v, 2), "avg_pool": lambda v: F.avg_pool2d(v, 2)}[kind](x)


def step_lines(name, shape, layers, sample_positions):
    batches, *numbers, nesterov, reduction, smoothing, weights = RUNS[name]
    lr, momentum, dampening, decay, smoothing = (float(np.float32(v)) for v in (*numbers, smoothing))
    tensors = parameters(shape, layers)
    classes = tensors[-1][1].numel()
    labels = [(7 * i + 3) % classes for i in range(sum(batches))]
    optimiser = torch.optim.SGD([w for _, w in tensors], lr, momentum, dampening, decay, bool(nesterov))
    class_weights = torch.tensor(weights, dtype=torch.float64) if weights else None
    losses = []
    for step, n in enumerate(batches):
        x = f64(kaiming_uniform(SEED, INPUT_TENSOR + step, 6, n * math.prod(shape)), (n, *shape))
        next_tensor = 0
        for i, (kind, _, *size) in enumerate(layers):
            w = b = None
            if kind in ("conv", "linear"):
                w, b = (t for _, t in tensors[next_tensor : next_tensor + 2])
                next_tensor += 2
            x = forward_layer(kind, size, x, w, b, kept(x.numel(), 0.5, step, i) if kind == "dropout" else None)
        first = sum(batches[:step])
        loss = F.cross_entropy(x, torch.tensor(labels[first : first + n]), class_weights, reduction=reduction, label_smoothing=smoothing)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    lines = [f"steps {name}", f"seed {SEED}", f"input {INPUT_TENSOR}", " ".join(map(str, ("batches", len(batches), *batches))),
             " ".join(map(str, ("labels", len(labels), *labels))),
             f"sgd {nesterov} 4 {hexes([lr, momentum, dampening, decay])}",
             f"loss {['mean', 'sum'].index(reduction)} {1 + len(weights or ())} {hexes([smoothing, *(weights or ())])}",
             f"losses {len(losses)} {hexes(losses)}"]  # fmt: skip
    parts = [(n, w.detach()) for n, w in tensors]
    if momentum:
        parts += [(n + "/momentum", optimiser.state[w]["momentum_buffer"]) for n, w in tensors]
    for part, values in parts:
        y = values.numpy().reshape(-1)
        at = sample_positions(y.size)
        lines += [f"tensor {part} {y.size}", f"sums {math.fsum(y).hex()} {math.fsum(y * y).hex()}",
                  " ".join(map(str, ("at", len(at), *at))), f"values {len(at)} {hexes(y[at])}"]  # fmt: skip
    return lines


def all_step_lines(nets, sample_positions):
    with torch.enable_grad():
        return [line for name in RUNS for line in step_lines(name, *(nets[name] if name in nets else SMALL), sample_positions)]
