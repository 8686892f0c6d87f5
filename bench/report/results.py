# SPDX-License-Identifier: Apache-2.0
"""What bench_roof, bench_nets and bench_ops have measured, read from Google Benchmark's JSON.

A benchmark that was repeated stands for its median; the spread is its fastest and slowest repetition. A benchmark one of whose runs failed
its check has an error and no number. What is named as no ISA is another library, a peer.
"""
import json
import math
import re
import statistics

SECONDS = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0}
ISA_ORDER = ("naive", "autovec", "avx2", "avx512", "amx", "neon")
PLAIN = ("naive", "autovec")
MODES = ("exact", "fast")
TRAIN = "train/"  # before the mode of a step of training
# Ends of intervals: repetitions together have the outermost.
OUTERMOST = {"_low": min, "_high": max}
# What Google Benchmark adds to names.
ADDED = ("iterations:", "repeats:", "min_time:", "min_warmup_time:", "manual_time", "real_time")


class BadResults(Exception):
    """A file that is not what it should be; the message names it."""


def isa_rank(isa):
    return ISA_ORDER.index(isa) if isa in ISA_ORDER else len(ISA_ORDER)


def is_peer(isa):
    return isa not in ISA_ORDER


def is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


class Benchmark:
    """One benchmark with all its repetitions and aggregates. seconds, spread: of one run; None where there is no number."""

    def __init__(self, name):
        self.name = name
        self.runs, self.aggregates = [], {}
        self.error = None

    def add(self, entry):
        if entry.get("error_occurred") or entry.get("skipped"):
            self.error = str(entry.get("error_message") or entry.get("skip_message") or "no reason given")
        if entry.get("run_type") == "aggregate":
            self.aggregates[entry["aggregate_name"]] = entry
        else:
            self.runs.append(entry)

    @property
    def entries(self):
        return self.runs + list(self.aggregates.values())

    def value(self, key):
        """A counter: the median over the repetitions that have it. None if there is none, if it is no finite number or if the check
        failed."""
        if self.error is not None:
            return None
        if key.endswith(tuple(OUTERMOST)):
            return self.outermost(key)
        source = self.aggregates.get("median")
        if source is None or key not in source:
            values = [e[key] for e in self.runs if is_number(e.get(key))]
            value = statistics.median(values) if values else None
        else:
            value = source[key]
        return value if is_number(value) and math.isfinite(value) else None

    def outermost(self, key):
        """The end of an interval. None if a repetition has no interval."""
        values = [e.get(key) for e in self.runs]
        join = next(function for end, function in OUTERMOST.items() if key.endswith(end))
        return join(values) if values and all(is_number(v) and math.isfinite(v) for v in values) else None

    def ratio(self, mode):
        """How many times longer a peer takes than Lanewise in this mode: (median, low, high), low and high None if there is no interval.
        None if it was not compared."""
        key = f"ratio_{mode}"
        middle = self.value(key)
        return None if middle is None else (middle, self.value(f"{key}_low"), self.value(f"{key}_high"))

    @property
    def unit(self):
        return self.entries[0].get("time_unit", "ns")

    @property
    def seconds(self):
        value = self.value("real_time")
        return None if value is None else value * SECONDS[self.unit]

    @property
    def spread(self):
        """Seconds of the fastest and the slowest repetition; None if it was not repeated."""
        if self.error is not None or len(self.runs) < 2:
            return None
        times = [e["real_time"] * SECONDS[self.unit] for e in self.runs]
        return min(times), max(times)

    @property
    def label(self):
        """What binds."""
        return self.notes[0]

    @property
    def notes(self):
        """Label and, of a peer, what was said of it behind that. That noise hides a ratio is told by its interval."""
        first, *rest = ["" if note.startswith(tuple(f"{mode}: " for mode in MODES)) else note
                        for note in self.entries[0].get("label", "").split("; ")]
        return [first] + [note for note in rest if note]

    @property
    def intensity(self):
        """Flops per byte of the tensors read and written."""
        flops, count = self.value("flops"), self.value("bytes")
        return flops / count if flops and count else None


class Pass:
    """A whole pass of a network and the lines of its layers, or a step of training."""

    def __init__(self, net, mode, isa, batch, threads):
        self.net, self.mode, self.isa, self.batch, self.threads = net, mode, isa, batch, threads
        self.benchmark = None
        self.layers = []  # (name, Benchmark)

    @property
    def is_plain(self):
        return self.isa in PLAIN

    @property
    def is_peer(self):
        return is_peer(self.isa)

    @property
    def ok(self):
        return self.benchmark is not None and self.benchmark.seconds is not None

    def value(self, key):
        return self.benchmark.value(key) if self.benchmark else None

    @property
    def disturbed(self):
        """One thread that works all the time has a CPU all the time, unless others took it. More threads share theirs with a pool, whose
        CPU time is not counted."""
        real, busy = self.value("real_time"), self.value("cpu_time")
        return self.threads == 1 and bool(real) and busy is not None and busy < 0.9 * real


class Ceiling:
    """kind: fma, read or amx; name: ISA, memory level or number format."""

    def __init__(self, kind, name, threads, benchmark):
        self.kind, self.name, self.threads, self.benchmark = kind, name, threads, benchmark
        self.key = "GB/s" if kind == "read" else "GFLOP/s"

    @property
    def value(self):
        return self.benchmark.value(self.key)


class Kernel:
    """A kernel by itself. way: hot, cold (caches flushed before every run) or plain (the public function, reorders included)."""

    def __init__(self, op, mode, isa, algorithm, case, way, threads, benchmark):
        self.op, self.mode, self.isa, self.algorithm, self.case = op, mode, isa, algorithm, case
        self.way, self.threads, self.benchmark = way, threads, benchmark

    @property
    def is_peer(self):
        return is_peer(self.isa)


def clean(name):
    return "/".join(p for p in name.split("/") if not p.startswith(ADDED))


def parse_pass(name):
    """(net, mode, isa, batch, threads), layer or ""."""
    found = re.fullmatch(r"([^/]+)/(.+?)/([^/]+)/b(\d+)/t(\d+)(?:/(.+))?", name, re.DOTALL)
    return found and ((found[1], found[2], found[3], int(found[4]), int(found[5])), found[6] or "")


def parse_kernel(name):
    found = re.fullmatch(r"([^/]+)/([^/]+)/([^/]+)/([^/]+)/t(\d+)", name, re.DOTALL)
    if not found:
        return None
    case, way = found[4], "hot"
    for suffix in ("cold", "plain"):
        if case.endswith("-" + suffix):
            case, way = case[:-len(suffix) - 1], suffix
    algorithm, dot, rest = ("", "", case) if is_peer(found[3]) else case.partition(".")
    return (found[1], found[2], found[3], algorithm if dot else "", rest if dot else case, way, int(found[5]))


def parse_ceiling(name):
    found = re.fullmatch(r"roof/(fma|read|amx)/([^/]+)/t(\d+)", name)
    return found and (found[1], found[2], int(found[3]))


PROGRAMS = {"roof": ("bench_roof", parse_ceiling), "nets": ("bench_nets", parse_pass), "ops": ("bench_ops", parse_kernel)}


class File:
    """One JSON file. kind: roof, nets or ops."""

    def __init__(self, path, kind):
        self.path, self.kind = path, kind
        data = load(path)
        self.context = data["context"]
        program, parse = PROGRAMS[kind]
        found = {}
        for entry in data["benchmarks"]:
            check_entry(path, entry)
            name = entry.get("run_name", entry["name"])
            if not name.startswith("machine/") and not parse(clean(name)):
                raise BadResults(f"{path}: \"{name}\" is no benchmark of {program}")
            found.setdefault(name, Benchmark(clean(name))).add(entry)
        self.benchmarks = list(found.values())

    @property
    def noise(self):
        return next((b for b in self.benchmarks if b.name == "machine/noise"), None)

    @property
    def measured(self):
        return [b for b in self.benchmarks if not b.name.startswith("machine/")]


def printable(value):
    """The same JSON, with what no page or figure can hold (control characters, lone surrogates) replaced in its strings."""
    if isinstance(value, str):
        return "".join(c if c.isprintable() else "\ufffd" for c in value)
    if isinstance(value, list):
        return [printable(v) for v in value]
    return {printable(k): printable(v) for k, v in value.items()} if isinstance(value, dict) else value


def load(path):
    try:
        with open(path, encoding="utf-8") as f:
            data = printable(json.load(f))
    except OSError as error:
        raise BadResults(f"{path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise BadResults(f"{path}: not JSON: {error}") from error
    if not isinstance(data, dict) or not isinstance(data.get("context"), dict) or not isinstance(data.get("benchmarks"), list):
        raise BadResults(f"{path}: not a result of Google Benchmark: no \"context\" and list of \"benchmarks\"")
    return data


def check_entry(path, entry):
    if not isinstance(entry, dict) or not isinstance(entry.get("name"), str) or not isinstance(entry.get("run_name", ""), str):
        raise BadResults(f"{path}: a benchmark has no name")
    if entry.get("error_occurred") or entry.get("skipped"):
        return
    if entry.get("run_type") == "aggregate" and not isinstance(entry.get("aggregate_name"), str):
        raise BadResults(f"{path}: \"{entry['name']}\" is an aggregate of no name")
    if not is_number(entry.get("real_time")) or entry.get("time_unit") not in SECONDS:
        raise BadResults(f"{path}: \"{entry['name']}\" has no real_time with a time_unit of {', '.join(SECONDS)}")


def fastest(passes):
    """Of Lanewise's that are not plain loops and gave the right bits; None if there is none."""
    return min((p for p in passes if not p.is_plain and not p.is_peer and p.ok), key=lambda p: p.benchmark.seconds, default=None)


class Results:
    """All of a run of bench/run. ops may be None."""

    def __init__(self, roof, nets, ops=None):
        self.roof, self.nets, self.ops = File(roof, "roof"), File(nets, "nets"), File(ops, "ops") if ops else None
        self.files = [f for f in (self.roof, self.nets, self.ops) if f]
        self.context = self.nets.context
        self.ceilings = [Ceiling(*parse_ceiling(b.name), b) for b in self.roof.measured]
        self.passes, self.steps = self._passes()
        self.kernels = [Kernel(*parse_kernel(b.name), b) for b in self.ops.measured] if self.ops else []

    def _passes(self):
        """Whole passes, and steps of training (net/train/mode/...)."""
        passes, steps = {}, {}
        for b in self.nets.measured:
            (net, mode, *rest), layer = parse_pass(b.name)
            found = steps if mode.startswith(TRAIN) else passes
            key = (net, mode.removeprefix(TRAIN), *rest)
            p = found.setdefault(key, Pass(*key))
            if layer:
                p.layers.append((layer, b))
            else:
                p.benchmark = b
        return list(passes.values()), list(steps.values())

    @property
    def failed(self):
        return [b for f in self.files for b in f.benchmarks if b.error is not None]

    @property
    def net_names(self):
        return list(dict.fromkeys(p.net for p in self.passes + self.steps))

    def thread_counts(self):
        """Threads of Lanewise's passes and steps that are not plain loops."""
        return sorted({p.threads for p in self.passes + self.steps if not p.is_plain and not p.is_peer})

    def best(self, net, threads, batch=1, mode=None):
        """Lanewise's fastest pass that is not plain loops and gave the right bits; None if there is none."""
        return fastest(p for p in self.passes if p.net == net and p.threads == threads and p.batch == batch and mode in (None, p.mode))

    def fully_connected(self):
        """Lanewise's exact kernels and peers on VGG16's fully connected layers, by layer, caches and threads."""
        found = [k for k in self.kernels if k.op == "linear" and k.case in FC_LAYERS and k.isa not in PLAIN]
        return sorted(found, key=lambda k: (k.case, k.threads, k.way != "hot", k.way, isa_rank(k.isa)))

    def share_of_dram(self, kernel):
        """Its bandwidth in percent of the measured DRAM read."""
        read, speed = self.ceiling("read", "DRAM", kernel.threads), kernel.benchmark.value("GB/s")
        return 100 * speed / read if read and speed else None

    def ceiling(self, kind, name, threads):
        return next((c.value for c in self.ceilings if (c.kind, c.name, c.threads) == (kind, name, threads)), None)


# What a reader sees: numbers, each from one format, and names.

def four_digits(value):
    """Four significant digits without an exponent."""
    if not math.isfinite(value):
        return str(value)
    value = float(f"{value:.3e}")
    size = math.floor(math.log10(abs(value))) if value else 0
    return f"{value:,.{max(0, 3 - size)}f}"


def time_text(seconds, digits=four_digits):
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if float(f"{seconds:.3e}") >= scale:
            return f"{digits(seconds / scale)} {unit}"
    return f"{digits(seconds * 1e9)} ns"


def micro(text):
    """For readers of a page; a terminal may not know the letter."""
    return text.replace(" us", " µs")


def times_text(value):
    """A speed-up."""
    return f"{value:.0f}" if value >= 99.95 else f"{value:.1f}" if value >= 9.995 else f"{value:.2f}"


def error_text(value):
    """Error / bound: two significant digits without an exponent, and whole numbers."""
    size = math.floor(math.log10(abs(value))) if value and math.isfinite(value) else 0
    return f"{value:,.{max(0, 1 - size)}f}" if value else "0"


def ratio_text(value):
    return times_text(value) if value >= 0.0995 else error_text(value)


def ratio_words(ratio):
    """(median, low, high) of Benchmark.ratio, and whether it can be told from 1 at all."""
    middle, low, high = ratio
    if low is None or high is None:
        return f"{ratio_text(middle)} (too few rounds)"
    return f"{ratio_text(middle)} [{ratio_text(low)}, {ratio_text(high)}]" + (" hidden by noise" if is_hidden(ratio) else "")


def is_hidden(ratio):
    """Does the interval hold 1, so that noise hides which is faster?"""
    _, low, high = ratio
    return low is not None and high is not None and low <= 1 <= high


NET_NAMES = {"vgg16": "VGG16", "lenet5": "LeNet-5", "lenet5_1998": "LeNet-5 of 1998", "net": "Net", "mlp": "MLP"}
ISA_NAMES = {"avx2": "AVX2", "avx512": "AVX-512", "neon": "NEON", "amx": "AMX"}
# Simonyan and Zisserman's names beside torchvision's.
VGG16_CONVS = ("conv1_1 conv1_2 conv2_1 conv2_2 conv3_1 conv3_2 conv3_3 conv4_1 conv4_2 conv4_3 conv5_1 conv5_2 conv5_3").split()
LAYER_NAMES = dict(zip((f"features.{i}" for i in (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)), VGG16_CONVS))
LAYER_NAMES.update({"classifier.0": "fc6", "classifier.3": "fc7", "classifier.6": "fc8"})
# Cases of bench_ops.
FC_LAYERS = {f"vgg16-{name}": name for name in ("fc6", "fc7", "fc8")}


def net_text(net):
    return NET_NAMES.get(net, net)


def isa_text(isa):
    return ISA_NAMES.get(isa, isa)


def layer_text(net, layer):
    return LAYER_NAMES.get(layer, layer) if net == "vgg16" else layer


def threads_text(threads):
    return f"{threads} thread{'' if threads == 1 else 's'}"
