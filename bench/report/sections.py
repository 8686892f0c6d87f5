# SPDX-License-Identifier: Apache-2.0
"""The tables of the report. Every number stands in a cell with its name in the JSON (data-key) and all its digits (data-value); what is
computed from several numbers has a key that starts with derived:."""
from figures import nets_in_order, run_text
from markup import element, number_cell, table
from results import (FC_LAYERS, MODES, OUTERMOST, SECONDS, error_text, fastest, four_digits, is_hidden, is_number, isa_rank, isa_text, layer_text, micro,
                     net_text, ratio_text, threads_text, time_text, times_text)


MEASURED = {"roof": "roofs", "nets": "whole passes", "ops": "single kernels"}


def fixed(digits):
    return lambda value: f"{value:.{digits}f}"


def whole(value):
    return f"{value:,.0f}"


def any_number(value):
    return whole(value) if value == int(value) and abs(value) < 1e15 else four_digits(value)


def time_cell(benchmark, value=None):
    unit = benchmark.unit
    return number_cell(benchmark.value("real_time") if value is None else value, lambda v: micro(time_text(v * SECONDS[unit])), "real_time")


def spread_cell(benchmark):
    """From the fastest to the slowest repetition in percent of the median."""
    if not benchmark.spread or not benchmark.seconds:
        return number_cell(None, None, "")
    low, high = benchmark.spread
    return number_cell(100 * (high - low) / benchmark.seconds, lambda v: f"{v:.1f} %", "derived:spread")


def key_cell(value):
    """A number that tells which benchmark it is."""
    return element("td", str(value), class_="key")


def counter(benchmark, key, form):
    return number_cell(benchmark.value(key), form, key)


def row(file, benchmark, lead, cells, **attributes):
    """lead: cells before the numbers. A failed benchmark has its message in place of the numbers."""
    lead = [cell if not isinstance(cell, str) else element("td", cell, class_="text") for cell in lead]
    if benchmark.error is not None:
        body = [element("td", f"failed: {benchmark.error}", class_="failed", colspan=len(cells()))]
    else:
        body = cells()
    return element("tr", *lead, *body, data_file=file, data_name=benchmark.name, **attributes)


def roofs(results):
    counts = sorted({c.threads for c in results.ceilings})
    names = list(dict.fromkeys((c.kind, c.name, c.key) for c in results.ceilings))
    words = {"fma": "FMA peak", "read": "reading", "amx": "AMX peak"}
    rows = []
    for kind, name, key in names:
        cells = [element("td", f"{words[kind]}, {isa_text(name)}", class_="text"), element("td", key, class_="text")]
        for threads in counts:
            c = next((c for c in results.ceilings if (c.kind, c.name, c.threads) == (kind, name, threads)), None)
            if c and c.benchmark.error is not None:
                cells.append(element("td", f"failed: {c.benchmark.error}", class_="failed", data_name=c.benchmark.name, data_file="roof"))
            else:
                cells.append(number_cell(c.value if c else None, fixed(1), key, data_name=c and c.benchmark.name, data_file="roof"))
        rows.append(cells)
    return table(["<ceiling", "<unit"] + [threads_text(t) for t in counts], rows, "Measured ceilings of this machine")


def passes(results, net):
    rows = pass_rows([p for p in results.passes if p.net == net and p.benchmark], lambda b: [
        counter(b, "speedup_over_autovec", times_text), counter(b, "error_over_bound", error_text)])
    return table(PASS_HEAD + ["× autovec", "error / bound"], rows, f"{net_text(net)}, whole passes")


def steps(results, net):
    """None if it was not trained."""
    rows = pass_rows([p for p in results.steps if p.net == net and p.benchmark], lambda b: [
        counter(b, "memory_bytes", whole), counter(b, "memory_ratio", fixed(2))])
    return table(PASS_HEAD + ["byte", "× least"], rows, f"{net_text(net)}, steps of training") if rows else None


PASS_HEAD = ["<ISA", "<mode", "batch", "threads", "time", "spread", "images/s", "GFLOP/s", "% of roof", "× naive"]


def pass_rows(runs, more):
    """more(benchmark): the cells behind those of PASS_HEAD."""
    rows, best = [], {}
    for p in runs:
        best.setdefault((p.batch, p.threads), fastest(q for q in runs if (q.batch, q.threads) == (p.batch, p.threads)))
    for p in sorted(runs, key=lambda p: (p.batch, p.threads, isa_rank(p.isa), p.mode)):
        b = p.benchmark
        rows.append(row("nets", b, [isa_text(p.isa), p.mode, key_cell(p.batch), key_cell(p.threads)], lambda b=b: [
            time_cell(b), spread_cell(b), counter(b, "images/s", four_digits), counter(b, "GFLOP/s", fixed(1)),
            counter(b, "percent_of_roof", fixed(0)), counter(b, "speedup_over_naive", times_text), *more(b)],
            class_="best" if best[p.batch, p.threads] is p else None))
    return rows


def ratio_cells(benchmark):
    """Of each mode the median, the ends of the interval and what to make of it."""
    cells = []
    for mode in MODES:
        key, ratio = f"ratio_{mode}", benchmark.ratio(mode)
        cells.append(counter(benchmark, key, ratio_text))
        cells += [counter(benchmark, key + end, ratio_text) for end in OUTERMOST]
        if ratio is None:
            text = ""
        elif ratio[1] is None or ratio[2] is None:
            text = "too few rounds"
        else:
            text = "hidden by noise" if is_hidden(ratio) else "slower" if ratio[0] > 1 else "faster"
        cells.append(element("td", text, class_="text"))
    return cells


RATIO_HEAD = [word for mode in MODES for word in (f"× {mode}", "from", "to", "<")]


def peers(results, net):
    """Other libraries' passes; None if there are none."""
    runs = sorted((p for p in results.passes if p.net == net and p.is_peer and p.benchmark), key=lambda p: (p.batch, p.threads))
    rows = []
    for p in runs:
        b = p.benchmark
        rows.append(row("nets", b, [p.isa, key_cell(p.batch), key_cell(p.threads)], lambda b=b: [
            time_cell(b), *ratio_cells(b), counter(b, "pairs", whole), counter(b, "error_over_bound", error_text),
            element("td", "; ".join(note for note in b.notes if note), class_="text")]))
    return table(["<library", "batch", "threads", "time", *RATIO_HEAD, "pairs", "error / bound", "<note"], rows,
                 f"{net_text(net)}, other libraries") if rows else None


def fully_connected(results):
    """None if they were not measured by themselves."""
    rows = []
    for k in results.fully_connected():
        b = k.benchmark
        rows.append(row("ops", b, [FC_LAYERS[k.case], isa_text(k.isa), k.mode, k.way, key_cell(k.threads)], lambda b=b, k=k: [
            time_cell(b), spread_cell(b), counter(b, "bytes", whole), counter(b, "GB/s", fixed(1)),
            number_cell(results.share_of_dram(k), fixed(0), "derived:share_of_dram")]))
    return table(["<layer", "<by", "<mode", "<caches", "threads", "time", "spread", "byte", "GB/s", "% of DRAM read"], rows,
                 "Fully connected layers of VGG16") if rows else None


def layers(p):
    total = sum(b.seconds or 0 for _, b in p.layers)
    rows = []
    for name, b in p.layers:
        rows.append(row("nets", b, [layer_text(p.net, name), name], lambda b=b: [
            time_cell(b), spread_cell(b), number_cell(100 * b.seconds / total if b.seconds and total else None, fixed(1), "derived:share"),
            counter(b, "GFLOP/s", fixed(1)), counter(b, "GB/s", fixed(1)), counter(b, "flops", whole), counter(b, "bytes", whole),
            number_cell(b.intensity, four_digits, "derived:intensity"), counter(b, "percent_of_roof", fixed(0)),
            element("td", b.label, class_="text"), counter(b, "error_over_bound", error_text)]))
    return table(["<layer", "<name", "time", "spread", "% of pass", "GFLOP/s", "weights GB/s", "flop", "byte", "flop/byte", "% of roof", "<bound by",
                  "error / bound"],
                 rows, f"{net_text(p.net)}, {run_text(p)}, {threads_text(p.threads)}, layer by layer")


def kernels(results, op):
    rows = []
    compared = any(k.op == op and k.is_peer for k in results.kernels)
    for k in results.kernels:
        if k.op != op:
            continue
        b = k.benchmark
        rows.append(row("ops", b, [k.case, isa_text(k.isa), k.mode, k.algorithm, k.way, key_cell(k.threads)], lambda b=b: [
            time_cell(b), spread_cell(b), counter(b, "GFLOP/s", fixed(1)), counter(b, "GB/s", fixed(1)),
            number_cell(b.intensity, four_digits, "derived:intensity"), counter(b, "percent_of_roof", fixed(0)),
            element("td", b.label, class_="text"), counter(b, "speedup_over_naive", times_text),
            counter(b, "error_over_bound", error_text), *(ratio_cells(b) if compared else [])]))
    return table(["<case", "<ISA", "<mode", "<algorithm", "<caches", "threads", "time", "spread", "GFLOP/s", "GB/s", "flop/byte", "% of roof",
                  "<bound by", "× naive", "error / bound", *(RATIO_HEAD if compared else [])], rows, op)


def noise(results):
    rows = []
    for f in results.files:
        b = f.noise
        if b:
            cells = lambda b=b: [counter(b, "stolen_percent", fixed(1)), counter(b, "clock_drift_percent", lambda v: f"{v:+.1f}"),
                                 counter(b, "throttled", fixed(0))]
            rows.append(row(f.kind, b, [MEASURED[f.kind]], cells))
    return table(["<while measuring", "% of CPU time stolen", "% clock drift", "times throttled"], rows, "Noise") if rows else None


# Of an entry of Google Benchmark, what is no measurement.
DESCRIPTION = ("name", "run_name", "run_type", "family_index", "per_family_instance_index", "repetitions", "repetition_index", "threads",
               "time_unit", "label", "aggregate_name", "aggregate_unit", "error_occurred", "error_message")


def everything(file):
    """Every run and aggregate of a file with every counter."""
    entries = [(b, e) for b in file.benchmarks for e in b.entries]
    keys = list(dict.fromkeys(k for _, e in entries for k, v in e.items() if k not in DESCRIPTION and is_number(v)))
    keys.sort(key=lambda k: ("real_time", "cpu_time", "iterations").index(k) if k in ("real_time", "cpu_time", "iterations") else 3)
    rows = []
    for b, e in entries:
        which = e.get("aggregate_name") or f"run {e.get('repetition_index', 0) + 1}"
        lead = [element("td", b.name, class_="text"), element("td", which, class_="text")]
        if e.get("error_occurred") or e.get("skipped"):
            cells = [element("td", f"failed: {b.error}", class_="failed", colspan=len(keys) + 1)]
        elif b.error is not None:
            cells = [element("td", "no number: another run failed", class_="failed", colspan=len(keys) + 1)]
        else:
            unit = "1" if e.get("aggregate_unit") == "percentage" else e["time_unit"]
            cells = [element("td", unit, class_="text")] + [number_cell(e.get(k), any_number, k) for k in keys]
        rows.append(element("tr", *lead, *cells, data_file=file.kind, data_name=b.name, data_which=which))
    return table(["<benchmark", "<run", "<unit of time"] + keys, rows, f"{file.kind}.json")


def detail(summary, node, is_open=False):
    return element("details", element("summary", summary), node, open="" if is_open else None)


def all_tables(results):
    nodes = [element("h2", "Every number", id="tables"),
             element("p", "A time is the median where a benchmark was repeated; the spread is from the fastest to the slowest repetition, in "
                     "percent of the median. Speed-ups are per image, over plain loops on one thread. Bold: Lanewise’s fastest. Error / bound: the "
                     "largest. × least: memory over what weights, gradients, momentum and kept activations take. Of other libraries: how many times longer they take than Lanewise’s mode exact and fast, measured in turns.",
                     class_="small")]
    nodes += [element("h3", "Ceilings"), roofs(results)]
    for net in nets_in_order(results):
        nodes += [element("h3", f"{net_text(net)}, whole passes"), passes(results, net)]
        learned = steps(results, net)
        if learned is not None:
            nodes += [element("h3", f"{net_text(net)}, steps of training"), learned]
        compared = peers(results, net)
        if compared is not None:
            nodes += [element("h3", f"{net_text(net)}, other libraries"), compared]
    layered = [p for p in results.passes if p.layers]
    if layered:
        nodes.append(element("h3", "Layer by layer"))
        first = min((p for p in layered if p.ok), key=lambda p: (p.threads, p.benchmark.seconds), default=None)
        nodes += [detail(f"{net_text(p.net)}, {run_text(p)}, {threads_text(p.threads)}", layers(p), p is first) for p in layered]
    connected = fully_connected(results)
    if connected is not None:
        nodes += [element("h3", "Fully connected layers of VGG16"), connected]
    if results.kernels:
        nodes.append(element("h3", "Kernels by themselves"))
        nodes += [detail(op, kernels(results, op), len(results.kernels) < 200) for op in dict.fromkeys(k.op for k in results.kernels)]
    else:
        nodes.append(element("p", "Kernels by themselves were not measured.", class_="absent"))
    measured_noise = noise(results)
    if measured_noise is not None:
        nodes += [element("h3", "Noise"), measured_noise]
    nodes += [element("h3", "Every run"), element("p", "All that the JSON files hold: each repetition, its mean, median, standard deviation and "
              "coefficient of variation.", class_="small")]
    nodes += [detail(f"{f.kind}.json", everything(f)) for f in results.files]
    return nodes
