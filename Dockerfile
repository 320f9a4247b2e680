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

FROM python:3.13.16-slim-trixie
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /tmp --shell /usr/sbin/nologin notifier \
    && install -d -o notifier -g notifier /app /data
COPY --from=build /opt/notifier /opt/notifier
# /app is for routes of yours; modules lie beside each other there as in a working folder.
ENV PATH=/opt/notifier/bin:$PATH PYTHONPATH=/app PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /app
USER 10001:10001
ENTRYPOINT ["notifier"]
CMD ["--help"]
