# The image: Node, dist/ and the production packages, and nothing that Cairn does not run. It needs no capability, no
# writable root and no particular user; what it writes goes to /snapshots alone.
#
#   docker build --build-arg VERSION=1.2.3 --build-arg REVISION=$(git rev-parse HEAD) -t cairn .
#   docker run -p 3000:3000 -v cairn:/snapshots cairn
#
# A change of the code rebuilds from `COPY src` on, and the image differs from the one before in one small layer.

FROM node:24-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund && mv node_modules /production
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json ./
COPY scripts/copy-docs-page.js scripts/write-build-facts.js scripts/
COPY src src
RUN npm run build
# After the compiler, whose layer would be built anew for every commit otherwise.
ARG REVISION
RUN REVISION="$REVISION" node scripts/write-build-facts.js

FROM node:24-bookworm-slim
# Cairn needs node and flock only; a package manager would just be something to attack.
RUN rm -rf /usr/local/lib/node_modules /usr/local/bin/npm /usr/local/bin/npx /usr/local/bin/corepack \
  /usr/local/bin/yarn /usr/local/bin/yarnpkg /opt/yarn*
# A new volume takes owner and mode from here: for our user, and for any other user in group 0; set-group-id, so that
# what one user writes can be read by the next. With fsGroup Kubernetes sees to the group itself.
RUN install -d -o 10001 -g 0 -m 2770 /snapshots
WORKDIR /app
COPY --from=build /production node_modules
COPY package.json LICENSE ./
COPY --from=build /app/dist dist

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

# Last, since they differ in every build.
ARG VERSION=0.0.0
ARG REVISION
LABEL org.opencontainers.image.title="Cairn" \
  org.opencontainers.image.description="An in-memory key-value and configuration service with append-only snapshots" \
  org.opencontainers.image.licenses="MIT" \
  org.opencontainers.image.version="$VERSION" \
  org.opencontainers.image.revision="$REVISION"
