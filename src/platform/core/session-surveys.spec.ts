import { SurveySelection } from './session-surveys.js';

const SESSION = '0a6ff3a3-3df0-4ba1-b5cd-6d2b2a9f1d10';
const OTHER = '0a6ff3a3-3df0-4ba1-b5cd-6d2b2a9f1d11';
const MONGO = '66f1c0de9b1d8a0012345678';
const OTHER_MONGO = '77f1c0de9b1d8a0012345678';

function select(...pages: unknown[][]) {
  const selection = new SurveySelection({ sessionId: SESSION, tenantId: 't1' });
  for (const page of pages) selection.take(page);
  const { surveys, leftOut } = selection.result();
  return { ids: surveys.map(({ id }) => id), ...leftOut };
}

const nothing = { otherSession: 0, unclear: 0 };

describe("a session's surveys in hbf-core's answer", () => {
  it.each([
    ['session', { session: SESSION }],
    ['its chat session', { session: MONGO, chatSession: { id: SESSION } }],
    ['another tenant beside it', { session: SESSION, tenantId: 't2' }],
  ])('name it by its uuid: %s', (_, fields) => {
    expect(select([{ id: 'v1', ...fields }])).toEqual({ ids: ['v1'], ...nothing });
  });

  it('are there once, however many pages list them', () => {
    const survey = { id: 'v1', session: SESSION };
    expect(select([survey], [survey])).toEqual({ ids: ['v1'], ...nothing });
  });

  it.each([
    ['session', { session: MONGO }],
    ['the chat session', { session: null, chatSession: { id: MONGO } }],
    ['both', { session: MONGO, tenantId: 't1', chatSession: { id: MONGO, tenant: { id: 't1' } } }],
  ])('count by another kind of id where all name the same: %s', (_, fields) => {
    const listed = [
      { id: 'v1', ...fields },
      { id: 'v2', session: MONGO },
      { id: 'v3', session: SESSION },
    ];
    expect(select(listed)).toEqual({ ids: ['v3', 'v1', 'v2'], ...nothing });
  });

  it.each<[string, object]>([
    ['two sessions', { session: OTHER_MONGO }],
    ['two sessions in one', { session: MONGO, chatSession: { id: OTHER_MONGO } }],
    ['another tenant', { session: MONGO, tenantId: 't2' }],
    ["another tenant's session", { session: MONGO, chatSession: { id: MONGO, tenant: { id: 't2' } } }],
    ['another tenant of the session', { session: MONGO, chatSession: { id: MONGO, tenantId: 't2' } }],
  ])('by another kind of id are left out, and counted, where they name %s', (_, fields) => {
    const one = { id: 'v1', session: MONGO };
    const other = { id: 'v2', ...fields };
    const mine = { id: 'v3', session: SESSION };
    for (const pages of [[[one, other, mine]], [[other], [one], [mine]]])
      expect(select(...pages)).toEqual({ ids: ['v3'], otherSession: 0, unclear: 2 });
  });

  it('are not those of another session, nor those that name none or cannot be read', () => {
    const others = [
      { id: 'v1', session: OTHER },
      { id: 'v2', session: MONGO, chatSession: { id: OTHER } },
    ];
    const unclear = [null, 7, { id: 'v3' }, { session: MONGO }];
    expect(select([...others, ...unclear])).toEqual({ ids: [], otherSession: 2, unclear: 4 });
  });

  it('must be readable', () => {
    expect(() => select([{ session: SESSION }])).toThrow('survey.id');
  });
});
