# What benches/run measures, in order; sourced by it.

# --- the server, from start to ready, on a new and on an existing data directory -----------------------------
listen=127.0.0.1:$(port); base=http://$listen
start_server() { # prints milliseconds from start to the first good /health/ready
    local settings=(--set log_filter=warn --set rate_limits.address_per_minute=0 --set rate_limits.token_per_minute=0)
    # The build from before the log has no such limit.
    [ "${program:-}" = "${BASELINE:-none}" ] || settings+=(--set rate_limits.inspect_per_minute=0)
    "${program:-target/release/pluginry}" serve --listen "$listen" --data "${data:-$work/data}" "${settings[@]}" \
        --set rate_limits.publish_per_minute=0 "$@" >"$work/server.log" 2>&1 &
    server_pid=$!
    python3 - "$base/health/ready" <<'PY'
import sys, time, urllib.request
start = time.perf_counter()
while time.perf_counter() - start < 30:
    try:
        if urllib.request.urlopen(sys.argv[1], timeout=1).status == 200:
            print(f"{(time.perf_counter() - start) * 1000:.0f}"); break
    except OSError:
        time.sleep(0.001)
else:
    sys.exit("the server did not become ready")
PY
}
# Verification runs go on behind a publish and would compete with the load generator for two cores: they wait here.
start_server --set verification.children=0 >"$work/first_ms"; first_ms=$(cat "$work/first_ms")
token=$(sed -n 's/.*\(plg_[A-Za-z0-9_-]*\).*/\1/p' "$work/server.log" | head -1)
[ -n "$token" ] || { echo "no operator token in the log:" >&2; cat "$work/server.log" >&2; exit 1; }

# --- publishing ------------------------------------------------------------------------------------------------
echo "## Publish"; echo
target/release/examples/publish_load "$base" "$token" "$work"
echo

stop_server() { kill "$server_pid"; wait "$server_pid" 2>/dev/null || true; }
stop_server

# BASELINE=PROGRAM: the same load on a build from before the transparency log (commit c5bcf0e), then on this one again.
if [ -n "${BASELINE:-}" ]; then
    for program in "$BASELINE" target/release/pluginry; do
        data="$work/compared-$(basename "$(dirname "$program")")"
        start_server --set verification.children=0 >/dev/null
        token=$(sed -n 's/.*\(plg_[A-Za-z0-9_-]*\).*/\1/p' "$work/server.log" | head -1)
        if [ "$program" = "$BASELINE" ]; then echo "### Without the log: $BASELINE"; else echo "### With the log"; fi
        echo; target/release/examples/publish_load "$base" "$token" "$work" | grep -v '^| floor'; echo
        stop_server
    done
    unset program data
fi

start_server --set verification.children=0 >"$work/again_ms"; again_ms=$(cat "$work/again_ms")
idle=$(rss_mib "$server_pid")

# --- reads against nginx serving the same bytes -----------------------------------------------------------------
# publish_load leaves these in $work: index.path (URL path of a 2 KB index file), blob.path (URL path of a 1 MB blob)
index_path=$(cat "$work/index.path") blob_path=$(cat "$work/blob.path")
mkdir -p "$work/www$(dirname "$index_path")" "$work/www$(dirname "$blob_path")"
curl -fsS "$base$index_path" -o "$work/www$index_path"
curl -fsS "$base$blob_path" -o "$work/www$blob_path"
nginx_port=$(port)
cat > "$work/nginx.conf" <<CONF
worker_processes 1; daemon off; pid $work/nginx.pid; error_log /dev/null; user $(id -un);
events { worker_connections 1024; }
http { access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000; etag on;
  client_body_temp_path $work/t1; proxy_temp_path $work/t2; fastcgi_temp_path $work/t3; uwsgi_temp_path $work/t4; scgi_temp_path $work/t5;
  server { listen 127.0.0.1:$nginx_port; root $work/www; } }
CONF
nginx -c "$work/nginx.conf" & nginx_pid=$!
until curl -fsS "http://127.0.0.1:$nginx_port$index_path" -o /dev/null 2>/dev/null; do sleep 0.1; done
theirs=http://127.0.0.1:$nginx_port
etag() { curl -fsSI "$1" | tr -d '\r' | awk 'tolower($1)=="etag:" {print $2}'; }

echo "## Reads (wrk -t1 -c32, medians of $ROUNDS interleaved rounds of ${SECONDS_EACH} s)"; echo
echo "| what | pluginry req/s | p99 ms | µs CPU | nginx req/s | p99 ms | µs CPU | ratio | CPU ratio |"
echo "|---|---|---|---|---|---|---|---|---|"
compare "index file, $(stat -c%s "$work/www$index_path") B" "$base$index_path" "$theirs$index_path"
ours_304=$(etag "$base$index_path") theirs_304=$(etag "$theirs$index_path")
cat > "$work/304.lua" <<'LUA'
request = function() return wrk.format("GET", nil, { ["If-None-Match"] = os.getenv("ETAG") }) end
LUA
# Both ETags are sent, so that each server answers 304 to the same request.
ETAG="$ours_304, $theirs_304" compare "index file, 304" "$base$index_path" "$theirs$index_path" -s "$work/304.lua"
compare "download, $(stat -c%s "$work/www$blob_path") B" "$base$blob_path" "$theirs$blob_path"
echo
after_reads=$(peak_mib "$server_pid")

echo "## Search API"; echo
echo "| what | req/s | p99 ms | µs CPU |"; echo "|---|---|---|---|"
echo "| \`GET /api/v1/plugins?q=\` | $(measure "$server_pid" "$base/api/v1/plugins?q=bench" | sed 's/ / | /g') |"
echo "| home page | $(measure "$server_pid" "$base/" | sed 's/ / | /g') |"
echo

echo "## Process"; echo
echo "| what | value |"; echo "|---|---|"
echo "| start to ready, new data directory | $first_ms ms |"
echo "| start to ready, existing database | $again_ms ms |"
echo "| resident memory, idle | $idle MiB |"
echo "| resident memory, peak under the reads above | $after_reads MiB |"
echo "| resident memory, now | $(rss_mib "$server_pid") MiB |"
echo

echo "## Inspection"; echo
echo '```'; "$(ls -t target/release/deps/inspection-* | grep -v "\.d$" | head -1)"; echo '```'
echo
echo "## Log"; echo
"$(ls -t target/release/deps/log-* | grep -Ev "\.(d|rmeta|rlib)$" | head -1)"
echo
echo "## Checking a release"; echo
"$(ls -t target/release/deps/verify-* | grep -v "\.d$" | head -1)"
echo
graph=${PLUGINRY_SHARED:-../shared}/data/crates-graph.jsonl.gz
if [ -f "$graph" ]; then
    echo "## Solve"; echo; echo '```'
    target/release/examples/resolve_graph "$graph"
    echo '```'
fi
