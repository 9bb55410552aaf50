#!/usr/bin/env python3
"""Runs straggler beside the programs that one would otherwise write, on the same work.

    python3 benches/side_by_side/compare.py --venv /tmp/peers

`--venv` makes a virtual environment there (once) with the packages that the peers need, by

    pip install numpy torch jax simpy

and uses it. Without it the packages of this Python are used, and peers without theirs are left out
and named. The peers' programs are read from `--peers`, else $STRAGGLER_PEERS, else ../shared/peers
beside the repository.

Every round runs all programs in turn, each pinned to one core; figures are processor time per push,
and ratios are taken within a round. Before that, the work is checked to be the same: the peers'
batches are fed to straggler, and shapes, batch size and optimizer are compared.
"""
import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

import report

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ["numpy", "torch", "jax", "simpy"]
BATCHES = 200

# Name, file, arguments, packages; all take --n and --pushes.
TRAINING = [
    ("JAX scan", "async_jax.py", ["--mode", "scan"], ["numpy", "jax"]),
    ("PyTorch compiled", "async_torch.py", ["--mode", "eager", "--impl", "compiled"], ["numpy", "torch"]),
    ("NumPy", "async_numpy.py", [], ["numpy"]),
]
EVENTS = [
    ("heapq", "des_peers.py", ["--lib", "heapq"], ["numpy"]),
    ("SimPy lean", "des_peers.py", ["--lib", "simpy-lean"], ["numpy", "simpy"]),
    ("SimPy", "des_peers.py", ["--lib", "simpy"], ["numpy", "simpy"]),
]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", type=Path, default=os.environ.get("STRAGGLER_PEERS", ROOT / "../shared/peers"))
    parser.add_argument("--venv", type=Path, help="virtual environment to use, made if it is not there")
    parser.add_argument("--pairs", type=int, default=5, help="rounds; at least five for a claim")
    parser.add_argument("--models", default="din,small,events")
    parser.add_argument("--workers", default="30,300,3000")
    parser.add_argument("--only", default="", help="names of peers, separated by commas")
    parser.add_argument("--pushes", type=int, default=0, help="of every program; 0: by model and workers")
    parser.add_argument("--core", type=int, default=max(os.sched_getaffinity(0)), help="core to run on")
    parser.add_argument("--binary", type=Path, help="the side_by_side benchmark, if it is built already")
    parser.add_argument("--json", type=Path, help="also writes every measurement there, line by line")
    return parser.parse_args()


def python_of(venv):
    """The Python to run peers with, in a new virtual environment if one is asked for."""
    if venv is None:
        return sys.executable
    python = venv / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", *PACKAGES], check=True)
    return str(python)


def importable(python, package):
    return subprocess.run([python, "-c", f"import {package}"], capture_output=True).returncode == 0


def build():
    """Builds our program and returns its path."""
    command = ["cargo", "bench", "--bench", "side_by_side", "--no-run", "--message-format=json"]
    lines = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
    messages = [json.loads(line) for line in lines.splitlines() if line.startswith("{")]
    found = [m["executable"] for m in messages if m.get("target", {}).get("name") == "side_by_side" and m.get("executable")]
    return Path(found[-1])


def pushes_of(model, workers, asked):
    if asked:
        return asked
    least = {"din": 1_500, "small": 9_000, "events": 300_000}[model]
    return max(least, workers if model == "din" else 3 * workers)


def run(command, core, cwd=None):
    """One program on one core; its JSON line, or why there is none."""
    single = {name: "1" for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
    done = subprocess.run(
        [str(word) for word in command], cwd=cwd, capture_output=True, text=True,
        env={**os.environ, **single}, preexec_fn=lambda: os.sched_setaffinity(0, {core}),
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode or not lines:
        errors = done.stderr.strip().splitlines() or ["no output"]
        return None, errors[-1]
    return json.loads(lines[-1]), None


def store_batches(python, peers, model, path):
    """Writes the peers' batches as straggler reads them; returns the peers' description of the work."""
    script = f"""
import json, sys
sys.path.insert(0, {str(peers)!r})
import common, numpy as np
spec = common.SPECS[{model!r}]
with open({str(path)!r}, "wb") as file:
    for ids, labels in common.make_batches(spec, {BATCHES}):
        ids = ids.copy()
        ids[:, :spec.fields] -= np.cumsum((0,) + spec.vocab[:-1])
        np.concatenate([ids, labels[:, None]], 1).astype("<u4").tofile(file)
print(json.dumps(dict(batch=spec.batch, dense_parameters=spec.n_dense(), rows=spec.rows,
    lookups=spec.lookups, rate=common.LR, betas=[common.B1, common.B2], epsilon=common.EPS)))
"""
    done = subprocess.run([python, "-c", script], capture_output=True, text=True)
    return json.loads(done.stdout) if done.returncode == 0 else None


def check_work(model, ours, theirs):
    """Stops if the two sides would not do the same work."""
    expected = dict(rate=1e-3, betas=[0.9, 0.999], epsilon=1e-8)
    for key in ("batch", "dense_parameters", "rows", "lookups"):
        expected[key] = ours[key]
    differing = [f"{key}: {expected[key]} and {theirs[key]}" for key in expected if expected[key] != theirs[key]]
    if differing:
        sys.exit(f"{model}: not the same work (ours and theirs): " + "; ".join(differing))
    print(f"{model}: same work: {theirs}")


def available(python, options):
    """Peers that can be run, per kind of model, and why the others cannot."""
    have = {package: importable(python, package) for package in PACKAGES}
    wanted = [name.strip() for name in options.only.split(",") if name.strip()]
    usable, missing = {}, []
    for kind, programs in (("training", TRAINING), ("events", EVENTS)):
        usable[kind] = []
        for program in programs:
            name, file, _, packages = program
            if wanted and name not in wanted:
                continue
            lacking = [package for package in packages if not have[package]]
            if not (options.peers / file).exists():
                missing.append(f"{name}: no {options.peers / file}")
            elif lacking:
                missing.append(f"{name}: no module {', '.join(lacking)}")
            else:
                usable[kind].append(program)
    return usable, missing


def main():
    options = arguments()
    options.peers = Path(options.peers).resolve()
    python, binary = python_of(options.venv), options.binary or build()
    usable, missing = available(python, options)
    measured = report.Measurements()
    log = options.json.open("w") if options.json else None
    with tempfile.TemporaryDirectory() as folder:
        cases = []
        for model in options.models.split(","):
            stored = []
            if model != "events":
                path = Path(folder) / model
                work = store_batches(python, options.peers, model, path)
                if work:
                    stored = ["--batches", path]
                    probe, problem = run([binary, "--model", model, "--pushes", 3, *stored], options.core)
                    if problem:
                        sys.exit(f"{binary}: {problem}")
                    check_work(model, probe, work)
            cases += [(model, int(n), stored) for n in options.workers.split(",")]
        for round_ in range(options.pairs):
            for model, workers, stored in cases:
                pushes = pushes_of(model, workers, options.pushes)
                size = ["--n", workers, "--pushes", pushes]
                # Blocks of events must be long beside the steps of the scheduler's clock.
                own = ["--n", workers, "--pushes", pushes * 10 if model == "events" else pushes]
                programs = [("straggler", [binary, "--model", model, *own, *stored], None)]
                kind = "events" if model == "events" else "training"
                for name, file, extra, _ in usable[kind]:
                    chosen = [] if model == "events" else ["--model", model]
                    programs.append((name, [python, file, *chosen, *extra, *size], options.peers))
                for name, command, cwd in programs:
                    found, problem = run(command, options.core, cwd)
                    if problem:
                        missing.append(f"{name} ({model}, {workers} workers): {problem}")
                        continue
                    measured.add(model, workers, name, round_, found)
                    if log:
                        log.write(json.dumps({"round": round_, "program": name, **found}) + "\n")
                        log.flush()
            print(f"round {round_ + 1} of {options.pairs} done", file=sys.stderr)
    print(f"\n{report.processor()}, {platform.system()} {platform.release()}; one core, {options.pairs} rounds")
    measured.print()
    for line in sorted(set(missing)):
        print(f"not run: {line}")


if __name__ == "__main__":
    main()
