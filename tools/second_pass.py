"""Test AUC around the beginning of the second pass, from the folder of a sweep.

    python3 tools/second_pass.py results/one-epoch-arms-1a2b3c

Each trial has two passes, in one run or in two stages. Prints, by point, the mean over seeds and its 95 % interval
(Student's t) of four figures: AUC after the first pass; and, in basis points above that, the mean over the first
quarter of the second pass, its lowest evaluation, and its last one.
"""

import csv
import json
import math
import sys
from collections import defaultdict
from pathlib import Path

# Two-sided 95 % quantiles of Student's t by degrees of freedom.
T = [math.nan, 12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131]


def evaluations(folder):
    """Examples and AUC of the server's parameters, in order."""
    with open(folder / "evaluations.csv", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["view"] == "server"]
    return [(int(row["examples"]), float(row["auc"])) for row in rows]


def second_pass(trial):
    """AUC after the first pass, and the evaluations of the second by the share of it that is over, from its first update on."""
    own = evaluations(trial)
    summary = json.loads((trial / "summary.json").read_text())
    if summary.get("stages"):
        base = trial.parent.parent / "stages" / summary["stages"][0]["folder"]
        before, first = evaluations(base)[-1][1], own[0][0]
        # A stage is evaluated before its first update, too.
        rest = own[1:]
    else:
        half = own[-1][0] / 2
        before = min(own, key=lambda row: abs(row[0] - half))[1]
        first = half
        rest = [row for row in own if row[0] > half * 1.001]
    length = own[-1][0] - first
    return before, [((examples - first) / length, auc) for examples, auc in rest]


def figures(trial):
    before, rest = second_pass(trial)
    early = [auc for share, auc in rest if share <= 0.25]
    above = lambda auc: 1e4 * (auc - before)
    return before, above(sum(early) / len(early)), above(min(auc for _, auc in rest)), above(rest[-1][1])


def interval(values):
    mean = sum(values) / len(values)
    if len(values) < 3:
        return mean, math.nan
    deviation = math.sqrt(sum((value - mean) ** 2 for value in values) / (len(values) - 1))
    return mean, T[min(len(values) - 1, len(T) - 1)] * deviation / math.sqrt(len(values))


def main(folder):
    points = defaultdict(list)
    for line in (folder / "plan.jsonl").read_text().splitlines():
        planned = json.loads(line)
        trial = folder / "trials" / planned["trial"]
        if (trial / "summary.json").exists():
            points[planned["label"]].append(figures(trial))
    print(f"{'point':44} {'n':>2}  {'after pass 1':>16} {'first quarter':>14} {'lowest':>12} {'end':>12}")
    for label, rows in points.items():
        parts = [interval(column) for column in zip(*rows)]
        auc = f"{parts[0][0]:.4f} ± {parts[0][1]:.4f}"
        rest = [f"{mean:+.0f} ± {half:.0f}" for mean, half in parts[1:]]
        print(f"{label:44} {len(rows):>2}  {auc:>16} {rest[0]:>14} {rest[1]:>12} {rest[2]:>12}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
