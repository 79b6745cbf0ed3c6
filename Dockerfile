# Several architectures at once need BuildKit: docker buildx build --platform linux/amd64,linux/arm64 .
# The digest is that of the index of all architectures; see .github/base-image.
# Compose passes on an empty NODE_IMAGE.
ARG NODE_IMAGE
ARG BASE=${NODE_IMAGE:-node:22.23.3-bookworm-slim@sha256:c3de60bf2f9dd0ac6370e6117950ff62d6e339527e7472301c9c78a017978392}

# Stages that install and compile run on the machine that builds, without emulation. Builders without BuildKit do not
# know its platform.
FROM --platform=${BUILDPLATFORM:-linux} ${BASE} AS base
WORKDIR /app
COPY package.json package-lock.json ./
# The package's own `prepare` compiles, for which there are no sources yet. What dependencies do when they are
# installed still has to run: @tensorflow/tfjs-node downloads TensorFlow, and npm leaves it out where it cannot.
RUN npm pkg delete scripts.prepare

# What the service runs on: installed without development dependencies, so that nothing has to be pruned, and without
# the source maps and type declarations that are a quarter of it. For another architecture, native addons come
# compiled, but TensorFlow is left out: its download is for this one.
FROM base AS dependencies
ARG BUILDARCH
ARG TARGETARCH
# `--build-arg NATIVE_TENSORFLOW=0` leaves native TensorFlow out: WebAssembly prepares the same bytes about as fast.
ARG NATIVE_TENSORFLOW=1
RUN set -e; \
  options='--omit=dev --no-audit --no-fund'; \
  if [ "$TARGETARCH" != "$BUILDARCH" ] || [ "$NATIVE_TENSORFLOW" = 0 ]; then \
    npm pkg delete 'optionalDependencies[@tensorflow/tfjs-node]'; \
  fi; \
  if [ "$TARGETARCH" = "$BUILDARCH" ]; then \
    npm ci $options; \
  else \
    npm ci $options --ignore-scripts --os=linux --libc=glibc --cpu="$(echo "$TARGETARCH" | sed s/amd64/x64/)"; \
  fi; \
  find node_modules -type f \( -name '*.map' -o -name '*.d.ts' -o -name '*.d.cts' -o -name '*.d.mts' \) -delete

FROM base AS build
# With optional dependencies, since Vite's compilers are among them.
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY scripts/build-explorer.js scripts/
COPY src src
COPY explorer explorer
RUN npm run build && rm dist/.tsbuildinfo
COPY scripts/task/licences.js scripts/task/sbom.js scripts/task/
COPY scripts/shipped scripts/shipped
RUN mkdir licences && node scripts/task/licences.js --output licences/THIRD-PARTY.txt \
  && node scripts/task/sbom.js licences/sbom.cdx.json
# Copied from here, since the last stage runs nothing. Writable for any user that `--user` names, in a new volume.
RUN install --directory --owner=1000 --group=0 --mode=1777 /volume/data

FROM ${BASE}
# Every address, IPv6 and IPv4.
ENV NODE_ENV=production HOST=:: PORT=8080 DATA_DIR=/data
# glibc would give each thread a heap of its own, which keeps 30 MiB more under load.
ENV MALLOC_ARENA_MAX=2
WORKDIR /app
COPY --from=build /volume/ /
COPY --from=dependencies /app/node_modules node_modules
COPY package.json LICENSE ./
COPY openapi openapi
COPY --from=build /app/licences licences
COPY --from=build /app/dist dist

# The user `node`, as a number, so that Kubernetes can tell that it is not root.
USER 1000:1000
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s \
  CMD ["node", "dist/health-check.js"]
# Node itself, not npm or a shell, so that it gets the signals.
# SIGUSR1 would open a debugger before the program handles it.
CMD ["node", "--disable-sigusr1", "dist/server.js"]
