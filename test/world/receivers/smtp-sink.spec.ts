import { createTransport } from 'nodemailer';
import { SmtpSink } from './smtp-sink.js';

describe('the SMTP sink', () => {
  let sink: SmtpSink;

  beforeEach(async () => (sink = await SmtpSink.start()));
  afterEach(() => sink.stop());

  const send = (to = 'ops@example.com') =>
    createTransport({ host: '127.0.0.1', port: sink.port, secure: false, auth: { user: 'u', pass: 'p' } }).sendMail({
      from: 'service@example.com',
      to,
      subject: 'Αποτυχία – a delivery failed',
      text: 'Δεν παραδόθηκε: a line that is long enough to be folded by the encoding, as quoted-printable does it.',
      html: '<p>Δεν παραδόθηκε</p>',
    });

  it('keeps mails with decoded subject and text', async () => {
    await send();
    expect(sink.to('ops@example.com')).toMatchObject([
      { from: 'service@example.com', subject: 'Αποτυχία – a delivery failed' },
    ]);
    expect(sink.mails[0]!.text).toContain('Δεν παραδόθηκε: a line that is long enough to be folded by the encoding,');
    expect(sink.mails[0]!.text).toContain('<p>Δεν παραδόθηκε</p>');
  });

  it('refuses for good and for now', async () => {
    sink.mood = 'refuse';
    await expect(send()).rejects.toMatchObject({ responseCode: 550 });
    sink.mood = 'defer';
    await expect(send()).rejects.toMatchObject({ responseCode: 451 });
    expect(sink.offered).toHaveLength(2);
    expect(sink.mails).toEqual([]);
  });
});
