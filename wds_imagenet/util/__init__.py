"""Small tools that know nothing of data sets.

- `cancel`       tokens that end the store requests of other threads
- `threads`      thread pools, and results computed ahead of their consumer
- `processes`    usable CPUs, child processes without the user's script, SIGTERM
- `temporary_folder`  temporary folders that the next process removes if their own was killed
- `rng`          random numbers as a pure function of integers
- `argument_types`  arguments of public functions, compared with their signatures
- `strict_json`  JSON by RFC 8259, with limits
- `python_literal`  lists and dicts as Python writes them, never evaluated
- `messages`     phrases that messages share: counted nouns, unknown names
"""
