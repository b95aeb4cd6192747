#!/usr/bin/env bash
# Puts ONNX Runtime's CUDA provider beside the binding of onnxruntime-node 1.29.0, from one npm package that carries
# unchanged copies of the vendor's libraries (179 MB to download, 230 MB installed). Needs CUDA 13 and cuDNN 9 on the
# machine and a driver of 580 or later. Does nothing when the libraries are in place; npm's own settings, such as
# NPM_CONFIG_REGISTRY, apply to the download.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# Runtime and provider have no versioned interface: only these exact builds belong together.
runtime_version=1.29.0
package=com.github.asus4.onnxruntime.linux-x64-gpu@0.4.9
folder=node_modules/onnxruntime-node/bin/napi-v6/linux/x64
sums='56cf3254b118ad837ccc4ed8f6d1b23504bbf7ef91b34cbc0b289cb7f10b3037  libonnxruntime_providers_cuda.so
c6a12593396095f5670160e284c35d1700b7708cf3037b7042e2a5200ccae772  libonnxruntime_providers_shared.so'

say() { printf '[install-cuda] %s\n' "$*" >&2; }
verify() { (cd "$1" && sha256sum -c --status - <<<"$sums" 2>/dev/null); }

installed=$(node -p 'require("./node_modules/onnxruntime-node/package.json").version' 2>/dev/null || echo none)
if [[ $installed != "$runtime_version" ]]; then
  say "Expected onnxruntime-node $runtime_version to be installed, found $installed. Run npm ci first."
  exit 1
fi

if verify "$folder"; then
  say 'The CUDA provider is in place.'
else
  work=$(mktemp -d "$PWD/node_modules/.cuda-XXXXXX") # the same file system, so that mv is atomic
  trap 'rm -rf "$work"' EXIT
  say "Downloading the CUDA provider ($package, 179 MB)"
  npm pack --silent --pack-destination "$work" "$package" >/dev/null </dev/null
  while read -r _ name; do
    tar -xzOf "$work"/*.tgz "package/Plugins/Linux/x64/$name" >"$work/$name"
  done <<<"$sums"
  if ! verify "$work"; then
    say 'The downloaded libraries do not have the expected SHA-256. Nothing was installed.'
    exit 1
  fi
  while read -r _ name; do mv "$work/$name" "$folder/$name"; done <<<"$sums"
  say 'The CUDA provider is installed.'
fi

# cuDNN is opened at the first convolution, so ldd does not list it.
missing=$(ldd "$folder/libonnxruntime_providers_cuda.so" 2>/dev/null | awk '/=> not found/ {print $1}' || true)
if ! ldconfig -p 2>/dev/null | grep -q 'libcudnn\.so\.9'; then missing+=' libcudnn.so.9'; fi
missing=$(xargs <<<"$missing")
if [[ -n $missing ]]; then
  say "WARNING: not found on this machine: $missing. Take an image with CUDA 13 and cuDNN 9, or set LD_LIBRARY_PATH."
fi
