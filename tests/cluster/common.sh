# What the checks of sweeps on clusters share. Sourced; `scratch` and `straggler` are set.

here=$(cd "$(dirname "$0")/../.." && pwd)
straggler=${1:-$here/target/release/straggler}
[ -x "$straggler" ] || { echo "give the program: $0 path/to/straggler"; exit 2; }
straggler=$(cd "$(dirname "$straggler")" && pwd)/$(basename "$straggler")
scratch=$(mktemp -d)
chmod 755 "$scratch"

# A small sweep of 8 points with 3 seeds each, one setting of which diverges.
mkdir "$scratch/in"
cp "$here/scenarios/quickstart.toml" "$scratch/in"
cat > "$scratch/in/sweep.toml" <<'SWEEP'
straggler = 1
[sweep]
name = "cluster"
scenario = "quickstart.toml"
seeds = 3
[sweep.grid]
"cluster.workers" = [1, 4, 8, 16]
"optimizer.learning_rate" = [1e-2, 1e30]
SWEEP
settings="optimizer.kind=sgd data.rows_per_day=2000 data.users=100 data.items=60 model.hidden=[8,4] model.embedding_dim=4"

# The hashes of all files but those that tell of one execution.
hashes() {
    (cd "$1" && find . -type f ! -name run-info.json ! -name '.lock*' | LC_ALL=C sort | xargs sha256sum)
}

# Runs the sweep here, in one process.
run_here() {
    code=0
    # shellcheck disable=SC2086
    "$straggler" sweep "$scratch/in/sweep.toml" $settings --out "$scratch/here" --quiet > /dev/null 2>&1 || code=$?
    [ "$code" -eq 3 ] || { echo "the sweep here ended with $code, not 3"; exit 1; }
}

compare() {
    hashes "$scratch/here" > "$scratch/here.sha256"
    hashes "$1" > "$scratch/there.sha256"
    diff "$scratch/here.sha256" "$scratch/there.sha256" || { echo "$2: the results differ"; exit 1; }
    echo "$2: $(wc -l < "$scratch/there.sha256") files, all equal by SHA-256"
}
