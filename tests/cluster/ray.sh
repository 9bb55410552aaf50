#!/bin/sh
# Checks that a sweep on a Ray cluster has the same results as a sweep in one process.
#
#     PYTHON=venv/bin/python tests/cluster/ray.sh [path/to/straggler]
#
# Starts three nodes on this machine, kills one of them when the first part has come back, and ends them
# afterwards. Skipped if PYTHON has no Ray.
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
nodes = [cluster.add_node(num_cpus=1) for _ in range(2)]
try:
    cluster.wait_for_nodes()
    print(f"Ray {ray.__version__}, {len(cluster.list_all_nodes())} nodes", flush=True)
    command = [sys.executable, f"{here}/tools/sweep_on_ray.py", f"{scratch}/in/sweep.toml"]
    command += [f"{scratch}/there", "--parts", "6", "--address", cluster.address, "--program", straggler]
    for _ in range(2):
        driver = subprocess.Popen([*command, "--", *settings], stdout=subprocess.PIPE, text=True)
        for line in driver.stdout:
            if line.startswith("part"):
                print(line, end="", flush=True)
                if len(nodes) == 2:
                    # Its part is run again on another one.
                    cluster.remove_node(nodes.pop(), allow_graceful=False)
                    print("one node killed", flush=True)
        assert driver.wait() == 3, driver.returncode
finally:
    cluster.shutdown()
CHECK
compare "$scratch/there" "six parts on three nodes, one of which is killed, twice"
