#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Merges the JSON files of some runs of one Google Benchmark program into one, as if they were repetitions of one run.

usage: merge.py merged.json round.json...

Every benchmark keeps its measurements, numbered by repetition_index, and gets the aggregates mean, median, stddev and cv where there
are at least two. The context is that of the first file, with the number of files as `rounds`.

Speed-ups of whole passes and of steps of training are computed anew: a round knows only its own plain loops, and not every round runs them. They refer to the median
of the plain loops over all rounds, so that the median of a speed-up is the quotient of the medians of the times.

Paired quotients (ratio_exact, ratio_fast) have an interval in every round, ratio_..._low to ratio_..._high. Together they have the median of
the rounds' medians and the hull of their intervals: rounds differ by more than what happens within one (where memory lies, what others
do), and of n rounds the hull of the medians alone holds the median of all possible rounds with a confidence of 1 - 2^(1-n).
"""
import json
import os
import statistics
import sys

from results import OUTERMOST

# What Google Benchmark writes of a run besides numbers that were measured.
DESCRIPTION = ("name", "run_name", "run_type", "family_index", "per_family_instance_index", "repetitions", "repetition_index", "threads",
               "iterations", "time_unit", "label", "aggregate_name", "aggregate_unit")


def measurements(data):
    return [e for e in data["benchmarks"] if e.get("run_type", "iteration") == "iteration"]


def variation(values):
    mean = statistics.mean(values)
    return statistics.stdev(values) / mean if mean else 0.0


# name, unit, function, the fewest values that it takes
AGGREGATES = (("mean", "time", statistics.mean, 1), ("median", "time", statistics.median, 1), ("stddev", "time", statistics.stdev, 2),
              ("cv", "percentage", variation, 2))


def aggregates(runs):
    """What is measured in some rounds only (what refers to a slow benchmark that ran once) is aggregated over those."""
    values = {}
    for run in runs:
        for key, value in run.items():
            if key not in DESCRIPTION and isinstance(value, (int, float)) and not isinstance(value, bool):
                values.setdefault(key, []).append(value)
    for name, unit, function, fewest in AGGREGATES:
        entry = {key: runs[0][key] for key in DESCRIPTION if key in runs[0] and key != "repetition_index"}
        entry.update(name=f"{runs[0]['run_name']}_{name}", run_type="aggregate", aggregate_name=name, aggregate_unit=unit,
                     iterations=len(runs))
        entry.update({key: function(v) for key, v in values.items() if len(v) >= fewest and not key.endswith(tuple(OUTERMOST))})
        if name == "median":
            entry.update(hulls(values, len(runs)))
        yield entry


def hulls(values, count):
    """Ends of intervals, where every run has one."""
    return {key: join(v) for end, join in OUTERMOST.items() for key, v in values.items() if key.endswith(end) and len(v) == count}


def subject(name):
    """(Network and whether it learns, what it runs on)."""
    net, *rest = name.split("/")
    trains = rest[:1] == ["train"]
    return (net, trains), "".join(rest[1 + trains:2 + trains])


def refer_to_plain_loops(runs):
    """runs: entries by name, <net>/<mode>/<isa>/b<batch>/t<threads>/..., of steps of training <net>/train/<mode>/... What has images/s
    is a whole pass or a step."""
    paces = {}
    for name, entries in runs.items():
        what, isa = subject(name)
        if isa in ("naive", "autovec"):
            measured = [e["images/s"] for e in entries if "images/s" in e]
            if measured:
                paces[what, isa] = statistics.median(measured)
    for name, entries in runs.items():
        for plain in ("naive", "autovec"):
            pace = paces.get((subject(name)[0], plain))
            for entry in entries:
                if pace and "images/s" in entry:
                    entry[f"speedup_over_{plain}"] = entry["images/s"] / pace


def merge(files):
    runs = {}
    for data in files:
        for entry in measurements(data):
            runs.setdefault(entry.get("run_name", entry["name"]), []).append(entry)
    refer_to_plain_loops(runs)
    merged = []
    for name, entries in runs.items():
        for i, entry in enumerate(entries):
            merged.append(dict(entry, run_name=name, repetitions=len(entries), repetition_index=i))
        if len(entries) > 1 and not any(e.get("error_occurred") for e in entries):
            merged.extend(aggregates(merged[-len(entries):]))
    return {"context": dict(files[0]["context"], rounds=len(files)), "benchmarks": merged}


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    files = []
    for path in sys.argv[2:]:
        try:
            with open(path, encoding="utf-8") as f:
                files.append(json.load(f))
        except (OSError, ValueError) as error:
            sys.exit(f"merge.py: {path}: {error}")
    part = sys.argv[1] + ".part"
    with open(part, "w", encoding="utf-8") as f:
        json.dump(merge(files), f, indent=2)
        f.write("\n")
    os.replace(part, sys.argv[1])


if __name__ == "__main__":
    main()
