import { changes, fieldTables, tablesInPage } from '../../tools/webhook-docs.js';
import { schemaFingerprint } from './json-schema.js';
import { WEBHOOK_SCHEMA } from './session-payload.js';

describe('docs/webhooks.md', () => {
  it('has the field tables and the examples of today (if not: npm run webhook-docs)', () => {
    expect(tablesInPage()).toBe(fieldTables());
  });

  it('lists every change of the schemas: the last line has the fingerprint of today', () => {
    expect(changes().at(-1)).toMatchObject({ schema: WEBHOOK_SCHEMA, fingerprint: schemaFingerprint() });
  });

  it('counts its versions up, one after the other, with no day before the one above', () => {
    const versions = changes().map(({ schema }) => Number(schema.split('/')[1]));
    const steps = versions.map((version, index) => version - (versions[index - 1] ?? 0));
    expect(steps.every((step) => step === 0 || step === 1)).toBe(true);
    const days = changes().map(({ at }) => at);
    expect(days).toEqual([...days].sort());
  });
});
