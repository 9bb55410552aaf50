"""Compares two copies of served.csv over the whole run and within its stretches of time, per point of a sweep.

    python3 online-stretches.py RESULTS [COPY [BESIDE]] [--by HOURS] [--from DAY]

COPY minus BESIDE (serving and oracle when left out): AUC of the whole run, mean AUC of the stretches, session AUC, in basis
points; then for each copy its log-loss, its calibration, and how much the logarithm of its calibration varies between
stretches (standard deviation, in percent). Means over seeds with 95 % (Student's t). --by HOURS prints calibration by
hour of the day as well. --from DAY leaves out the stretches before that day of the stream; the AUC of the whole run
is then empty.
"""
import csv, json, math, sys
from pathlib import Path

T = {1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776, 5: 2.571, 6: 2.447, 7: 2.365, 8: 2.306, 9: 2.262, 19: 2.093}


def mean(values):
    return sum(values) / len(values)


def spread(values):
    return math.sqrt(sum((value - mean(values)) ** 2 for value in values) / (len(values) - 1))


def shown(values, digits=1):
    values = [value for value in values if value is not None]
    if len(values) < 2:
        return f"{values[0]:+.{digits}f}" if values else "-"
    half = T[len(values) - 1] * spread(values) / math.sqrt(len(values))
    return f"{mean(values):+.{digits}f} ± {half:.{digits}f}"


def option(words, name):
    if name not in words:
        return None
    at = words.index(name)
    value = float(words[at + 1])
    del words[at:at + 2]
    return value


words = sys.argv[1:]
by, begin = option(words, "--by"), option(words, "--from")
results, copy, beside = words[0], *(words[1:] + ["serving", "oracle"][len(words) - 1:])
trials = {}
with open(Path(results) / "trials.csv", encoding="utf-8") as file:
    for trial in csv.DictReader(file):
        if trial["state"] == "to do":
            continue
        trials.setdefault(trial["label"], []).append(Path(results) / "trials" / trial["trial"])
for label, folders in trials.items():
    pooled, within, session, figures, hours = [], [], [], {copy: [], beside: []}, {copy: {}, beside: {}}
    for folder in folders:
        whole = json.load(open(folder / "summary.json", encoding="utf-8"))["served"]
        known = {("serving", "oracle"): -whole.get("gap_to_oracle", math.nan),
                 ("serving", "batch"): whole.get("gain_on_batch", math.nan)}.get((copy, beside), math.nan)
        pooled.append(None if begin or math.isnan(known) else known * 1e4)
        rows = {copy: [], beside: []}
        with open(folder / "served.csv", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                if row["copy"] in rows and row["auc"] and float(row["from_s"]) >= (begin or 0) * 86_400:
                    rows[row["copy"]].append(row)
        weights = [float(row["scored"]) for row in rows[copy]]
        gaps = [float(a["auc"]) - float(b["auc"]) for a, b in zip(rows[copy], rows[beside], strict=True)]
        pairs = [(w, float(a["session_auc"]) - float(b["session_auc"])) for w, a, b in zip(weights, rows[copy], rows[beside])
                 if a["session_auc"] and b["session_auc"]]
        session.append(1e4 * sum(w * gap for w, gap in pairs) / sum(w for w, _ in pairs) if pairs else None)
        within.append(1e4 * sum(w * gap for w, gap in zip(weights, gaps)) / sum(weights))
        for name, own in rows.items():
            clicks = [float(row["positives"]) for row in own]
            said = [float(row["calibration"]) * n for row, n in zip(own, clicks)]
            loss = sum(float(row["log_loss"]) * w for row, w in zip(own, weights)) / sum(weights)
            figures[name].append((loss, sum(said) / sum(clicks), 100 * spread([math.log(float(row["calibration"])) for row in own])))
            for row, n, s in zip(own, clicks, said):
                hour = float(row["from_s"]) / 3600 % 24 // (by or 24)
                a, b = hours[name].get(hour, (0, 0))
                hours[name][hour] = (a + s, b + n)
    print(f"{label}: {copy} - {beside}: whole {shown(pooled)}, within {len(gaps)} stretches {shown(within)}, within sessions {shown(session)} ({len(folders)} seeds)")
    for name in (copy, beside):
        loss, calibration, varies = zip(*figures[name])
        print(f"  {name}: log-loss {shown(loss, 5)}, calibration {shown(calibration, 3)}, varies {shown(varies, 2)} %")
        if by:
            print("   by hour " + " ".join(f"{said / clicks:.3f}" for _, (said, clicks) in sorted(hours[name].items())))
