# The image of clink-checkout: built on Debian 13 with Debian's own compiler, Boost, libpqxx and OpenSSL, and made of
# nothing but the program, the libraries that it is linked to and the trust anchors. deploy/image/README.md has sizes,
# contents and how to build it so that the digests come out the same.
#
# DEBIAN may name the same base by digest. VERSION, REVISION and SOURCE (the repository's address) become labels, and the
# program says its revision too. JOBS is how many compilers run at once: each takes more than a gigabyte.
ARG DEBIAN=docker.io/library/debian:trixie-slim

FROM ${DEBIAN} AS build
WORKDIR /src

# What it is built from changes seldom, and comes first. The list of packages is the one that developers' machines use.
COPY deploy/local/debian.sh deploy/local/install deploy/local/lib.sh deploy/local/
RUN deploy/local/install build rootfs

COPY CMakeLists.txt CMakePresets.json openapi.yaml ./
COPY migrations migrations
COPY service service
ARG JOBS
ARG REVISION=unknown
RUN --mount=type=cache,id=clink-checkout-ccache,target=/var/cache/ccache \
    export LC_ALL=C.UTF-8 CCACHE_DIR=/var/cache/ccache \
    && cmake --preset release -DCHECKOUT_TESTS=OFF -DCHECKOUT_REVISION="$REVISION" \
    && cmake --build --preset release --parallel "${JOBS:-$(nproc)}" --target clink-checkout

COPY LICENSE ./
COPY deploy/image/rootfs deploy/image/
ARG SOURCE_DATE_EPOCH=0
RUN deploy/image/rootfs build/clink-checkout /rootfs

FROM scratch
COPY --from=build /rootfs/system /
COPY --from=build /rootfs/program /

ARG VERSION=unversioned
ARG REVISION=unknown
ARG SOURCE=unknown
LABEL org.opencontainers.image.title="clink-checkout" \
      org.opencontainers.image.description="Turns an order into a Clink-hosted checkout page and keeps a record to close books on" \
      org.opencontainers.image.source="${SOURCE}" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"

# By number, so that Kubernetes can tell that it is not root without the image's /etc/passwd.
USER 10001:10001
EXPOSE 8080 9090
STOPSIGNAL SIGTERM
# No HEALTHCHECK: Kubernetes does not look at it, and there is no shell or curl to run; probe /livez and /readyz on 9090.
ENTRYPOINT ["/usr/bin/clink-checkout"]
CMD ["serve"]
