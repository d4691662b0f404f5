# The service and nothing else: MongoDB is a server of its own (MONGODB_URI). The embedded engine is a development
# dependency and is not in the image.
FROM node:24-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY tsconfig.json tsconfig.build.json nest-cli.json ./
COPY src ./src
# TypeScript stays behind as an optional peer of @nestjs/swagger, which uses it at build time only (24 MB).
RUN npm run build \
 && npm prune --omit=dev \
 && rm -rf node_modules/.cache node_modules/typescript node_modules/.bin/tsc node_modules/.bin/tsserver

FROM node:24-slim
ENV NODE_ENV=production \
    UV_THREADPOOL_SIZE=32
WORKDIR /app
# Owned by root and never written to: the container may run with a read-only file system.
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY migrations ./migrations
COPY package.json ./
# By number, so that Kubernetes' runAsNonRoot can tell that it is not root.
USER 1000:1000
EXPOSE 3002
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT || 3002}/health`).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
# node without npm, so that SIGTERM reaches the service itself. The flags are those of `npm start`: without a limit node
# lets the heap grow to gigabytes on a large machine before it collects garbage.
CMD ["node", "--enable-source-maps", "--max-old-space-size=384", "dist/main.js"]
