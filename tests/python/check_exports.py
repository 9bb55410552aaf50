"""Checks the exports of a results folder with the programs that are meant to read them.

    python3 -m venv venv && venv/bin/pip install pandas polars pyarrow tensorboard
    venv/bin/python tests/python/check_exports.py RESULTS [STRAGGLER]

RESULTS is the folder of a finished sweep, STRAGGLER the program (with the cargo feature `parquet`
if that format is to be checked too). Every number is compared with the CSV files of the trials.
"""

import csv
import json
import math
import pathlib
import subprocess
import sys
import tempfile

try:
    import pandas
    import polars
    import pyarrow  # noqa: F401, what both read Parquet with
    import tensorboard.version
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(0)

SERIES = ["evaluations", "training", "staleness", "workers", "divergence"]


def export(program, results, form, into):
    command = [program, "export", results, "--format", form, "-o", into]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode == 2 and "built without Parquet" in done.stderr:
        return None
    assert done.returncode == 0, done.stderr
    return pathlib.Path(into)


def trial_rows(results, name):
    """The rows of a file of all trials, in the order of the plan, as texts."""
    rows = []
    for number, line in enumerate((results / "plan.jsonl").read_text().splitlines()):
        planned = json.loads(line)
        path = results / "trials" / planned["trial"] / f"{name}.csv"
        if path.exists():
            with open(path, newline="") as file:
                rows += [(number, planned, row) for row in csv.DictReader(file)]
    return rows


def same(text, value):
    """Whether a cell of a trial's file and an exported value are the same."""
    missing = value is None or (isinstance(value, float) and math.isnan(value))
    if text == "":
        return missing
    if isinstance(value, str):
        return text == value
    return not missing and float(text) == float(value)


def check_table(results, name, rows, read_by):
    """Compares a table, given as a list of dictionaries, with the files of the trials."""
    wanted = trial_rows(results, name)
    assert len(rows) == len(wanted), f"{read_by} {name}: {len(rows)} rows, not {len(wanted)}"
    for row, (number, planned, cells) in zip(rows, wanted):
        assert (row["trial"], row["seed"]) == (number, planned["seed"]), row
        assert (row["point"], row["label"]) == (planned["point"], planned["label"]), row
        for key, value in planned["settings"].items():
            assert row[key] == value, (read_by, name, key, row[key], value)
        for column, text in cells.items():
            assert same(text, row[column]), (read_by, name, column, text, row[column])
    return len(rows)


def check_tables(program, results, scratch):
    readers = {
        "csv": {
            "pandas": lambda path: pandas.read_csv(path).to_dict("records"),
            "polars": lambda path: polars.read_csv(path, infer_schema_length=None).to_dicts(),
        },
        "jsonl": {
            "pandas": lambda path: pandas.read_json(path, lines=True, precise_float=True).to_dict("records"),
            "polars": lambda path: polars.read_ndjson(path, infer_schema_length=None).to_dicts(),
        },
        "parquet": {
            "pandas": lambda path: pandas.read_parquet(path).to_dict("records"),
            "polars": lambda path: polars.read_parquet(path).to_dicts(),
        },
    }
    for form, programs in readers.items():
        folder = export(program, results, form, f"{scratch}/{form}")
        if folder is None:
            print(f"{form}: not built in, skipped")
            continue
        for text in folder.glob(f"*.{form}"):
            assert b"NaN" not in text.read_bytes() or form == "parquet", f"NaN in {text}"
        for reader, read in programs.items():
            count = sum(check_table(results, name, read(folder / f"{name}.{form}"), reader)
                        for name in SERIES if (folder / f"{name}.{form}").exists())
            trials = read(folder / f"trials.{form}")
            planned = (results / "plan.jsonl").read_text().splitlines()
            assert len(trials) == len(planned)
            assert all(isinstance(row["trial"], int) for row in trials)
            numbers = [row["updates"] for row in trials if row["state"] == "done"]
            assert all(isinstance(number, (int, float)) for number in numbers)
            print(f"{form}: {reader} reads {len(trials)} trials and {count} rows of series, all equal")


def check_tensorboard(program, results, scratch):
    from tensorboard.backend.event_processing import event_accumulator as accumulator
    from tensorboard.plugins.hparams import plugin_data_pb2

    folder = export(program, results, "tensorboard", f"{scratch}/tensorboard")
    planned = [json.loads(line) for line in (results / "plan.jsonl").read_text().splitlines()]
    runs = sorted(path for path in folder.iterdir() if path.is_dir())
    assert len(runs) == len(planned), "one run per trial"
    everything = {"scalars": 0, "histograms": 0, "tensors": 0}
    scalars = 0
    for number, (run, trial) in enumerate(zip(runs, planned)):
        events = accumulator.EventAccumulator(str(run), size_guidance=everything)
        events.Reload()
        tags = events.Tags()
        wanted = {}
        for name in ["evaluations", "training"]:
            for at, _, row in trial_rows(results, name):
                if at != number:
                    continue
                stem = row["view"].replace(":", "_") if "view" in row else "training"
                for column, text in row.items():
                    if column not in ("update", "sim_s", "view", "examples", "passes") and text:
                        moment = (int(row["update"]), float(row["sim_s"]), float(text))
                        wanted.setdefault(f"{stem}/{column}", []).append(moment)
        for tag, moments in wanted.items():
            found = events.Scalars(tag)
            assert len(found) == len(moments), (run, tag)
            for scalar, (update, sim_s, value) in zip(found, moments):
                assert (scalar.step, scalar.wall_time) == (update, sim_s), (run, tag)
                assert math.isclose(scalar.value, value, rel_tol=1e-6, abs_tol=1e-12), (run, tag)
                scalars += 1
        counts = {}
        for at, _, row in trial_rows(results, "staleness"):
            if at == number:
                key = (row["class"], row["measure"])
                counts[key] = counts.get(key, 0) + int(row["count"])
        for (kind, measure), count in counts.items():
            (histogram,) = events.Histograms(f"staleness/{kind}/{measure}")
            value = histogram.histogram_value
            assert value.num == count == sum(value.bucket), (run, kind, measure)
            assert list(value.bucket_limit) == sorted(value.bucket_limit)
        assert len(tags["histograms"]) == len(counts)
        start = events.SummaryMetadata("_hparams_/session_start_info")
        data = plugin_data_pb2.HParamsPluginData.FromString(start.plugin_data.content)
        for key, value in trial["settings"].items():
            kept = data.session_start_info.hparams[key]
            assert getattr(kept, kept.WhichOneof("kind")) == value or isinstance(value, list)
    print(f"tensorboard: {len(runs)} runs, {scalars} scalars and all histograms equal")
    check_server(folder, planned)


def check_server(folder, planned):
    """Asks a TensorBoard server of its own for what its pages show."""
    import socket
    import time
    import urllib.request

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    # Like the command, which need not be on the path.
    code = "import sys; from tensorboard.main import run_main; sys.exit(run_main())"
    command = [sys.executable, "-c", code, "--logdir", str(folder), "--port", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def ask(path, body=None):
        request = urllib.request.Request(f"http://127.0.0.1:{port}/data/{path}")
        if body is not None:
            request.data = json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
        return json.load(urllib.request.urlopen(request, timeout=30))

    try:
        runs = []
        for _ in range(120):
            time.sleep(0.5)
            try:
                runs = ask("runs")
            except OSError:
                continue
            if len([run for run in runs if run != "."]) == len(planned):
                break
        assert len([run for run in runs if run != "."]) == len(planned), runs
        tags = ask("plugin/scalars/tags")
        assert all("server/auc" in tags[run] for run in runs if run != "."), tags
        assert ask("plugin/histograms/tags"), "no histograms"
        experiment = ask("plugin/hparams/experiment", {"experimentName": ""})
        names = {info["name"] for info in experiment["hparamInfos"]}
        assert names == {key for trial in planned for key in trial["settings"]}, names
        metrics = [{"metric": info["name"], "includeInResult": True} for info in experiment["metricInfos"]]
        body = {"experimentName": "", "startIndex": 0, "sliceSize": 1000,
                "allowedStatuses": ["STATUS_SUCCESS", "STATUS_FAILURE", "STATUS_RUNNING"],
                "colParams": metrics, "aggregationType": "AGGREGATION_AVG"}
        groups = ask("plugin/hparams/session_groups", body)["sessionGroups"]
        assert len(groups) == len({trial["point"] for trial in planned}), len(groups)
        sessions = sum(len(group["sessions"]) for group in groups)
        assert sessions == len(planned), sessions
        values = sum(len(group.get("metricValues", [])) for group in groups)
        print(f"tensorboard server: {len(runs)} runs, {len(names)} settings, {len(metrics)} figures, "
              f"{len(groups)} points with {sessions} trials, {values} means")
    finally:
        server.terminate()
        server.wait()


def main():
    results = pathlib.Path(sys.argv[1])
    program = sys.argv[2] if len(sys.argv) > 2 else "straggler"
    versions = [f"{package.__name__} {package.__version__}" for package in (pandas, polars, pyarrow)]
    print(", ".join([*versions, f"tensorboard {tensorboard.version.VERSION}"]))
    with tempfile.TemporaryDirectory() as scratch:
        check_tables(program, results, scratch)
        check_tensorboard(program, results, scratch)


if __name__ == "__main__":
    main()
