import ipaddr from 'ipaddr.js';

/**
 * How the text of an environment variable becomes a value. `parse` throws an Error whose message completes the
 * sentence "NAME must be …". The message never repeats the text, which may be a secret.
 */
export interface ValueType<T> {
  /** What the README's table shows in its type column. */
  readonly label: string;
  parse(text: string): T;
}

function refuse(expected: string): never {
  throw new Error(expected);
}

export function integer(min: number, max: number): ValueType<number> {
  const expected = `a whole number from ${min} to ${max}`;
  return {
    label: 'integer',
    parse: (text) => {
      const value = Number(text);
      return /^-?\d+$/.test(text) && value >= min && value <= max ? value : refuse(expected);
    },
  };
}

/** Minutes as written (decimals allowed), milliseconds as read. */
export function minutes(min: number, max: number): ValueType<number> {
  return span('minutes', 60_000, min, max);
}

/** Seconds as written (decimals allowed), milliseconds as read. */
export function seconds(min: number, max: number): ValueType<number> {
  return span('seconds', 1_000, min, max);
}

function span(unit: string, unitMs: number, min: number, max: number): ValueType<number> {
  const expected = `a number of ${unit} from ${min} to ${max}, decimals allowed`;
  return {
    label: unit,
    parse: (text) => {
      const value = Number(text);
      return /^\d+(\.\d+)?$/.test(text) && value >= min && value <= max ? Math.round(value * unitMs) : refuse(expected);
    },
  };
}

export const flag: ValueType<boolean> = {
  label: 'true or false',
  parse: (text) => (text === 'true' ? true : text === 'false' ? false : refuse('true or false')),
};

export function text(maxLength = 4096): ValueType<string> {
  return {
    label: 'text',
    parse: (value) => (value.length <= maxLength ? value : refuse(`at most ${maxLength} characters`)),
  };
}

/** A host name, or a name of one's own. */
export const instanceName: ValueType<string> = {
  label: 'name',
  parse: (value) =>
    /^[\w.:-]{1,100}$/.test(value) ? value : refuse('1 to 100 letters, digits, dots, colons, hyphens and underscores'),
};

export function oneOf<const T extends string>(...values: T[]): ValueType<T> {
  return {
    label: values.join(', '),
    parse: (value) => values.find((v) => v === value) ?? refuse(`one of ${values.join(', ')}`),
  };
}

/** An absolute http(s) URL; trailing slashes are removed, so that paths can be appended. */
export const httpUrl: ValueType<string> = {
  label: 'http(s) URL',
  parse: (value) => {
    const expected = 'an absolute http:// or https:// URL without query, fragment or credentials';
    const url = URL.canParse(value) ? new URL(value) : refuse(expected);
    const plain = !url.search && !url.hash && !url.username && !url.password;
    return /^https?:$/.test(url.protocol) && plain ? value.replace(/\/+$/, '') : refuse(expected);
  },
};

export const mongodbUri: ValueType<string> = {
  label: 'mongodb:// URI',
  parse: (value) => (/^mongodb(\+srv)?:\/\/[^/\s]+/.test(value) ? value : refuse('a mongodb:// or mongodb+srv:// URI')),
};

const UNITS: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `5s,1m,2h` as written, milliseconds as read; at least one entry. */
export const durations: ValueType<readonly number[]> = {
  label: 'list of durations',
  parse: (value) => value.split(',').map((part) => duration(part.trim())),
};

function duration(part: string): number {
  const match = /^(\d{1,6})(ms|s|m|h|d)$/.exec(part);
  return match ? Number(match[1]) * UNITS[match[2]!]! : refuse('durations separated by commas, such as 5s,1m,2h');
}

/** `10.0.0.0/8,fd00::/8`; the empty list when unset. */
export const cidrs: ValueType<readonly [ipaddr.IPv4 | ipaddr.IPv6, number][]> = {
  label: 'list of CIDRs',
  parse: (value) =>
    list(value).map((part) =>
      ipaddr.isValidCIDR(part)
        ? ipaddr.parseCIDR(part)
        : refuse('CIDR ranges separated by commas, such as 10.20.0.0/16,fd00::/8'),
    ),
};

/** `443,8443`; the empty list when unset. */
export const ports: ValueType<readonly number[]> = {
  label: 'list of ports',
  parse: (value) =>
    list(value).map((part) =>
      /^\d{1,5}$/.test(part) && Number(part) >= 1 && Number(part) <= 65_535
        ? Number(part)
        : refuse('port numbers separated by commas, such as 443,8443'),
    ),
};

export const emails: ValueType<readonly string[]> = {
  label: 'list of e-mail addresses',
  parse: (value) =>
    list(value).map((part) =>
      /^[^\s@<>]+@[^\s@<>]+$/.test(part) ? part : refuse('e-mail addresses separated by commas'),
    ),
};

/** `bot@example.com` or `HBF Bot <bot@example.com>`. */
export const mailbox: ValueType<string> = {
  label: 'mailbox',
  parse: (value) =>
    /^(?:[^\s@<>]+@[^\s@<>]+|[^@<>\r\n]+ <[^\s@<>]+@[^\s@<>]+>)$/.test(value)
      ? value
      : refuse('an e-mail address, or a name and one: HBF Bot <bot@example.com>'),
};

export const texts: ValueType<readonly string[]> = { label: 'list', parse: list };

function list(value: string): string[] {
  return value
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

/** 32 bytes in base64, the size of an AES-256 key. */
export const key256: ValueType<Buffer> = {
  label: '32 bytes, base64',
  parse: (value) => {
    const key = Buffer.from(value, 'base64');
    const exact = key.length === 32 && key.toString('base64').replace(/=+$/, '') === value.replace(/=+$/, '');
    return exact ? key : refuse('32 bytes in base64 (try: openssl rand -base64 32)');
  },
};

/** Keys as `key256` reads them, separated by commas; the empty list when unset. */
export const keys256: ValueType<readonly Buffer[]> = {
  label: 'list of 32 bytes, base64',
  parse: (value) => list(value).map((part) => key256.parse(part)),
};
