import fc from 'fast-check';
import { readChatSession } from '../platform/core/chat-session.dto.js';
import { readTenant } from '../platform/core/tenant.dto.js';
import { JsonBytes } from './json-bytes.js';
import { flowBody, largeSessionBody, sessionBody } from './session-body.js';
import { buildSessionPayload, buildWebhookPayload } from './session-payload.js';

const tenant = readTenant({ id: 't1', organizationId: 'o1', displayName: 'Kafé Ω', tags: ['a'] });

const written = (value: unknown) => {
  const json = new JsonBytes();
  json.value(value);
  return json.bytes().toString();
};

describe('JsonBytes', () => {
  it('writes the bytes that JSON.stringify gives, for every value that JSON can tell', () => {
    fc.assert(fc.property(fc.jsonValue(), (value) => written(value) === JSON.stringify(value)));
  });

  it.each([
    [[undefined, () => 1, Number.NaN, -0, 1e21, null]],
    [{ a: undefined, b: () => 1, c: Symbol('c'), d: [[[[{ e: undefined }]]]] }],
    [{ at: new Date(0), nested: { toJSON: () => 'itself' } }],
    [JSON.parse('{"__proto__":{"a":1},"toJSON":1}') as unknown],
  ])('and for what only JavaScript has', (value) => {
    expect(written(value)).toBe(JSON.stringify(value));
  });

  it('writes long texts in parts, and cuts no character in two', () => {
    const unit = fc.constantFrom('a', 'é', 'Ω', '😀', '\ud83d', '\ude00', '"', '\\', '\n', '\u0001', '\u2028');
    fc.assert(
      fc.property(fc.array(unit, { maxLength: 20 }), fc.integer({ min: 65_520, max: 65_540 }), (units, length) => {
        const text = 'x'.repeat(length) + units.join('') + 'y'.repeat(length) + units.join('');
        expect(written({ text }) === JSON.stringify({ text })).toBe(true);
        expect(written(text) === JSON.stringify(text)).toBe(true);
      }),
      { numRuns: 50, examples: [[['\ud83d', '😀', 'a', 'a'], 65_533]] }, // half a character right before a whole one
    );
  });
});

describe('sessionBody', () => {
  const names = ['messages', 'liveChats', 'csatSurveys', 'conversationNodes', 'variables', 'tags', 'features'];
  const others = ['metadata', 'intents', 'summary', 'language', 'duration', 'subscriberHandle', 'toJSON', '__proto__'];
  const known = fc.constantFrom('id', 'message', 'date', 'tags', 'subscriberName', 'agents', 'name', 'value', 'nodeId');
  const entry = fc.oneof(fc.dictionary(fc.oneof(known, fc.string()), fc.jsonValue()), fc.constant({}));
  const lists = fc.dictionary(
    fc.constantFrom(...names),
    fc.oneof(fc.array(entry, { maxLength: 150, size: 'large' }), fc.jsonValue()),
  );

  it('has the same bytes, whether it is made as a whole or part by part', () => {
    fc.assert(
      fc.property(
        lists,
        fc.dictionary(fc.constantFrom(...others), fc.jsonValue()),
        fc.array(fc.jsonValue()),
        (some, more, contacts) => {
          const raw = { ...more, ...some, id: 's1', lastInteraction: 1 };
          if (!isReadable(raw)) return;
          const session = readChatSession(raw);
          const before = JSON.stringify(raw);
          const input = { session, tenant, contacts, revision: 2, test: true };
          const expected = Buffer.from(JSON.stringify(buildWebhookPayload(input)));
          expect(largeSessionBody(input).equals(expected)).toBe(true);
          expect(sessionBody(input).equals(expected)).toBe(true);
          const flow = Buffer.concat([flowBody(expected)].flat());
          expect(flow.toString() === JSON.stringify(buildSessionPayload(input))).toBe(true);
          expect(JSON.stringify(session.raw) === before).toBe(true);
        },
      ),
      { numRuns: 60 },
    );
  });

  it("makes a flow's body of it without copying a long one, and without changing it", () => {
    const webhook = { webhook: { schema: 'of the customer', revision: 7 } };
    for (const [length, copied] of [
      [10, true],
      [100_000, false],
    ] as const) {
      const session = readChatSession({ id: 's1', lastInteraction: 1, summary: 'x'.repeat(length) });
      const input = { session, tenant, contacts: [webhook, webhook], revision: 1 };
      const body = sessionBody(input);
      const flow = flowBody(body);
      expect(Buffer.concat([flow].flat()).toString()).toBe(JSON.stringify(buildSessionPayload(input)));
      expect(Buffer.isBuffer(flow)).toBe(copied);
      if (!Buffer.isBuffer(flow)) expect(flow[0]!.buffer).toBe(body.buffer);
      expect(body.equals(sessionBody(input))).toBe(true);
    }
  });

  it('never makes one text of a large session', () => {
    const messages = Array.from({ length: 2_000 }, (_, index) => ({ id: `m${index}`, message: 'x'.repeat(5_000) }));
    const session = { ...readChatSession({ id: 's1', lastInteraction: 1, messages }), answerBytes: 10_000_000 };
    const stringify = jest.spyOn(JSON, 'stringify');
    const body = sessionBody({ session, tenant, contacts: [], revision: 1 });
    const longest = Math.max(...stringify.mock.results.map(({ value }) => String(value).length));
    stringify.mockRestore();
    expect([body.length > 10_000_000, longest < 100_000]).toEqual([true, true]);
    expect(JSON.parse(body.toString())).toMatchObject({ id: 's1', status: 'COMPLETED' });
  });
});

function isReadable(raw: object): boolean {
  try {
    readChatSession(raw);
    return true;
  } catch {
    return false;
  }
}
