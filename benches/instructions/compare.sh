#!/usr/bin/env bash
# Counts the instructions of a few small runs and compares them with those in counts.tsv: unlike
# times they are the same on a busy machine, so a regression of a few per cent shows.
#
#     benches/instructions/compare.sh            fails if a count rose by more than the tolerance
#     benches/instructions/compare.sh --renew    writes counts.tsv
#
# Counts belong to a compiler, a C library and a set of vector instructions. Where one differs from
# that in the file, or there is no valgrind, the comparison is skipped and says so. Valgrind 3.19
# shows the program a processor with AVX2 and without AVX-512: the kernels run at that level everywhere.
# Threads are not counted well: all runs use one.
set -euo pipefail
cd "$(dirname "$0")/../.."

tolerance=3 # per cent
file=benches/instructions/counts.tsv
renew=no
[ "${1:-}" = --renew ] && renew=yes

skip() {
    echo "instruction counts not compared: $1"
    exit 0
}

if ! command -v valgrind >/dev/null && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    { apt-get update && apt-get install -y --no-install-recommends valgrind; } >/dev/null 2>&1 || true
fi
command -v valgrind >/dev/null || skip "valgrind is not installed, and could not be"
vectors=$(grep -qm1 '^flags.* avx2 ' /proc/cpuinfo && echo avx2 || echo none)
place="$(rustc --version), $(uname -m), $vectors, $(valgrind --version), $(getconf GNU_LIBC_VERSION)"
recorded=$(sed -n 's/^# counted with: //p' "$file" 2>/dev/null || true)
if [ $renew = no ] && [ "$place" != "$recorded" ]; then
    skip "they were counted with $recorded, here is $place; after a change of the compiler run
$0 --renew"
fi

# Apart, or it would put a program without plots where `cargo build --release` leaves its own.
cargo build --release --quiet --no-default-features --features cli --target-dir target/instructions
program=$PWD/target/instructions/release/straggler
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT
trap 'echo "a counted run failed: try its command without valgrind"' ERR

# Instructions of one run of the program.
count() {
    valgrind --tool=callgrind --callgrind-out-file=/dev/null "$program" "$@" 2>&1 >/dev/null |
        sed -n 's/^==[0-9]*== Collected : //p'
}

run() {
    local out=$work/out-$RANDOM
    count run "$@" --quiet --no-plots --threads 1 --out "$out"
}

# A click log of 13 numbers and 26 categories, always the same.
click_log() {
    awk 'BEGIN {
        seed = 1
        for (row = 0; row < 10000; row++) {
            line = row % 4 == 0
            for (column = 0; column < 39; column++) {
                seed = (seed * 16807) % 2147483647
                id = seed % (column % 5 == 0 ? 1000000 : 10 + column * column)
                line = line "\t" (column < 13 ? id : sprintf("%08d", id))
            }
            print line
        }
    }' >"$1"
}

echo "# Instructions of small runs; benches/instructions/compare.sh --renew writes this file." >"$work/counts"
echo "# counted with: $place" >>"$work/counts"
small=(data.rows_per_day=2600 'holdout.every={times=1}' holdout.max_examples=256
    model.embedding_dim=8 'model.hidden=[64,32]')
# The generator costs as much as dozens of pushes: what pushes cost is the difference of two runs.
first=$(run scenarios/demo.toml "${small[@]}" train.stop.updates=20)
more=$(run scenarios/demo.toml "${small[@]}" train.stop.updates=120)
printf 'start, generator and 20 pushes of a small demo\t%s\n' "$first" >>"$work/counts"
printf 'training, 100 further pushes\t%s\n' $((more - first)) >>"$work/counts"
printf 'events, 5000 pushes without gradients\t%s\n' \
    "$(run scenarios/timing-only.toml train.stop.updates=5000)" >>"$work/counts"
click_log "$work/log.tsv"
sed "s|@folder@|$work|" benches/instructions/load.toml >"$work/load.toml"
printf 'loading, 10000 rows of a click log\t%s\n' \
    "$(count data inspect "$work/load.toml")" >>"$work/counts"

if [ $renew = yes ]; then
    cp "$work/counts" "$file"
    cat "$file"
    exit 0
fi
worse=no
while IFS=$'\t' read -r name now; do
    before=$(awk -F'\t' -v name="$name" '$1 == name { print $2 }' "$file")
    change=$(awk -v a="$before" -v b="$now" 'BEGIN { printf "%+.2f", (a > 0 ? (b / a - 1) * 100 : 100) }')
    echo "$name: $now instructions, $before recorded, $change %"
    awk -v c="$change" -v t=$tolerance 'BEGIN { exit !(c > t) }' && worse=yes
done < <(grep -v '^#' "$work/counts")
if [ $worse = yes ]; then
    echo "instruction counts rose by more than $tolerance %. If that is meant, commit the new ones:"
    echo "    benches/instructions/compare.sh --renew"
    exit 1
fi
