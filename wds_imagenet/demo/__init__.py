"""The whole way on one machine, without data and without a network.

tour.py      the way itself
pictures.py  draws labelled, captioned pictures
server.py    starts and stops a real S3 server
training.py  a small network that learns from a loader
"""
