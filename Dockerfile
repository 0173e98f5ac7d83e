# One image for all services: `docker build -t wattribute .`; for others than your own machine `docker buildx build --platform linux/amd64,linux/arm64`.
# Stages that build run on the builder's own platform and cross-compile, so that nothing is emulated. What they run are scripts that run on a plain
# Debian as well: `scripts/dockerfile.py` does that. It needs BuildKit (Docker 23 has it on; before: DOCKER_BUILDKIT=1).

FROM --platform=$BUILDPLATFORM node:22-bookworm-slim AS dashboard
WORKDIR /src/dashboard
COPY dashboard/package.json dashboard/package-lock.json ./
RUN --mount=type=cache,target=/root/.npm npm ci --no-audit --no-fund
COPY dashboard/ ./
RUN npm run --silent build

FROM --platform=$BUILDPLATFORM rust:1.95-slim-bookworm AS build
ARG TARGETARCH
WORKDIR /src
COPY contrib/docker/ contrib/docker/
RUN contrib/docker/toolchain.sh "$TARGETARCH"
COPY Cargo.toml Cargo.lock ./
COPY services/ services/
COPY openapi/ openapi/
COPY --from=dashboard /src/dashboard/dist/ dashboard/dist/
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/src/target contrib/docker/build.sh "$TARGETARCH" /out

# glibc, libgcc, certificates and time zones; no shell, no package manager.
FROM gcr.io/distroless/cc-debian12:nonroot
LABEL org.opencontainers.image.title="Wattribute" \
      org.opencontainers.image.description="What each device in the home draws and costs" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0"
COPY --from=build /out/wattribute /usr/local/bin/wattribute
COPY --from=build --chown=65532:65532 /out/data/ /var/lib/wattribute/
COPY --from=build --chown=65532:65532 /out/data/ /var/backups/wattribute/
COPY LICENSE-APACHE LICENSE-MIT /usr/share/doc/wattribute/
ENV WATTRIBUTE__DATA_DIR=/var/lib/wattribute \
    WATTRIBUTE__METER__LISTEN=0.0.0.0:8014 \
    WATTRIBUTE__CORRELATOR__LISTEN=0.0.0.0:8017 \
    WATTRIBUTE__DATA_API__LISTEN=0.0.0.0:8006 \
    WATTRIBUTE__DASHBOARD__LISTEN=0.0.0.0:3000
USER 65532:65532
WORKDIR /var/lib/wattribute
VOLUME /var/lib/wattribute
EXPOSE 8014 8017 8006 3000
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s --retries=3 CMD ["/usr/local/bin/wattribute", "health", "http://127.0.0.1:8006/health"]
ENTRYPOINT ["/usr/local/bin/wattribute"]
CMD ["run"]
