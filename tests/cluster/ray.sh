#!/bin/sh
# Checks that a sweep on a Ray cluster has the same results as a sweep in one process.
#
#     PYTHON=venv/bin/python tests/cluster/ray.sh [path/to/straggler]
#
# Starts three nodes on this machine and ends them afterwards. Skipped if PYTHON has no Ray.
set -eu
python=${PYTHON:-python3}
"$python" -c 'import ray' 2> /dev/null || { echo "skipped: $python has no Ray"; exit 0; }
. "$(dirname "$0")/common.sh"
trap 'rm -rf "$scratch"' EXIT
export RAY_USAGE_STATS_ENABLED=0 RAY_DISABLE_IMPORT_WARNING=1

run_here
"$python" - "$here" "$straggler" "$scratch" $settings <<'CHECK'
import subprocess
import sys

import ray
from ray.cluster_utils import Cluster

here, straggler, scratch, *settings = sys.argv[1:]
cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
for _ in range(2):
    cluster.add_node(num_cpus=1)
try:
    cluster.wait_for_nodes()
    print(f"Ray {ray.__version__}, {len(cluster.list_all_nodes())} nodes", flush=True)
    command = [sys.executable, f"{here}/tools/sweep_on_ray.py", f"{scratch}/in/sweep.toml"]
    command += [f"{scratch}/there", "--parts", "6", "--address", cluster.address, "--program", straggler]
    for _ in range(2):
        ended = subprocess.run([*command, "--", *settings], stdout=subprocess.PIPE, text=True)
        print("\n".join(line for line in ended.stdout.splitlines() if line.startswith("part")))
        assert ended.returncode == 3, ended.returncode
finally:
    cluster.shutdown()
CHECK
compare "$scratch/there" "six parts on three nodes, twice"
