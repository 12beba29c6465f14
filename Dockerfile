# The image: Node, dist/ and the production packages, and nothing that Cairn does not run. It needs no capability, no
# writable root and no particular user; what it writes goes to /snapshots alone.
#
#   docker build --build-arg VERSION=1.2.3 --build-arg REVISION=$(git rev-parse HEAD) -t cairn .
#   docker run -p 3000:3000 -v cairn:/snapshots cairn
#
# buildah and podman build it too; with --format=docker they keep the health check, which their own format has not.
# A change of the code rebuilds from `COPY src` on, and the image differs from the one before in one small layer.

FROM node:24-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund && cp -a node_modules /production
# What compiles, out of the same lock file, instead of all development packages: those are ten times as large.
RUN npm install --no-save --save-prod --omit=dev --ignore-scripts --no-audit --no-fund \
  $(node -p "Object.entries(require('./package.json').devDependencies).filter(([name]) => /^(typescript|swagger-ui-dist|@types\/.*)$/.test(name)).map(entry => entry.join('@')).join(' ')")
COPY tsconfig.json ./
COPY scripts/copy-docs-page.js scripts/write-build-facts.js scripts/
COPY src src
RUN npm run build && chmod 755 dist/main.js
# After the compiler, whose layer would be built anew for every commit otherwise.
ARG REVISION
RUN REVISION="$REVISION" node scripts/write-build-facts.js

FROM node:24-bookworm-slim
# Cairn needs node and flock only; a package manager would just be something to attack. A new volume takes owner and
# mode from /snapshots: for our user, and for any other user in group 0; set-group-id, so that what one user writes can
# be read by the next. With fsGroup Kubernetes sees to the group itself.
RUN rm -rf /usr/local/lib/node_modules /usr/local/bin/npm /usr/local/bin/npx /usr/local/bin/corepack \
    /usr/local/bin/yarn /usr/local/bin/yarnpkg /opt/yarn* && \
  install -d -o 10001 -g 0 -m 2770 /snapshots && \
  ln -s /app/dist/main.js /usr/local/bin/cairn
WORKDIR /app

# The small young generation gives back most of what V8 would take for it by default.
ENV NODE_ENV=production \
  NODE_OPTIONS="--max-semi-space-size=16 --enable-source-maps" \
  CAIRN_HOST=:: \
  CAIRN_SNAPSHOT_DIR=/snapshots
VOLUME /snapshots
EXPOSE 3000
# Group 0, as every other user that a cluster may choose instead: what one writes, the next can read.
USER 10001:0
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s CMD ["node", "/app/dist/main.js", "healthcheck"]
ENTRYPOINT ["node", "/app/dist/main.js"]
CMD ["serve"]

# From what changes least to what differs in every build.
COPY --from=build /production node_modules
COPY package.json LICENSE ./
COPY --from=build /app/dist dist
ARG VERSION=0.0.0
ARG REVISION
LABEL org.opencontainers.image.title="Cairn" \
  org.opencontainers.image.description="An in-memory key-value and configuration service with append-only snapshots" \
  org.opencontainers.image.licenses="MIT" \
  org.opencontainers.image.version="$VERSION" \
  org.opencontainers.image.revision="$REVISION"
