"""Runs a sweep on a Ray cluster.

    python sweep_on_ray.py SWEEP.toml RESULTS [--parts N] [--cpus C] [--address A] [-- ARGUMENTS]

The plan is cut into N parts, as `straggler run --shard i/N` does. Each part is a Ray task: it runs
on whichever node is free, writes into a folder of its own there, and hands back its files, which are
put together in RESULTS as they come in; the tables are made at the end. No file system need be
shared: the folder of the sweep file, or the one given by --inputs, goes to the nodes with the tasks.

Trials that RESULTS holds already are not run again, so the same command goes on where it was stopped.
A task whose node dies is run again elsewhere. ARGUMENTS go to `straggler run` as they are: settings
such as `train.batch=64`, or `--seeds 5`. Every node needs the same version of straggler, on its path
or where --program says.
"""

import argparse
import io
import os
import pathlib
import subprocess
import sys
import tarfile
import tempfile

import ray

# How straggler ends when everything was run: all well, or a trial diverged or is not as expected.
RAN = (0, 1, 3)
# The files that say of a trial that it is settled; they come last, as when a trial is written.
SETTLED = ("summary.json", "diagnosis.json")


def pack(folder, wanted):
    """The files below a folder for which `wanted` holds, as an archive in memory."""
    folder, archive = pathlib.Path(folder), io.BytesIO()
    files = [path for path in folder.rglob("*") if path.is_file() and wanted(path)]
    with tarfile.open(fileobj=archive, mode="w:gz", compresslevel=1) as tar:
        for path in sorted(files, key=lambda path: (path.name in SETTLED, path)):
            tar.add(path, arcname=str(path.relative_to(folder)))
    return archive.getvalue()


def unpack(archive, folder):
    """Writes the files of an archive, each whole or not at all, in their order."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar, \
            tempfile.TemporaryDirectory(prefix=".lock-unpack-", dir=folder) as scratch:
        for member in tar:
            tar.extract(member, scratch, filter="data")
            target = folder / member.name
            target.parent.mkdir(parents=True, exist_ok=True)
            os.replace(pathlib.Path(scratch, member.name), target)


def is_plan(path):
    """Whether a file says what is to be run, or that it has been."""
    return path.name in ("plan.jsonl", "sweep.toml", *SETTLED) or path.parent.name == "points"


def is_result(path):
    """Whether a file is the same wherever the sweep is run; the tables are made at the end."""
    incidental = path.name.startswith(".lock") or path.name == "run-info.json"
    return not incidental and path.name not in ("trials.csv", "points.csv")


@ray.remote(max_retries=3)
def run_part(program, part, inputs, sweep, arguments, done, threads):
    """Runs one part of a sweep on this node; returns how it ended, where, and its files."""
    with tempfile.TemporaryDirectory(prefix="straggler-") as scratch:
        place, results = pathlib.Path(scratch, "inputs"), pathlib.Path(scratch, "results")
        unpack(inputs, place)
        unpack(done, results)
        command = [program, "run", str(place / sweep), *arguments, "--out", str(results)]
        command += ["--shard", part, "--threads", str(threads), "--quiet"]
        ended = subprocess.run(command, capture_output=True, text=True)
        node = ray.get_runtime_context().get_node_id()[:8]
        files = pack(results, is_result) if ended.returncode in RAN else None
        return part, node, ended.returncode, ended.stderr, files


def collect(tasks, results):
    """Puts the files of tasks together as they end; returns the worst exit code."""
    worst = 0
    while tasks:
        (ready,), tasks = ray.wait(tasks)
        try:
            part, node, code, said, files = ray.get(ready)
        except ray.exceptions.RayError as error:
            print(f"a part was lost: {error}", file=sys.stderr)
            worst = max(worst, 1)
            continue
        print(f"part {part} on node {node}: exit code {code}", flush=True)
        sys.stderr.write(said)
        if files is None:
            worst = max(worst, code)
        else:
            unpack(files, results)
    return worst


def main():
    parser = argparse.ArgumentParser(description="Runs a sweep on a Ray cluster.")
    parser.add_argument("sweep", type=pathlib.Path, help="a sweep file or a scenario")
    parser.add_argument("results", type=pathlib.Path, help="the folder for the results")
    parser.add_argument("--inputs", type=pathlib.Path, help="the folder that the nodes get")
    parser.add_argument("--parts", type=int, help="as many as the cluster has room for by default")
    parser.add_argument("--cpus", type=int, default=1, help="processors per part")
    parser.add_argument("--address", default="auto", help="of the Ray cluster")
    parser.add_argument("--program", default="straggler", help="the name of straggler on the nodes")
    parser.usage = "%(prog)s [options] sweep results [-- arguments of straggler run]"
    own, more = sys.argv[1:], []
    if "--" in own:
        at = own.index("--")
        own, more = own[:at], own[at + 1:]
    args = parser.parse_args(own)

    ray.init(address=args.address, log_to_driver=False)
    parts = args.parts or max(1, int(ray.cluster_resources().get("CPU", 1)) // args.cpus)
    sweep, results = args.sweep.resolve(), args.results.resolve()
    folder = (args.inputs or sweep.parent).resolve()
    inputs = ray.put(pack(folder, lambda path: results not in path.parents))
    done = ray.put(pack(results, is_plan))
    name = str(sweep.relative_to(folder))
    task = run_part.options(num_cpus=args.cpus)
    worst = collect([
        task.remote(args.program, f"{part}/{parts}", inputs, name, more, done, args.cpus)
        for part in range(1, parts + 1)
    ], results)
    ray.shutdown()
    if worst:
        print("some parts are missing; the same command goes on with them", file=sys.stderr)
        return worst
    # Everything has been run: this makes the tables, shows them, and says how the trials ended.
    command = [args.program, "run", str(sweep), *more, "--out", str(results), "--quiet"]
    return subprocess.run(command).returncode


if __name__ == "__main__":
    sys.exit(main())
