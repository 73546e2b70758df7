"""What does the work of all shards in parallel; the results do not depend on it.

- `local`  processes and threads of this machine
"""
