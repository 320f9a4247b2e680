"""The operators' console: one process that shows the outbox and acts on it as the commands do.

app.py        the application: routes, middleware, errors
page.py       a page: its place in the navigation, its views and its actions
pages/        the pages, one module each; `page` in each of them is found by itself
visit.py      one request of a signed-in person, as the functions of a page get it
answers.py    what a request is answered with: what a page's function returns, or why there is no such answer
access/       who is it, and may they: sessions, roles, users, single sign-on, a proxy's header
filters.py    which notifications a person asks for: the fields of a form, and of the page's address
messages/     messages that pages show: how they are asked for, and the frames that their HTML is shown in
monitoring/   what is read in the background, and how the overview shows it: throughput, audit, alarms, charts
jobs/         what takes longer than a request, or runs the user's code with the rights of the console
rendering.py  templates, and the static files under addresses with a hash
templates/    Jinja2: the layout, parts that pages share, and a template for each page in pages/
"""
