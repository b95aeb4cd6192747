#!/usr/bin/env bash
# Starts the built service once, on a free port and with data of its own, makes a clip of a picture over HTTP as a
# client would, and checks the video. Ends within SMOKE_SECONDS (180) and says what failed.
#   scripts/smoke.sh [PICTURE]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
picture=${1:-tests/data/rocket.jpg}
deadline=$((SECONDS + ${SMOKE_SECONDS:-180}))

work=$(mktemp -d)
log=$work/service.log
pid=

finish() {
  local status=$?
  trap - EXIT
  if [[ -n $pid ]]; then
    kill "$pid" 2>/dev/null || true
    for _ in {1..50}; do # ten seconds to stop by itself
      kill -0 "$pid" 2>/dev/null || break
      sleep 0.2
    done
    kill -KILL "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
  fi
  rm -rf "$work"
  exit "$status"
}
trap finish EXIT
trap 'exit 130' INT TERM

fail() {
  printf 'smoke: %s\n' "$*" >&2
  if [[ -s $log ]]; then
    echo 'smoke: the end of the service log:' >&2
    tail -n 40 "$log" >&2
  fi
  exit 1
}

in_time() { ((SECONDS < deadline)); }

# At least a second each, so that the checks of the time below speak first.
request() { curl -sS --max-time "$((deadline > SECONDS ? deadline - SECONDS + 1 : 1))" "$@"; }

# Prints one field of the JSON object on stdin, or nothing.
field() {
  node -e '
    const [, name] = process.argv;
    let text = "";
    process.stdin.on("data", (part) => (text += part)).on("end", () => {
      let value;
      try { value = JSON.parse(text)[name]; } catch {}
      console.log(value === undefined || value === null ? "" : typeof value === "object" ? JSON.stringify(value) : value);
    });' "$1"
}

for tool in curl node ffprobe; do
  command -v "$tool" >/dev/null || fail "$tool is not installed"
done
[[ -f $picture ]] || fail "there is no picture $picture"
[[ -f dist/server/main.js ]] || fail 'the service is not built: npm run build'

port=$(node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); });')
base=http://127.0.0.1:$port
PORT=$port DATA_DIR=$work/data node dist/server/main.js >"$log" 2>&1 </dev/null &
pid=$!

until curl -s -o "$work/ready" --max-time 2 "$base/status"; do
  kill -0 "$pid" 2>/dev/null || fail 'the service ended before it answered'
  in_time || fail 'the service did not answer in time'
  sleep 0.2
done

code=$(request -o "$work/task" -w '%{http_code}' -F "image=@$picture" "$base/img2vid") || fail 'POST /img2vid got no answer'
[[ $code == 200 ]] || fail "POST /img2vid answered $code: $(head -c 500 "$work/task")"
id=$(field id <"$work/task")
[[ -n $id ]] || fail "POST /img2vid answered without an id: $(head -c 500 "$work/task")"

while :; do
  request -o "$work/task" "$base/status?id=$id" || fail 'GET /status got no answer'
  status=$(field status <"$work/task")
  case $status in
    completed) break ;;
    queued | processing) ;;
    *) fail "the task ended as '$status': $(head -c 1000 "$work/task")" ;;
  esac
  kill -0 "$pid" 2>/dev/null || fail 'the service ended while it made the clip'
  in_time || fail "the clip was not ready in time: $(head -c 1000 "$work/task")"
  sleep 0.5
done

code=$(request -o "$work/clip.mp4" -w '%{http_code}' "$base/download/video/$id") || fail 'the download got no answer'
[[ $code == 200 ]] || fail "GET /download/video/$id answered $code"

probe=$(ffprobe -v error -select_streams v:0 -count_packets -of default=noprint_wrappers=1 \
  -show_entries stream=codec_name,pix_fmt,width,height,nb_read_packets "$work/clip.mp4") || fail 'ffprobe cannot read the video'
frames=$(sed -n 's/^nb_read_packets=//p' <<<"$probe")
grep -qx 'codec_name=h264' <<<"$probe" || fail "the video is not H.264: $probe"
grep -qx 'pix_fmt=yuv420p' <<<"$probe" || fail "the video is not yuv420p: $probe"
[[ $frames =~ ^[1-9][0-9]*$ ]] || fail "the video has no frames: $probe"
echo "smoke: ok, a clip of $frames frames ($(xargs <<<"$probe"))"
