"""util.

- `cancel`  Ending what a thread waits for, from another thread.
- `messages`  Words that messages of several rooms have in common. Pure.
- `processes`  Starting processes that need nothing of the user's script.
- `rng`  Random numbers as a pure function of integers, the same on every machine and in every version.
- `strict_json`  JSON as RFC 8259 means it, from hands that are not trusted.
- `threads`  The one place in this room where threads begin, and where each of them ends.
"""
