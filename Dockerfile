# Milepost in an image: `docker build -t milepost .`, or `docker compose up -d`.
FROM python:3.11-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /build

# What the lock file pins, by its hashes; nothing that would have to be built with what is not pinned.
COPY requirements.lock ./
RUN pip download --only-binary :all: --require-hashes --requirement requirements.lock --dest wheels

# Milepost itself, built as `make .venv` does.
RUN pip install --no-index --find-links wheels hatchling
COPY pyproject.toml README.md LICENSE ./
COPY bot bot
COPY handlers handlers
COPY storage storage
RUN pip wheel --no-deps --no-build-isolation --wheel-dir wheels .

# Of all these only what it needs to run: the lock file also pins the tools that check it.
RUN python -m venv --without-pip /venv \
    && pip --python /venv/bin/python install --no-index --find-links wheels milepost

FROM python:3.11-slim
# Letters of most scripts for the titles in charts; fonts-noto-cjk adds Chinese, Japanese and Korean.
RUN apt-get update && apt-get install --yes --no-install-recommends fonts-noto-core && rm -rf /var/lib/apt/lists/*
RUN useradd --uid 10001 --no-create-home milepost && install -d -o milepost -g milepost /app/data
COPY --from=build /venv /venv
ENV PATH=/venv/bin:$PATH DATABASE_URL=sqlite:////app/data/milepost.db MPLCONFIGDIR=/tmp/matplotlib
WORKDIR /app
USER milepost
VOLUME /app/data
STOPSIGNAL SIGTERM
ENTRYPOINT ["milepost"]
CMD ["run"]
