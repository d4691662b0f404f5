/**
 * The rooms of src/ (its folders), from the top of the house to the bottom, and the rooms that each may import.
 * .dependency-cruiser.cjs refuses every other import; tools/architecture.mjs draws the imports that there are.
 */

/** Every room may import these, and they import no room above them. */
const foundation = {
  persistence: ['tracing', 'config'],
  tracing: ['config'],
  config: [],
};

const table = {
  api: 'all below',
  console: ['completions', 'integrations', 'auth', 'http', 'platform'],
  audits: 'all below',
  operations: 'all below',
  sessions: 'all below',
  deliveries: ['notifications', 'completions', 'integrations', 'payload', 'webhooks', 'platform'],
  'nlp-pipelines': ['notifications', 'platform'],
  'usage-caps': ['notifications', 'platform'],
  notifications: ['completions', 'integrations'],
  completions: ['integrations'],
  integrations: [],
  payload: ['platform'],
  webhooks: ['transport'],
  auth: ['http', 'platform'],
  http: ['platform'],
  platform: ['transport'],
  transport: [],
};

const order = Object.keys(table);

/** Rooms that stand above a room and still may not be imported by name: audits and console import no operations. */
function below(room) {
  const under = order.slice(order.indexOf(room) + 1);
  return room === 'audits' ? under.filter((other) => other !== 'operations') : under;
}

const allowed = { ...foundation };
for (const [room, rooms] of Object.entries(table)) {
  const upwards = rooms === 'all below' ? [] : rooms.filter((other) => order.indexOf(other) <= order.indexOf(room));
  if (upwards.length > 0) throw new Error(`rooms.cjs: ${room} stands below ${upwards.join(', ')}`);
  allowed[room] = [...(rooms === 'all below' ? below(room) : rooms), ...Object.keys(foundation)];
}

module.exports = { order, foundation: Object.keys(foundation), allowed };
