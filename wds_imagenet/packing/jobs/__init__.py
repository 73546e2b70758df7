"""The three kinds of packing, as jobs for `publish.run`.

- `dataset`  the manifest of a data set, and the files beside it
- `listing`  a data set whose images can be read in any order
- `stream`   a data set that can be read only from beginning to end
- `layer`    labels of a finished data set
"""
