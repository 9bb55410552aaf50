#!/usr/bin/env bash
# Builds the book as HTML in docs/book, with the documentation of the library in docs/book/api.
# Needs mdbook (`cargo install mdbook`).
set -euo pipefail
cd "$(dirname "$0")/.."
mdbook build docs
cargo doc --no-deps --lib
rm -rf docs/book/api
cp -r "${CARGO_TARGET_DIR:-target}/doc" docs/book/api
echo "open docs/book/index.html"
