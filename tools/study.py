"""Chooses the settings of a study by its tuning sweeps, and prints its figures beside those of other seeds.

    python3 tools/study.py choose results/tuning-1a2b3c results/tuning-swap-4d5e6f
    python3 tools/study.py finalists results/tuning-1a2b3c --most 3
    python3 tools/study.py figures results/study-1a2b3c results/study-4d5e6f --against "{workers} adagrad"

A label of a sweep is a list of words. Those with a word of `--settings` before `=` (initial, rate, learning_rate) are
what is tuned; the others say which method and how many workers. `choose` prints the best label of each method by the
mean over its seeds of the AUC of the selection half at the best step, and marks settings at an edge of what was tried.
`finalists` prints the best few of each, as a list for `--only`. `figures` prints, for each label, AUC on the
reporting half minus that of the label it is held against, with 95 % intervals (Student's t, paired by seed), one
column per folder, and whether the first finding repeats in the others: `yes` if both intervals exclude 0 on the same
side, `no` if only the first does, `-` if the first contains 0.
"""

import argparse
import csv
import json
import math
from collections import defaultdict
from pathlib import Path

# Two-sided 95 % quantiles of Student's t by degrees of freedom.
T = [math.nan, 12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145]
T += [2.131, 2.120, 2.110, 2.101, 2.093, 2.086]


def trials(folder):
    """Label, seed and folder of every finished trial of a sweep."""
    for line in (folder / "plan.jsonl").read_text().splitlines():
        planned = json.loads(line)
        trial = folder / "trials" / planned["trial"]
        if (trial / "summary.json").exists():
            yield planned["label"], planned["seed"], trial


def reported(trial):
    """AUC on the reporting half at the best step; 0.5 if training broke before the first evaluation."""
    best = json.loads((trial / "summary.json").read_text())["best"]
    return best["quality"]["auc"] if best else 0.5


def selected(trial):
    """The largest AUC of the selection half."""
    with open(trial / "evaluations.csv", newline="") as file:
        rows = [row["selection_auc"] for row in csv.DictReader(file) if row["view"] == "server"]
    return max((float(auc) for auc in rows if auc), default=0.5)


def interval(values):
    mean = sum(values) / len(values)
    if len(values) < 3:
        return mean, math.nan
    deviation = math.sqrt(sum((value - mean) ** 2 for value in values) / (len(values) - 1))
    return mean, T[min(len(values) - 1, len(T) - 1)] * deviation / math.sqrt(len(values))


def split(label, settings):
    """The words of the method, and the tuned ones, of a label."""
    is_tuned = lambda word: "=" in word and word.split("=")[0] in settings
    words = label.split()
    return " ".join(w for w in words if not is_tuned(w)), tuple(w for w in words if is_tuned(w))


def ranked(folders, settings):
    """For each method, its tuned settings by mean AUC, the best first."""
    scores = defaultdict(lambda: defaultdict(list))
    for folder in folders:
        for label, _, trial in trials(folder):
            method, tuned = split(label, settings)
            scores[method][tuned].append((selected(trial), label))
    for method, own in scores.items():
        mean = lambda tried: sum(auc for auc, _ in tried) / len(tried)
        # Settings that came further have more seeds; those with fewer were left behind.
        most = max(len(tried) for tried in own.values())
        order = sorted(own, key=lambda tuned: (len(own[tuned]), mean(own[tuned])), reverse=True)
        yield method, [(tuned, mean(own[tuned]), len(own[tuned]), own[tuned][0][1]) for tuned in order], most


def at_edge(tuned, all_tuned):
    """Words of `tuned` at an end of the values that were tried with the same other words."""
    found = []
    for at, word in enumerate(tuned):
        rest = tuned[:at] + tuned[at + 1 :]
        value = lambda word: float(word.split("=")[1])
        tried = sorted(value(other[at]) for other in all_tuned if other[:at] + other[at + 1 :] == rest)
        if len(tried) > 1 and value(word) in (tried[0], tried[-1]):
            found.append(word)
    return found


def choose(options):
    for method, order, _ in ranked(options.folders, options.settings):
        tuned, auc, seeds, _ = order[0]
        edge = at_edge(tuned, [tuned for tuned, *_ in order])
        note = f"   at an edge: {' '.join(edge)}" if edge else ""
        print(f"{method:40} {' '.join(tuned):28} {auc:.4f} of {seeds} seeds{note}")


def finalists(options):
    for _, order, _ in ranked(options.folders, options.settings):
        for *_, label in order[: options.most]:
            print(label)


def figures(options):
    columns = []
    for folder in options.folders:
        by_label = defaultdict(dict)
        for label, seed, trial in trials(folder):
            by_label[split(label, options.settings)[0]][seed] = reported(trial)
        columns.append(by_label)
    repeats = [0, 0]
    for label in columns[0]:
        workers = next((word for word in label.split() if word.startswith("workers=")), "")
        against = options.against.format(workers=workers)
        cells, signs = [], []
        for by_label in columns:
            own, other = by_label.get(label, {}), by_label.get(against, {})
            seeds = sorted(own.keys() & other.keys())
            if not seeds or label == against:
                cells.append(f"({sum(own.values()) / max(len(own), 1):.4f}, {len(own)} seeds)")
                signs.append(0)
                continue
            mean, half = interval([1e4 * (own[seed] - other[seed]) for seed in seeds])
            cells.append(f"{mean:+.0f} ± {half:.0f} ({len(seeds)})")
            signs.append(0 if not abs(mean) > half else math.copysign(1, mean))
        verdict = "-"
        if signs[0] and len(signs) > 1:
            again = all(sign == signs[0] for sign in signs[1:])
            repeats[0 if again else 1] += 1
            verdict = "yes" if again else "no"
        print(f"{label:40}" + "".join(f"{cell:>26}" for cell in cells) + f"   {verdict}")
    print(f"{repeats[0]} of {sum(repeats)} findings of the first folder repeat in the others")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["choose", "finalists", "figures"])
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--settings", nargs="+", default=["initial", "rate", "learning_rate"])
    parser.add_argument("--most", type=int, default=3)
    parser.add_argument("--against", default="workers=1 adam")
    options = parser.parse_args()
    {"choose": choose, "finalists": finalists, "figures": figures}[options.what](options)


if __name__ == "__main__":
    main()
