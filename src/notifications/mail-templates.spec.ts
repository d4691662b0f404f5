import { integrationMail, type IntegrationMailInput, operatorMail } from './mail-templates.js';

const at = new Date('2026-01-31T12:00:05.123Z');

function input(changes: Partial<IntegrationMailInput['integration']> = {}): IntegrationMailInput {
  return {
    integration: {
      id: 7,
      organizationId: 'org/1',
      url: 'https://user:pw@hooks.example/a?token=x#frag',
      tenants: ['t1'],
      enabled: true,
      ...changes,
    },
    counts: { 'first-failure': 1 },
    facts: { at, since: at, recoveredAt: null, statusCode: null, code: 'ECONNREFUSED', reason: null },
    pending: 0,
  };
}

describe('integrationMail', () => {
  it('shows the URL without credentials, query and fragment', () => {
    const { text, html } = integrationMail(input());
    expect(text).toContain('URL: https://hooks.example/a\n');
    expect(text + html).not.toMatch(/user|pw|token|frag/);
  });

  it('shows a URL that is none as nothing', () => {
    expect(integrationMail(input({ url: 'secret?x' })).text).toContain('URL: (not a URL)\n');
  });

  it('escapes what becomes HTML and keeps every value on its line', () => {
    const { text, html } = integrationMail(
      input({ tenants: ['<img src=x>&"\'', 'a\r\nLast status: HTTP 200\u2028\u202e'] }),
    );
    expect(html).toContain('&lt;img src=x&gt;&amp;&quot;&#39;');
    expect(html).not.toContain('<img');
    expect(text).not.toMatch(/^Last status: HTTP 200/m);
    expect(text).not.toMatch(/[\u2028\u202e]/);
  });

  it('encodes the organization in the paths it names', () => {
    expect(integrationMail(input()).text).toContain('GET /organizations/org%2F1/integrations/errors/7');
  });

  it('takes the integration’s own word for since when it fails', () => {
    const failing = { ...input({ failingSince: new Date('2026-01-30T00:00:00Z') }), counts: { dead: 2, recovered: 1 } };
    const { subject, text } = integrationMail(failing);
    expect(subject).toBe('[hbf] Webhook integration 7: 2 deliveries were given up, works again');
    expect(text).toContain('Failing since: 2026-01-30 00:00:00 UTC');
    expect(text).toContain('Mend the endpoint');
  });

  it('names the network code where there was no answer', () => {
    expect(integrationMail(input()).text).toContain('Last status: ECONNREFUSED\n');
  });
});

describe('operatorMail', () => {
  it('lists the details and caps subject and values', () => {
    const details = [['status', 401] as const, ['where', `https://core/x?token=secret ${'y'.repeat(2000)}`] as const];
    const subject = `s\r\nBcc: a@b ${'x'.repeat(500)}`;
    const mail = operatorMail({ kind: 'core-refuses', count: 2, facts: { at, subject, details } });
    expect(mail.subject).not.toMatch(/[\r\n]/);
    expect(mail.subject.length).toBeLessThan(200);
    expect(mail.text).toContain('status: 401\n');
    expect(mail.text).toContain('Raised since the last mail: 2\n');
    expect(mail.text).not.toContain('secret');
    expect(mail.text.length).toBeLessThan(1500);
  });
});
