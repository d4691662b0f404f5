import { posix, relative, sep } from 'node:path';

/** The room that opens each collection. A collection that is not listed belongs to no room and is refused. */
const OWNERS = {
  intents: 'completions',
  completions: 'completions',
  destinations: 'completions',
  'integration-errors': 'completions',
  redeliveries: 'completions',
  integrations: 'integrations',
  'integration-version': 'integrations',
  mails: 'notifications',
  'session-checks': 'sessions',
  quarantine: 'sessions',
  'held-sessions': 'sessions',
  trainings: 'nlp-pipelines',
  'capped-tenants': 'usage-caps',
  counters: 'persistence',
  heartbeats: 'persistence',
  leases: 'persistence',
};

/**
 * A collection is opened in one room. Refused elsewhere: its schema, `connection.collection('name')`,
 * `db.collection('name')`, a `$lookup` from it, and the injection of its model. `connection.model()` is refused in every
 * room.
 */
export const ownCollections = {
  meta: {
    type: 'problem',
    schema: [],
    messages: {
      foreign: "the collection '{{name}}' is opened in src/{{owner}} only: ask a class of that room",
      unknown: 'name the collection with a literal that stands in tools/lint/own-collections.mjs',
      model: 'the model {{name}} is declared in another room ({{source}}): ask a class of that room',
      unnamed: "inject a model by what its schema's file exports, not by a text",
      unlisted: 'inject the model with @InjectModel: connection.model() hides which room owns it',
    },
  },
  create(context) {
    const file = relative(context.cwd, context.filename).split(sep).join('/');
    const room = /^src\/([^/]+)\//.exec(file)?.[1];
    const imports = new Map();

    const checkName = (node) => {
      const name = node?.type === 'Literal' ? node.value : undefined;
      const owner = OWNERS[name];
      if (!owner) context.report({ node, messageId: 'unknown' });
      else if (owner !== room) context.report({ node, messageId: 'foreign', data: { name, owner } });
    };

    const checkModel = (node) => {
      const name = node?.type === 'MemberExpression' ? node.object.name : node?.name;
      if (!name) return context.report({ node, messageId: 'unnamed' });
      const source = imports.get(name);
      if (!source?.startsWith('.')) return;
      if (posix.join(posix.dirname(file), source).startsWith(`src/${room}/`)) return;
      context.report({ node, messageId: 'model', data: { name, source } });
    };

    return {
      ImportDeclaration(node) {
        for (const { local } of node.specifiers) imports.set(local.name, node.source.value);
      },
      CallExpression(node) {
        const { callee } = node;
        if (['InjectModel', 'getModelToken'].includes(callee.name)) checkModel(node.arguments[0]);
        if (callee.type !== 'MemberExpression') return;
        if (callee.property.name === 'collection') checkName(node.arguments[0]);
        // files above the rooms, such as migrate.ts, have no module that could inject one
        if (room && callee.property.name === 'model' && isConnection(callee.object)) {
          context.report({ node, messageId: 'unlisted' });
        }
      },
      'NewExpression[callee.name="Schema"] > ObjectExpression > Property[key.name="collection"]'(node) {
        checkName(node.value);
      },
      'Property[key.name="$lookup"] > ObjectExpression > Property[key.name="from"]'(node) {
        checkName(node.value);
      },
    };
  },
};

/** `connection`, `db`, `this.connection`, `database.connection`, `connection.db` */
function isConnection(node) {
  const name = node.type === 'MemberExpression' ? node.property.name : node.name;
  return name === 'connection' || name === 'db';
}
