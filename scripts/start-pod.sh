#!/usr/bin/env bash
# Starts the service on a pod, or on any Debian or Ubuntu machine: makes sure of Node.js, the packages and, where there
# is an NVIDIA GPU, ONNX Runtime's CUDA provider, then becomes `npm start`. What is there already is kept, so a second
# start takes seconds.
#
#   VOLUME_DIR   the persistent volume (/workspace); holds data/, models/ and, if it had to be installed, Node.js
#   DATA_DIR, MODELS_DIR, PORT   are respected if set
#   NODE_MIRROR  where to download Node.js from (https://nodejs.org/dist)
set -Eeuo pipefail # E: the trap below holds inside functions too
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# Ubuntu's own Node.js is older than 20. With npm, checksum from the release's SHASUMS256.txt.
node_version=20.19.0
node_sha256=8a4dbcdd8bccef3132d21e8543940557e55dcf44f00f0a99ba8a062f4552e722

say() { printf '[start-pod] %s\n' "$*" >&2; }
trap 'say "Could not start: line $LINENO failed, the reason stands above."' ERR

has_node() {
  command -v npm >/dev/null &&
    node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a * 100 + b >= 2009 ? 0 : 1)' 2>/dev/null
}

install_node() {
  local name=node-v$node_version-linux-x64 home=$1
  if [[ ! -d $home/$name ]]; then
    say "Installing Node.js $node_version in $home"
    if ! command -v curl >/dev/null; then
      apt-get update </dev/null
      DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends curl ca-certificates </dev/null
    fi
    work=$(mktemp -d "$home/.node-XXXXXX")
    trap 'rm -rf "$work"' EXIT
    curl -fsSL --retry 3 -o "$work/node.tar.gz" "${NODE_MIRROR:-https://nodejs.org/dist}/v$node_version/$name.tar.gz"
    echo "$node_sha256  $work/node.tar.gz" | sha256sum -c --quiet -
    tar -xzf "$work/node.tar.gz" -C "$work"
    mv "$work/$name" "$home/$name"
    rm -rf "$work"
  fi
  export PATH=$home/$name/bin:$PATH # only now: bash remembers where it last found node
}

# `npm ci` begins by deleting what is there, the CUDA provider included: only when the packages have changed.
install_packages() {
  local wanted stamp=node_modules/.installed
  wanted="$(sha256sum package-lock.json | cut -d' ' -f1) $(node -p process.versions.modules)"
  if [[ -f $stamp && $(<"$stamp") == "$wanted" ]]; then return; fi
  say 'Installing packages'
  ONNXRUNTIME_NODE_INSTALL=skip npm ci --include=dev --no-audit --no-fund </dev/null # dev: the compiler
  mkdir -p node_modules
  echo "$wanted" >"$stamp"
}

home=${VOLUME_DIR:-/workspace}
if [[ ! -d $home ]]; then
  say "No volume at $home: tasks, clips and models are lost with this container."
  home=$PWD
fi
export DATA_DIR=${DATA_DIR:-$home/data} MODELS_DIR=${MODELS_DIR:-$home/models} PORT=${PORT:-5000}
mkdir -p "$DATA_DIR" "$MODELS_DIR"

if ! has_node; then install_node "$home"; fi
install_packages

if nvidia-smi -L >/dev/null 2>&1; then
  bash scripts/install-cuda.sh ||
    say 'WARNING: the CUDA provider could not be installed. Clips are made on the CPU, which is many times slower.'
else
  say 'WARNING: no NVIDIA GPU was found. Clips are made on the CPU, which is many times slower.'
fi

say "Starting on port $PORT, data in $DATA_DIR, models in $MODELS_DIR"
exec npm start
