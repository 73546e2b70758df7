"""A data set as pages for people: a small server for a browser, or one page in a file.

From the values to the page (pure):

boxes.py      where boxes of any of our forms lie in the picture as it is shown
tags.py       what the JSON says that is in the picture, with names
item.py       one sample as it is shown
facts.py      a data set as its manifest tells of it, and its classes
histogram.py  numbers in bars
pages.py      these values → HTML; the only file that knows Jinja. The HTML itself is in templates/

From the data set to the values:

survey.py     what a random part of the samples is like
reader.py     samples by place or by class
thumbnail.py  a small picture of an image

And out into the world:

target.py     what an address asks for; pure
site.py       what each address of the gallery answers
server.py     the same over HTTP, on this machine alone
report.py     all in one page that needs nothing else
"""
