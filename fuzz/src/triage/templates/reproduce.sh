#!/bin/bash
# {{ title }}
#
# Starts the server, sends it {{ what }}, and tells how it ended. Needs bash and coreutils.
# Usage: reproduce.sh [PORT]
# Exit status: 0 if it happened, 1 if it did not, 2 if the server did not start.
port=${1:-{{ port }}}
cd {{ directory }} || exit 2
log=$(mktemp)
{{ command }} >"$log" 2>&1 </dev/null &
server=$!
trap 'kill -KILL "$server" 2>/dev/null; rm -f "$log"' EXIT

for _ in {1..100}; do
    if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then listens=1; break; fi
    sleep 0.1
done
if [[ -z ${listens-} ]]; then
    echo "the server does not listen on port $port:"
    tail "$log"
    exit 2
fi
{% for input in inputs %}
# Input {{ loop.index }}.
{%- for line in input %}
{{ line }}
{%- endfor %}
{% endfor %}
for _ in {1..20}; do kill -0 "$server" 2>/dev/null || break; sleep 0.1; done
tail "$log"
{% if kind == "panicked" -%}
if grep --quiet "panicked at" "$log"; then echo "the server panicked"; exit 0; fi
{% elif kind == "reported" -%}
if grep --quiet -e "Sanitizer" -e "runtime error" "$log"; then echo "a sanitizer reported an error"; exit 0; fi
{% endif -%}
if kill -0 "$server" 2>/dev/null; then echo "the server still runs"; exit 1; fi
wait "$server" 2>/dev/null
status=$?
if ((status > 128)); then echo "the server ended by signal $((status - 128))"; else echo "the server ended with status $status"; fi
{% if kind == "exited" -%}
exit 0
{%- else -%}
((status != 0))
{%- endif %}
