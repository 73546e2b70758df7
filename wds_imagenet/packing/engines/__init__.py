"""Engines: each runs the work of all shards in parallel. The published bytes do not depend on the engine.

- `engine`    the protocol
- `registry`  all engines by name, and the one place that chooses among them
- `local`     processes of this machine
- `threads`   threads of this process, for streams
"""
