"""What copies of a model served within stretches of time: figures of served.csv for each point of a sweep.

    python3 online-stretches.py RESULTS [--copy serving] [--beside oracle] [--from DAY] [--by HOURS] [--each]
    python3 online-stretches.py RESULTS --point 0 [--of RESULTS] [--copy serving] [--from DAY] [--each]

The first form compares two copies of the same trial, the second one copy at each point with the same copy at point 0,
of the same results or others, paired by seed. AUC is the mean over the stretches (`serving.every`) with the number of requests as weight, so scores
of different stretches are never ranked among each other. Differences of AUC and session AUC are in basis points, of
log-loss in 0.0001 nats; calibration is that of --copy itself. All are means over seeds with 95 % (Student's t).
--from leaves out what came before that day of the stream (counted from 0). --by prints calibration by hour of the
day, --each the difference of AUC in each stretch.
"""
import argparse, csv, math
from pathlib import Path

T = [0, 12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131,
     2.120, 2.110, 2.101, 2.093]
FIGURES = {"auc": 1e4, "session_auc": 1e4, "log_loss": 1e4}


def shown(values, digits=1, sign="+"):
    mean = sum(values) / len(values)
    if len(values) < 2:
        return f"{mean:{sign}.{digits}f}"
    deviation = math.sqrt(sum((value - mean) ** 2 for value in values) / (len(values) - 1))
    return f"{mean:{sign}.{digits}f} ± {T[len(values) - 1] * deviation / math.sqrt(len(values)):.{digits}f}"


def read(folder, copy, begin):
    with open(folder / "served.csv", encoding="utf-8") as file:
        return [row for row in csv.DictReader(file)
                if row["copy"] == copy and row["auc"] and float(row["from_s"]) >= begin * 86_400 - 1]


def trials_by_point(results):
    points = {}
    with open(results / "trials.csv", encoding="utf-8") as file:
        for trial in csv.DictReader(file):
            if trial["state"] != "to do":
                own = points.setdefault(trial["point"], (trial["label"], {}))
                own[1][trial["seed"]] = results / "trials" / trial["trial"]
    return points


def figures(rows):
    found = {}
    for name in FIGURES:
        known = [(float(row["scored"]), float(row[name])) for row in rows if row[name]]
        found[name] = sum(w * value for w, value in known) / sum(w for w, _ in known)
    said = [(float(row["calibration"]) * float(row["positives"]), float(row["positives"])) for row in rows]
    found["calibration"] = sum(s for s, _ in said) / sum(n for _, n in said)
    return found


def by_hour(trials, copy, begin, hours):
    sums = {}
    for folder in trials:
        for row in read(folder, copy, begin):
            own = sums.setdefault(float(row["from_s"]) / 3600 % 24 // hours, [0, 0])
            own[0] += float(row["calibration"]) * float(row["positives"])
            own[1] += float(row["positives"])
    return " ".join(f"{said / clicks:.3f}" for _, (said, clicks) in sorted(sums.items()))


parser = argparse.ArgumentParser()
parser.add_argument("results", type=Path)
parser.add_argument("--copy", default="serving")
parser.add_argument("--beside", default="oracle")
parser.add_argument("--point")
parser.add_argument("--of", type=Path)
parser.add_argument("--from", dest="begin", type=float, default=0)
parser.add_argument("--by", type=float)
parser.add_argument("--each", action="store_true")
asked = parser.parse_args()
points = trials_by_point(asked.results)
reference = trials_by_point(asked.of or asked.results)[asked.point][1] if asked.point else {}
for label, trials in points.values():
    ours, theirs, each = [], [], {}
    for seed, folder in trials.items():
        if asked.point and seed not in reference:
            continue
        other = reference[seed] if asked.point else folder
        mine = read(folder, asked.copy, asked.begin)
        its = read(other, asked.copy if asked.point else asked.beside, asked.begin)
        ours.append(figures(mine))
        theirs.append(figures(its))
        for a, b in zip(mine, its):
            each.setdefault(float(a["from_s"]), []).append(1e4 * (float(a["auc"]) - float(b["auc"])))
    gaps = {name: [unit * (a[name] - b[name]) for a, b in zip(ours, theirs)] for name, unit in FIGURES.items()}
    print(f"{label:28} AUC {shown(gaps['auc']):13} session AUC {shown(gaps['session_auc']):13} log-loss "
          f"{shown(gaps['log_loss']):13} calibration {shown([own['calibration'] for own in ours], 3, '')} ({len(ours)} seeds)")
    if asked.by:
        for copy in {asked.copy: 0, asked.beside: 0}:
            print(f"  {copy:8} by hour {by_hour(trials.values(), copy, asked.begin, asked.by)}")
    if asked.each:
        print("  each " + ", ".join(f"{start / 3600:.1f} h {shown(gaps)}" for start, gaps in sorted(each.items())))
