/** What came of one delivery attempt. A refusal by the remote is a result, not an exception. */
export type AttemptOutcome =
  | { result: 'delivered'; statusCode: number; durationMs: number }
  | {
      result: 'failed';
      /** HTTP status, when there was an answer. */
      statusCode?: number;
      /** A short machine-readable reason: `http_503`, `timeout`, `ECONNREFUSED`, `no_public_address`, … */
      code: string;
      /** For people: no payload, no header value, capped. */
      message: string;
      durationMs: number;
      /** False: trying again cannot help (the session is gone, the request was refused for good). */
      retryable: boolean;
      /** The remote's Retry-After, in milliseconds from now. */
      retryAfterMs?: number;
      /** The call was sent and its own time-out has passed: whether it had its effect is not known. */
      timedOut?: true;
    };
