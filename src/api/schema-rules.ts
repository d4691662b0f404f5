/**
 * What the validation of the DTOs asks for, as JSON Schema (ECMA-262 patterns without flags). Where a pattern cannot say
 * all that the validation accepts, it says less: whatever fits it is taken.
 */

/** The number of an integration, in a path. */
export const INTEGRATION_ID = '^[1-9][0-9]{0,15}$';

/** An HTTP field name (RFC 9110, 5.6.2). */
export const FIELD_NAME = "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$";

/** Printable Latin-1. */
export const FIELD_VALUE = '^[\\u0020-\\u007e\\u00a0-\\u00ff]*$';

/** No white space and no control character. */
export const ENTITY_ID =
  '^[^\\u0000-\\u0020\\u007f-\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000\\ufeff]+$';

const LABEL = '[A-Za-z0-9](?:[A-Za-z0-9-]{0,30}[A-Za-z0-9])?';
const HOST = `(?:${LABEL}\\.){1,4}[A-Za-z]{2,18}`;

/** An absolute URL by its usual form: a host name with dots, no credentials. */
export const WEBHOOK_URL = `^https://${HOST}(?::[1-9][0-9]{0,3})?(?:[/?#][!-~]*)?$`;

const ADDRESS = `[A-Za-z0-9_+-]{1,31}(?:\\.[A-Za-z0-9_+-]{1,32})?@${HOST}`;

/** An e-mail address, or a name and one in angle brackets. */
export const RECIPIENT = `^(?:${ADDRESS}|[A-Za-z\\u00c0-\\u024f](?:[A-Za-z0-9\\u00c0-\\u024f' -]{0,62}[A-Za-z0-9\\u00c0-\\u024f])? <${ADDRESS}>)$`;

/** An ETag of this service, strong or weak. */
export const ENTITY_TAG = '^(?:W/)?"[0-9]{1,15}"$';

/** What `cursorOf` makes. */
export const CURSOR = '^[0-9]{1,15}\\.[A-Za-z0-9_-]*\\.[A-Za-z0-9_-]*$';

/** Beside `format: date-time`: class-validator takes no year before 1000. */
export const YEAR = '^[1-9]';
