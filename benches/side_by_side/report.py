"""The tables of compare.py."""
from statistics import median

OURS = "straggler"
# What we want to be, in times as fast as a peer, at 30 workers (and at any number).
TARGETS = {
    ("din", "JAX scan"): 1.5, ("small", "JAX scan"): 2.5,
    ("din", "PyTorch compiled"): 2.4, ("small", "PyTorch compiled"): 6.0,
}


def processor():
    """Name of the processor and its widest vector instructions."""
    with open("/proc/cpuinfo") as file:
        lines = file.read().splitlines()
    value = lambda key: next((line.split(":", 1)[1].strip() for line in lines if line.startswith(key)), "unknown")
    flags = value("flags").split()
    widest = "AVX-512" if "avx512f" in flags else "AVX2" if "avx2" in flags else "no AVX2"
    return f"{value('model name')} ({widest})"


class Measurements:
    """Every measurement by model, workers, program and round."""

    def __init__(self):
        self.cells = {}

    def add(self, model, workers, program, round_, found):
        self.cells.setdefault((model, workers), {}).setdefault(program, {})[round_] = found

    def print(self):
        """One table per model; ratios are medians over the rounds of peer / ours."""
        for model in dict.fromkeys(model for model, _ in self.cells):
            print(f"\n{model}\n| workers | program | us of processor time per push | peer / ours | target | "
                  + ("million events a second" if model == "events" else "loss | peak memory, MiB") + " |")
            print("|---|---|---|---|---|---|" + ("" if model == "events" else "---|"))
            for (name, workers), programs in self.cells.items():
                if name == model:
                    for program, rounds in programs.items():
                        print(row(model, workers, program, rounds, programs.get(OURS, {})))


def row(model, workers, program, rounds, ours):
    costs = [found["cpu_us_per_push"] for found in rounds.values()]
    spread = f"{median(costs):.4g} ({min(costs):.4g} to {max(costs):.4g})"
    pairs = [found["cpu_us_per_push"] / ours[r]["cpu_us_per_push"] for r, found in rounds.items() if r in ours]
    ratio = "" if program == OURS or not pairs else f"{median(pairs):.2f}"
    target = TARGETS.get((model, program), "")
    if model == "events":
        rates = [found["events_per_cpu_s"] / 1e6 for found in rounds.values()]
        rest = f"{median(rates):.2f}"
    else:
        losses = [found["loss_last50"] for found in rounds.values()]
        rest = f"{median(losses):.4f} | {max(found['peak_rss_mb'] for found in rounds.values()):.0f}"
    return f"| {workers} | {program} | {spread} | {ratio} | {target} | {rest} |"
