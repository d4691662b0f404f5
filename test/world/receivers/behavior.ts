/** What an endpoint does with a request. */
export type Behavior =
  | { kind: 'ok'; status?: number; body?: string }
  | { kind: 'status'; status: number; headers?: Record<string, string>; body?: string }
  | { kind: 'delay'; ms: number; then?: Behavior }
  | { kind: 'hang' }
  | { kind: 'reset' }
  /** Headers at once, then a body that never ends. */
  | { kind: 'drip'; chunk?: string; everyMs?: number };

/** What the receivers over plain sockets can do: they answer nothing but a status. */
export type PlainBehavior =
  | { kind: 'ok' }
  | { kind: 'status'; status: number }
  | { kind: 'delay'; ms: number }
  | { kind: 'hang' }
  /** 500 to the first attempt of every nth session. */
  | { kind: 'refuse-first'; every: number };

/** Whether a request that is met so counts as accepted: it is answered with 2xx, if not at once. */
export function accepts(behavior: Behavior): boolean {
  switch (behavior.kind) {
    case 'ok':
      return isSuccess(behavior.status ?? 200);
    case 'status':
      return isSuccess(behavior.status);
    case 'delay':
      return !behavior.then || accepts(behavior.then);
    default:
      return false;
  }
}

function isSuccess(status: number): boolean {
  return status >= 200 && status < 300;
}
