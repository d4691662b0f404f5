import type { IncomingHttpHeaders } from 'node:http';
import type { Service } from './contracts.js';

/** A request that keeps to its contract. */
export interface SimRequest {
  service: Service;
  method: string;
  /** As in the contract: `GET /chat-sessions/{id}`. */
  route: string;
  path: string;
  params: Record<string, string>;
  query: URLSearchParams;
  headers: IncomingHttpHeaders;
  token: string | undefined;
  body: unknown;
  at: number;
}
