FROM node:22-bookworm-slim AS base
WORKDIR /app
COPY package.json package-lock.json ./
# The package's own `prepare` compiles, for which there are no sources yet. What dependencies do when they are
# installed still has to run: @tensorflow/tfjs-node downloads TensorFlow, and npm leaves it out where it cannot.
RUN npm pkg delete scripts.prepare

# What the service runs on: installed without development dependencies, so that nothing has to be pruned, and without
# the source maps and type declarations that are a quarter of it.
FROM base AS dependencies
RUN npm ci --omit=dev --no-audit --no-fund \
  && find node_modules -type f \( -name '*.map' -o -name '*.d.ts' -o -name '*.d.cts' -o -name '*.d.mts' \) -delete

FROM base AS build
# With optional dependencies, since Vite's compilers are among them.
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY scripts/build-explorer.js scripts/
COPY src src
COPY explorer explorer
RUN npm run build && rm dist/.tsbuildinfo

FROM node:22-bookworm-slim
ENV NODE_ENV=production HOST=0.0.0.0 PORT=8080 DATA_DIR=/data
# glibc would give each thread a heap of its own, which keeps 30 MiB more under load.
ENV MALLOC_ARENA_MAX=2
WORKDIR /app
RUN install --directory --owner=node --group=node /data
COPY --from=dependencies /app/node_modules node_modules
COPY package.json LICENSE ./
COPY openapi openapi
COPY --from=build /app/dist dist

USER node
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s \
  CMD ["node", "dist/health-check.js"]
# Node itself, not npm or a shell, so that it gets the signals.
# SIGUSR1 would open a debugger before the program handles it.
CMD ["node", "--disable-sigusr1", "dist/server.js"]
