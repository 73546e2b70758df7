"""Client libraries behind one interface: each call is one attempt.

- `engine`           the interface
- `connect`          the choice of an engine: obstore where it can be used, else fsspec
- `obstore_engine`   the engine for s3, gs and az: obstore
- `fsspec_engine`    the engine for all other stores, and where obstore cannot be used: fsspec
- `http_engine`      the engine for http and https: aiohttp, on a session of fsspec
- `s3fs_engine`      the engine for s3 where obstore cannot be used: s3fs
- `checked_s3fs`     s3fs, with checked replies
"""
