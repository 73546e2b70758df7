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
- `boxes`  Where boxes lie in a picture as it is shown, whichever of our forms they are in. Pure.
- `facts`  A data set as its manifest tells of it, and its classes. Pure, and no sample is read.
- `histogram`  Numbers in bars. Pure.
- `item`  One sample as it is shown. Pure.
- `overview`  What the samples of a data set are like, by a random part of them.
- `pages`  Values → HTML: the one file that knows Jinja. Pure, and every text from a data set is escaped.
- `reader`  Samples by their place or by their class, for one who leafs through them.
- `report`  All in one page that needs nothing else: to be kept, or sent to somebody.
- `server`  The gallery over HTTP, for the browsers of this machine.
- `site`  What each address of the gallery answers.
- `tags`  What a sample says is in its picture: its label, and the lists of labels that its JSON has. Pure.
- `target`  What an address asks for, read strictly. Pure.
- `thumbnail`  A small picture of an image, as a browser shows it.
"""
