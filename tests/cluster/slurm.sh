#!/bin/sh
# Checks that a sweep as a Slurm job array has the same results as a sweep in one process.
#
#     tests/cluster/slurm.sh [path/to/straggler]
#
# As root it starts a cluster of its own with three nodes on this machine (Debian: slurm-wlm, munge) and
# ends it afterwards; otherwise it uses the cluster that `sbatch` knows. Skipped without Slurm.
set -eu
command -v sbatch > /dev/null || { echo "skipped: there is no sbatch"; exit 0; }
. "$(dirname "$0")/common.sh"

started=
finish() {
    for file in $started; do
        if [ -f "$file" ]; then kill "$(cat "$file")" || true; fi
    done
    sleep 1
    rm -rf "$scratch"
}
trap finish EXIT

start_cluster() {
    host=$(hostname -s)
    port=$((20000 + $$ % 20000))
    mkdir "$scratch/munge" "$scratch/state" "$scratch/spool"
    head -c 1024 /dev/urandom > "$scratch/munge/key"
    chmod 600 "$scratch/munge/key"
    munged --force --socket="$scratch/munge/socket" --key-file="$scratch/munge/key" \
        --pid-file="$scratch/munge/pid" --seed-file="$scratch/munge/seed" --log-file="$scratch/munge/log"
    started="$scratch/munge/pid"
    export SLURM_CONF="$scratch/slurm.conf"
    cat > "$SLURM_CONF" <<CONF
ClusterName=check
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$port
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$scratch/munge/socket
CredType=cred/munge
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
ReturnToService=2
StateSaveLocation=$scratch/state
SlurmctldPidFile=$scratch/slurmctld.pid
SlurmctldLogFile=$scratch/slurmctld.log
SlurmdPidFile=$scratch/%n.pid
SlurmdLogFile=$scratch/%n.log
SlurmdSpoolDir=$scratch/spool/%n
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
NodeName=n[1-3] NodeHostname=$host NodeAddr=127.0.0.1 Port=[$((port + 1))-$((port + 3))] CPUs=2 State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
CONF
    slurmctld
    for node in n1 n2 n3; do
        slurmd -N "$node"
        started="$scratch/$node.pid $started"
    done
    started="$scratch/slurmctld.pid $started"
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        [ "$(sinfo -h -t idle -o %D 2> /dev/null)" = 3 ] && return
        sleep 1
    done
    sinfo
    tail "$scratch"/*.log
    exit 1
}

[ "$(id -u)" -ne 0 ] || start_cluster
sbatch --version
run_here

submit() {
    # shellcheck disable=SC2086
    STRAGGLER=$straggler sbatch --parsable --array=1-6 --output="$scratch/task-%a.log" --time=10 \
        "$here/tools/sweep.sbatch" "$scratch/in/sweep.toml" "$scratch/there" $settings
}
wait_for() {
    while squeue -h -j "$1" 2> /dev/null | grep -q .; do sleep 1; done
}

job=$(submit)
# A task is told in the middle that its time is up: it saves and is queued again, for which Slurm takes
# its time (two minutes). Where it is over too soon for that, it has no restart below.
for _ in $(seq 50); do
    if [ "$(squeue -h -r -j "${job}_2" -o %T 2> /dev/null)" = RUNNING ]; then
        scancel --batch --signal=USR1 "${job}_2" 2> /dev/null || true
        break
    fi
    sleep 0.1
done
wait_for "$job"
scontrol -o show job "$job" 2> /dev/null \
    | sed -n 's/.*ArrayTaskId=\([0-9]*\).*JobState=\([A-Z]*\).*Restarts=\([0-9]*\).*ExitCode=\([0-9:]*\).* NodeList=\(n[^ ]*\).*/task \1 \2 restarts \3 exit \4 on \5/p'
compare "$scratch/there" "six tasks of an array, on three nodes"

# Once more: nothing is missing, nothing changes.
wait_for "$(submit)"
compare "$scratch/there" "the same array again"
