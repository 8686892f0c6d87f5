# SPDX-License-Identifier: Apache-2.0
"""Made-up results in the form of Google Benchmark, for machines of any kind: what the tests of the report are given."""
import json
import math
import pathlib
import random
import statistics

VGG16 = [  # layer, flops, bytes, bytes of weights
    ("features.0", 173e6, 13.5e6, 7e3), ("features.2", 3.7e9, 16.2e6, 148e3), ("features.5", 1.85e9, 9.9e6, 295e3),
    ("features.7", 3.7e9, 8.6e6, 591e3), ("features.10", 1.85e9, 6.0e6, 1.18e6), ("features.12", 3.7e9, 8.8e6, 2.36e6),
    ("features.14", 3.7e9, 6.4e6, 2.36e6), ("features.17", 1.85e9, 7.1e6, 4.7e6), ("features.19", 3.7e9, 12.7e6, 9.4e6),
    ("features.21", 3.7e9, 11.4e6, 9.4e6), ("features.24", 925e6, 10.2e6, 9.4e6), ("features.26", 925e6, 10.2e6, 9.4e6),
    ("features.28", 925e6, 9.9e6, 9.4e6), ("classifier.0", 205e6, 411e6, 411e6), ("classifier.3", 33.6e6, 67e6, 67e6),
    ("classifier.6", 8.2e6, 16.4e6, 16.4e6)]
NETS = {"vgg16": (30.9e9, 554e6), "net": (48.7e6, 0.97e6), "lenet5": (833e3, 247e3), "lenet5_1998": (845e3, 247e3), "mlp": (532e3, 1.07e6)}
PEAK = {"naive": 1.0, "autovec": 0.95, "avx2": 117.0, "avx512": 116.4, "neon": 40.0, "amx": 900.0}
PER_SECOND = ("GFLOP/s", "GB/s", "images/s", "percent_of_roof", "speedup_over_naive", "speedup_over_autovec")
READ = {"L1": 202.0, "L2": 110.0, "L3": 90.0, "DRAM": 25.5}


class Machine:
    def __init__(self, isas=("avx2", "avx512"), threads=(1, 2), rounds=5, seed=1, slow=True, modes=("exact",), noise=0.01, peers=None):
        self.isas, self.threads, self.rounds, self.slow, self.modes, self.noise = isas, threads, rounds, slow, modes, noise
        self.peers = peers or {}  # their speed, by name: times as long as mode exact
        self.random = random.Random(seed)
        self.context = {"date": "2026-11-25T10:00:00+00:00", "host_name": "made-up", "num_cpus": max(threads), "rounds": rounds,
                        "machine": f"Made-up CPU, {max(threads)} cores, L1 32 KB, L2 1024 KB, L3 32768 KB, 2600 MHz, governor unknown",
                        "compiler": "GNU 12.2.0 -O3", "commit": "0123456789ab", "commit_date": "2026-11-24"}
        self.context.update({f"peer_{name}": "1.2.3" for name in self.peers})

    def repeated(self, name, seconds, unit="us", rounds=None, error=None, **counters):
        """Runs and aggregates of one benchmark. Of PER_SECOND the amounts are given."""
        name = f"{name}/manual_time"
        rounds = self.rounds if rounds is None else rounds
        scale = {"ns": 1e9, "us": 1e6, "ms": 1e3, "s": 1.0}[unit]
        runs = []
        for i in range(rounds):
            entry = {"name": name, "run_name": name, "run_type": "iteration", "repetitions": rounds, "repetition_index": i, "threads": 1,
                     "iterations": 10 + i}
            if error and i == rounds - 1:
                runs.append(dict(entry, error_occurred=True, error_message=error))
                continue
            time = seconds * math.exp(self.random.gauss(0, self.noise))
            entry.update(real_time=time * scale, cpu_time=time * scale * 0.99, time_unit=unit)
            for key, value in counters.items():
                entry[key] = value / time if key in PER_SECOND else value
            runs.append(entry)
        if rounds < 2 or error:
            return runs
        keys = ["real_time", "cpu_time"] + [k for k in counters if k != "label"]
        aggregates = []
        for what, aggregate_unit, function in (("mean", "time", statistics.mean), ("median", "time", statistics.median),
                                               ("stddev", "time", statistics.stdev),
                                               ("cv", "percentage", lambda v: statistics.stdev(v) / statistics.mean(v) if any(v) else math.nan)):
            entry = {"name": f"{name}_{what}", "run_name": name, "run_type": "aggregate", "aggregate_name": what,
                     "aggregate_unit": aggregate_unit, "repetitions": rounds, "threads": 1, "iterations": rounds, "time_unit": unit}
            entry.update({k: function([r[k] for r in runs]) for k in keys})
            if "label" in counters:
                entry["label"] = counters["label"]
            aggregates.append(entry)
        return runs + aggregates

    def pace(self, isa, threads, flops, weights, far):
        """Seconds, seconds of the roof, what binds."""
        fma = flops / (PEAK[isa] * 1e9 * threads ** 0.98)
        read = weights / (READ["DRAM" if far else "L2"] * 1e9 * threads ** (0.4 if far else 0.97))
        roof = max(fma, read)
        return roof / 0.93 + 2e-7, roof, "FMA" if fma > read else "DRAM" if far else "L2"

    def paired(self, slower, modes):
        """Counters of a peer that takes `slower` times as long as mode exact, with intervals, and its label's notes."""
        counters, notes = {"pairs": 9, "error_over_bound": 0.0703}, []
        for mode, ratio in (("exact", slower), ("fast", 1.9 * slower))[:len(modes)]:
            low, high = ratio * 0.95, ratio * 1.04
            counters.update({f"ratio_{mode}": ratio, f"ratio_{mode}_low": low, f"ratio_{mode}_high": high, f"{mode}_us": 12.5})
            notes += [f"{mode}: hidden by noise"] * (low <= 1 <= high)
        return counters, notes

    def noise_line(self):
        return self.repeated("machine/noise/iterations:1", 0.0, stolen_percent=0.5, clock_drift_percent=0.25, throttled=0)

    def roof(self):
        lines = []
        for t in self.threads:
            for isa in self.isas:
                lines.append((f"roof/fma/{isa}/t{t}", {"GFLOP/s": PEAK[isa] * t ** 0.98}))
            for level, speed in READ.items():
                lines.append((f"roof/read/{level}/t{t}", {"GB/s": speed * t ** (0.4 if level == "DRAM" else 0.97)}))
        entries = [dict(self.repeated(name + "/iterations:1", 0.1, "ms", 1)[0], **c) for name, c in lines]
        return {"context": self.context, "benchmarks": entries + self.noise_line()}

    def nets(self):
        entries = []
        for net, (flops, weights) in NETS.items():
            far = net == "vgg16"
            naive = flops / 0.8e9
            plain = {"naive": naive, "autovec": naive * 1.02} if self.slow or not far else {}

            def one(mode, isa, threads, seconds, roof, rounds=None):
                counters = {"GFLOP/s": flops * 1e-9, "GB/s": weights * 1e-9, "images/s": 1.0, "flops": flops, "bytes": weights * 1.2,
                            "percent_of_roof": 100 * roof}
                if plain:
                    counters.update(speedup_over_naive=plain["naive"], speedup_over_autovec=plain["autovec"])
                return self.repeated(f"{net}/{mode}/{isa}/b1/t{threads}", seconds, "ms" if far else "us", rounds, **counters)

            for isa, seconds in plain.items():
                entries += one("exact" if isa == "naive" else "fast", isa, 1, seconds, seconds / 100, 1 if far else None)
            for threads in self.threads:
                for isa in self.isas:
                    for mode in self.modes:
                        speed = 1 if mode == "exact" else 1.9
                        if not far:
                            seconds, roof, _ = self.pace(isa, threads, flops, weights, far)
                            entries += one(mode, isa, threads, seconds + 2e-6 * (threads > 1), roof)
                            continue
                        layers = [(n, f, b, w, *self.pace(isa, threads, f, w, far)) for n, f, b, w in VGG16]
                        layers = [(n, f, b, w, s / speed if k == "FMA" else s, r, k) for n, f, b, w, s, r, k in layers]
                        entries += one(mode, isa, threads, sum(x[4] for x in layers), sum(x[5] for x in layers))
                        for n, f, b, w, seconds, roof, label in layers:
                            entries += self.repeated(f"vgg16/{mode}/{isa}/b1/t{threads}/{n}/iterations:1", seconds, "ms", label=label,
                                                     flops=f, bytes=b, **{"GFLOP/s": f * 1e-9, "GB/s": w * 1e-9, "percent_of_roof": 100 * roof})
                for name, slower in self.peers.items():
                    counters, notes = self.paired(slower, self.modes)
                    seconds = slower * self.pace(self.isas[-1], threads, flops, weights, far)[0]
                    counters.update({"GFLOP/s": flops * 1e-9, "images/s": 1.0, "flops": flops, "bytes": weights * 1.2})
                    if plain:
                        counters.update(speedup_over_naive=plain["naive"])
                    entries += self.repeated(f"{net}/fast/{name}/b1/t{threads}/iterations:1", seconds, "ms" if far else "us",
                                             label="; ".join(["operator by operator"] * (name != "whole") + notes), **counters)
        return {"context": self.context, "benchmarks": entries + self.training() + self.noise_line()}

    def training(self):
        """Of LeNet-5 and, where slow ones are run, of VGG16, which has no plain loops, but mode fast."""
        entries = []
        for net, batch in (("lenet5", 64), ("vgg16", 4))[:1 + self.slow]:
            flops, weights = 3 * batch * NETS[net][0], NETS[net][1]
            naive = flops / 0.2e9 / batch

            def one(isa, threads, seconds, roof, rounds=None, mode="exact"):
                counters = {"GFLOP/s": flops * 1e-9, "GB/s": 5 * weights * 1e-9, "images/s": batch, "flops": flops, "bytes": weights * 9,
                            "percent_of_roof": 100 * roof, "memory_bytes": 5859390, "memory_ratio": 1.125}
                if net == "lenet5":
                    counters.update(speedup_over_naive=naive * batch)
                return self.repeated(f"{net}/train/{mode}/{isa}/b{batch}/t{threads}", seconds, "ms" if net == "vgg16" else "us", rounds, **counters)

            if net == "lenet5":
                entries += one("naive", 1, naive * batch, naive)
            for threads in self.threads:
                for isa in self.isas:
                    seconds, roof, _ = self.pace(isa, threads, flops, weights, net == "vgg16")
                    entries += one(isa, threads, seconds, roof, 1 if net == "vgg16" else None)
                    if net == "vgg16":
                        entries += one(isa, threads, 0.7 * seconds, 0.7 * roof, 1, "fast")
        return entries

    def ops(self):
        entries = []
        cases = [("conv2d", "direct", f"vgg16-{n}", f, b) for n, f, b, _ in VGG16[:8:3]] + [
            ("conv2d", "direct", "lenet5-c1", 235e3, 22e3), ("conv2d", "direct", "lenet5-c3", 480e3, 21e3),
            ("linear", "panels", "lenet5-f5", 96e3, 194e3), ("linear", "panels", "vgg16-fc6", 205e6, 411e6), ("linear", "panels", "vgg16-fc8", 8.2e6, 16.4e6), ("relu", "", "c64", 0, 1e6)]
        for op, algorithm, case, flops, size in cases:
            for isa in self.isas:
                for way in ("", "-cold"):
                    seconds, roof, label = self.pace(isa, 1, flops, size, bool(way))
                    name = f"{op}/exact/{isa}/{algorithm}{'.' if algorithm else ''}{case}{way}/t1"
                    counters = {"GFLOP/s": flops * 1e-9} if flops else {}
                    entries += self.repeated(name, seconds + (1.5e-6 if way else 0), label=label, flops=flops, bytes=size,
                                             **{"GB/s": size * 1e-9, "percent_of_roof": 100 * roof}, **counters)
            for name, slower in self.peers.items():
                counters, notes = self.paired(slower, self.modes)
                entries += self.repeated(f"{op}/fast/{name}/{case}/t1/iterations:1", 1e-5 * slower,
                                         label="; ".join(["FMA", "run() on plain tensors"] + notes), flops=flops, bytes=size, **counters)
        return {"context": self.context, "benchmarks": entries + self.noise_line()}

    def write(self, folder, ops=True):
        """Paths of the files."""
        paths = []
        for kind in ("roof", "nets") + (("ops",) if ops else ()):
            path = pathlib.Path(folder) / f"{kind}.json"
            path.write_text(json.dumps(getattr(self, kind)()), encoding="utf-8")
            paths.append(str(path))
        return paths
