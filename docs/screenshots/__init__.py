"""Pictures of the console and the inbox: `python -m docs.screenshots` writes docs/images/console-*.png.

sample.py    a database in which much went right and some of everything went wrong
records.py   the records that it is made of
serving.py   a console that listens on a port, and Debian's Chromium
pictures.py  the pages, sizes and colour schemes
inbox.py     the inbox of a small demo: `python -m docs.screenshots.inbox`
"""
