ARG BASE=docker.io/library/python:3.13-slim

FROM ${BASE} AS build
# --without-pip and --python: the base's own pip installs, and none is shipped
RUN python3 -m venv --without-pip /opt/serinus
COPY requirements/operator.txt /tmp/requirements.txt
RUN python3 -m pip --python /opt/serinus/bin/python install --no-cache-dir \
    --require-hashes --requirement /tmp/requirements.txt
COPY operator/serinus /app/serinus
RUN python3 -m compileall -q /app

FROM ${BASE}
COPY --from=build /opt/serinus /opt/serinus
COPY --from=build /app /app
WORKDIR /app
USER 65532:65532
ENTRYPOINT ["/opt/serinus/bin/python", "-m", "serinus.controller"]
