/** Reads what tests ask of a mail: headers, and the text of all its parts, decoded. Not a full MIME parser. */
export interface MailText {
  /** Lower-case names, unfolded and decoded values. */
  headers: Record<string, string>;
  /** All text parts, one after the other. */
  text: string;
}

export function readMail(raw: string): MailText {
  const { headers, body } = split(raw);
  return { headers, text: partText(headers, body) };
}

function split(part: string): { headers: Record<string, string>; body: string } {
  const end = part.search(/\r?\n\r?\n/);
  const head = (end < 0 ? part : part.slice(0, end)).replace(/\r?\n[ \t]+/g, ' ');
  const headers = Object.fromEntries(
    head.split(/\r?\n/).map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), decodeWords(line.slice(colon + 1).trim())];
    }),
  );
  return { headers, body: end < 0 ? '' : part.slice(end).replace(/^\r?\n\r?\n/, '') };
}

function partText(headers: Record<string, string>, body: string): string {
  const boundary = /boundary="?([^";]+)"?/i.exec(headers['content-type'] ?? '')?.[1];
  if (boundary) {
    const parts = body.split(`--${boundary}`).slice(1, -1);
    return parts
      .map((part) => split(part.replace(/^\r?\n/, '')))
      .map((part) => partText(part.headers, part.body))
      .join('\n');
  }
  const encoding = headers['content-transfer-encoding']?.toLowerCase();
  if (encoding === 'base64') return Buffer.from(body, 'base64').toString('utf8');
  return encoding === 'quoted-printable' ? quotedPrintable(body.replace(/=\r?\n/g, '')) : body;
}

function quotedPrintable(text: string): string {
  const latin = text.replace(/=([0-9A-F]{2})/gi, (_all, hex: string) => String.fromCharCode(parseInt(hex, 16)));
  return Buffer.from(latin, 'latin1').toString('utf8');
}

/** `=?UTF-8?Q?…?=` and `=?UTF-8?B?…?=`. */
function decodeWords(value: string): string {
  return value
    .replace(/\?=\s+=\?/g, '?==?')
    .replace(/=\?utf-8\?([qb])\?([^?]*)\?=/gi, (_all, kind: string, word: string) =>
      kind.toLowerCase() === 'b'
        ? Buffer.from(word, 'base64').toString('utf8')
        : quotedPrintable(word.replace(/_/g, ' ')),
    );
}
