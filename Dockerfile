# syntax=docker/dockerfile:1
# The service as an image: one static-but-for-glibc binary on distroless, without a shell.
#
#     docker buildx build --platform linux/amd64,linux/arm64 \
#       --build-arg REVISION="$(git rev-parse HEAD)" --sbom=true --provenance=mode=max .
#
# Without a container engine tests/deploy/build_stage.py carries the first stage out.
#
# Each platform is compiled on itself (the release workflow: on a machine of its kind), so that librdkafka and OpenSSL, which
# are compiled from source, need no cross compiler.

ARG RUST_VERSION=1.95.0

FROM rust:${RUST_VERSION}-slim-bookworm AS build
SHELL ["/bin/bash", "-euo", "pipefail", "-c"]
# Versions are the distribution's: an image is built anew for its updates.
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install --yes --no-install-recommends build-essential perl \
 && rm -rf /var/lib/apt/lists/*
# Writes the list of crates into the binary, where scanners look for it, and the SBOM.
RUN cargo install --locked cargo-auditable@0.7.7 cargo-cyclonedx@0.5.9
WORKDIR /build

# The dependencies alone, kept until one of them changes: every target that Cargo.toml names stands
# in as an empty one.
COPY Cargo.toml Cargo.lock ./
RUN mkdir -p src benches/end_to_end \
 && echo 'fn main() {}' | tee src/main.rs benches/stages.rs benches/soak.rs benches/search.rs benches/end_to_end/main.rs > src/lib.rs \
 && cargo auditable build --locked --release \
 && rm -r src benches

COPY benches ./benches
COPY src ./src
COPY config ./config
COPY templates ./templates
ARG REVISION=unknown
# The stand-ins are younger than the files that were checked out: touch tells cargo.
RUN find src -name '*.rs' -exec touch {} + \
 && SIGNIN_DIAGNOSTICS_REVISION="$REVISION" cargo auditable build --locked --release \
 && cargo cyclonedx --format json --spec-version 1.5 --override-filename sbom \
 && install -D target/release/signin-diagnostics /image/usr/bin/signin-diagnostics \
 && install -D -m 0644 sbom.json /image/usr/share/sbom/signin-diagnostics.cdx.json \
 && install -D -m 0644 config/event-hubs.toml /image/etc/signin-diagnostics/event-hubs.toml \
 && install -D -m 0644 config/container.toml /image/usr/share/signin-diagnostics/container.toml \
 && /image/usr/bin/signin-diagnostics --version

# glibc, its C++ runtime, certificates and an entry for the user: no shell, no package manager.
FROM gcr.io/distroless/cc-debian12:nonroot
ARG REVISION=unknown
ARG VERSION=0.1.0
LABEL org.opencontainers.image.title="signin-diagnostics" \
      org.opencontainers.image.description="Names the sign-in diagnostic scenario of every Microsoft Entra ID sign-in as it streams by" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /image/ /
EXPOSE 9464
# By number, so that runAsNonRoot can be checked; nothing is written, so no folder is its own.
USER 65532:65532
# Another port than 9464 in the settings wants another health check.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
  CMD ["/usr/bin/signin-diagnostics", "healthcheck"]
ENTRYPOINT ["/usr/bin/signin-diagnostics"]
# What the second file says goes before the first. No environment, which would go before both.
CMD ["run", "--config", "/usr/share/signin-diagnostics/container.toml", "--config", "/etc/signin-diagnostics/service.toml"]
