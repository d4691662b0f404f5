/** Begins every metric's name. */
export const PREFIX = 'hbf_session_manager_';

/** Upper bounds in seconds of what one HTTP exchange takes. */
export const EXCHANGE_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 30, 60];
