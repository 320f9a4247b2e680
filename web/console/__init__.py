"""The operators' console: one process that shows the outbox and acts on it as the commands do.

app.py        the application: routes, middleware, errors
page.py       a page: its place in the navigation, its views and its actions
pages/        the pages, one module each; `page` in each of them is found by itself
visit.py      one request of a signed-in person, as the functions of a page get it
access/       who is it, and may they: sessions, roles, users, single sign-on, a proxy's header
rendering.py  templates, and the static files under addresses with a hash
templates/    Jinja2: the layout, parts that pages share, and a template for each page in pages/
"""
