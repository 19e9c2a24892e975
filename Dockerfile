ARG BASE=docker.io/library/python:3.13-slim

FROM ${BASE} AS build
# the base's own pip installs (--python), so that none is shipped
RUN python3 -m venv --without-pip /opt/serinus
COPY requirements/operator.txt /tmp/requirements.txt
# Compiled here, since the root is read-only later, and by hash: layers round the times of files.
# Of the Kubernetes client's thousand models hardly any is imported.
RUN python3 -m pip --python /opt/serinus/bin/python install --no-cache-dir --no-compile \
    --require-hashes --requirement /tmp/requirements.txt \
    && python3 -m compileall -q --invalidation-mode unchecked-hash \
    -x '/kubernetes/(aio/)?client/(api|models)/' /opt/serinus/lib
COPY operator/serinus /app/serinus
RUN python3 -m compileall -q --invalidation-mode unchecked-hash /app

FROM ${BASE}
COPY --from=build /opt/serinus /opt/serinus
COPY --from=build /app /app
WORKDIR /app
# Else glibc keeps what large answers took: once one was freed, the next ones come from the heap.
ENV MALLOC_TRIM_THRESHOLD_=131072
USER 65532:65532
ENTRYPOINT ["/opt/serinus/bin/python", "-m", "serinus.controller"]
