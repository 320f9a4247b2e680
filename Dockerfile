# One image for all processes: `docker run notifier COMMAND`. It holds no secret and no setting.
#
# Your own routes and what they import, in an image of your own:
#
#   FROM notifier
#   USER root
#   RUN pip install --no-cache-dir httpx
#   USER notifier
#   COPY my_routes /app/my_routes
#   ENV NOTIFIER_ROUTES=my_routes.notifications

FROM python:3.13.16-slim-trixie AS build
ENV PATH=/opt/notifier/bin:$PATH PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/notifier
WORKDIR /build
# First what changes rarely: the next build takes it from the cache.
COPY requirements-image.lock ./
RUN pip install --require-hashes -r requirements-image.lock
COPY . .
RUN pip wheel --no-deps --no-build-isolation --wheel-dir dist . && pip install --no-deps --no-index dist/*.whl
# /app is for routes of yours; modules lie beside each other there as in a working folder. It is the last folder of
# Python's path: on PYTHONPATH it would be the first, and a folder `workers` in it would hide that of Notifier.
RUN echo /app > "$(python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/routes.pth"

FROM python:3.13.16-slim-trixie
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /tmp --shell /usr/sbin/nologin notifier \
    && install -d -o notifier -g notifier /app /data
COPY --from=build /opt/notifier /opt/notifier
# PYTHONSAFEPATH: nor does `python -m` or `python -c`, as in a health check, put the working folder first.
ENV PATH=/opt/notifier/bin:$PATH PYTHONSAFEPATH=1 PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /app
USER 10001:10001
ENTRYPOINT ["notifier"]
CMD ["--help"]
