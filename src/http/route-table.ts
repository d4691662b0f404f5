import type { Application } from 'express';
import { METHODS } from 'node:http';

interface Route {
  matches: (path: string) => boolean;
  methods: readonly string[];
}

/** Which methods each path has, as express' router tells once every route is registered. */
export class RouteTable {
  private routes: readonly Route[] | undefined;

  constructor(private readonly express: Pick<Application, 'router'>) {}

  /** @returns in capitals, HEAD beside GET; empty where no route has this path, or where it cannot be decoded */
  methodsOf(path: string): string[] {
    this.routes ??= routesOf(this.express);
    try {
      const found = this.routes.filter(({ matches }) => matches(path));
      return [...new Set(found.flatMap(({ methods }) => methods))].sort();
    } catch {
      return []; // a malformed escape: the router answers 400
    }
  }
}

/** A layer of express' router; its types leave `match` out. */
interface Layer {
  match(path: string): boolean;
}

function routesOf({ router }: Pick<Application, 'router'>): Route[] {
  return router.stack.flatMap((layer) => {
    const methods = new Set(layer.route?.stack.map(({ method }) => method.toUpperCase()));
    // Nest registers middleware for all methods: that is no route
    if (methods.size === 0 || METHODS.every((method) => methods.has(method))) return [];
    if (methods.has('GET')) methods.add('HEAD');
    return [{ matches: (path) => (layer as unknown as Layer).match(path), methods: [...methods] }];
  });
}
