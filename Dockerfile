# The connector as a container: one user without rights, one writable folder, nothing that is not in the lock file.
FROM python:3.13-slim AS build

WORKDIR /src
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/connector
COPY requirements-run.lock ./
RUN /opt/connector/bin/pip install --require-hashes -r requirements-run.lock
COPY pyproject.toml README.md ./
COPY connector ./connector
RUN /opt/connector/bin/pip install --no-deps --no-build-isolation . \
    && /opt/connector/bin/pip uninstall --yes setuptools pip

FROM python:3.13-slim

RUN groupadd --gid 10001 connector \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /data --shell /usr/sbin/nologin connector \
    && install --directory --owner connector --group connector --mode 0750 /data
COPY --from=build /opt/connector /opt/connector
ENV PATH=/opt/connector/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1

# connector.yaml is looked for here, and SQLite's state lies here; the rest of the file system can be read-only.
WORKDIR /data
VOLUME /data
USER 10001:10001

# Whether the process works at all; whether all is well is for /readyz, which is no reason to start it anew.
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --retries=3 CMD ["python", "-c", "import urllib.request as web; web.urlopen('http://127.0.0.1:8090/healthz', timeout=5)"]
# Ends within `daemon.stop_within` (20 s); give it a little longer before it is killed: docker stop --time 30.
STOPSIGNAL SIGTERM
ENTRYPOINT ["connector"]
CMD ["serve"]
