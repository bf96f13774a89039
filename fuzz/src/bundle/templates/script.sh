#!/bin/sh
# Runs "sockfuzz {{ command }}" for the server of this bundle. {% if command == "replay" or command == "triage" -%}
Arguments: see ./{{ script }} --help.
{%- else -%}
Options: see ./{{ script }} --help. No server is given.
{%- endif %}
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd -P) || exit 1
exec "$here/sockfuzz" {{ command }} "$@"
