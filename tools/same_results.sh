#!/usr/bin/env bash
# Whether two builds of the program write the same results: runs a few hundred updates of every file
# in scenarios/ with both, and compares the folders byte for byte. Facts of the wall clock
# (run-info.json), the lock, and what is drawn from the other files are left out.
#
#     tools/same_results.sh OLD_PROGRAM NEW_PROGRAM [UPDATES]
#
# Real data is used where it is: in $STRAGGLER_DATA, or in ../shared/data.
set -euo pipefail
old=$(realpath "$1") new=$(realpath "$2") updates=${3:-300}
cd "$(dirname "$0")/.."
data=$(realpath -m "${STRAGGLER_DATA:-../shared/data}")
amazon=$data/amazon_grocery_2014
films=$data/movielens_latest_small/ml-latest-small.zip
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

same=0 differ=0
for file in scenarios/*.toml; do
    name=$(basename "$file" .toml)
    keys=(train.stop.updates="$updates")
    case $name in
    timing-only) ;;
    amazon-din)
        [ -d "$amazon" ] || { echo "not run: $name (no data)"; continue; }
        keys+=("data.reviews=[\"$amazon/derived_Grocery_5core.json.gz\"]"
            "data.metadata=$amazon/derived_meta_Grocery.json.gz") ;;
    movielens)
        [ -f "$films" ] || { echo "not run: $name (no data)"; continue; }
        keys+=("data.ratings=$films!ml-latest-small/ratings.csv"
            "data.movies=$films!ml-latest-small/movies.csv") ;;
    esac
    if [ "$name" != timing-only ]; then
        keys+=('holdout.every={times=3}' holdout.max_examples=2000)
    fi
    # The same relative folder for both, since some files name it.
    for which in old new; do
        mkdir -p "$out/$which"
        (cd "$out/$which" && "${!which}" run "$OLDPWD/$file" --quiet --out "$name" "${keys[@]}") >/dev/null
    done
    # Pictures and the page follow from the other files.
    if diff -rq -x run-info.json -x '*.lock' -x .lock -x plots -x report.html "$out/old/$name" "$out/new/$name"; then
        same=$((same + 1))
        echo "same: $name"
    else
        differ=$((differ + 1))
        echo "DIFFERENT: $name"
    fi
done
echo "$same scenarios with the same results, $differ with others"
[ "$differ" = 0 ]
