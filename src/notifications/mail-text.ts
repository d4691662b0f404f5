const HTML: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (char) => HTML[char]!);
}

/**
 * Line breaks, control and direction characters become a space: a value can add no header, fake no further line of a
 * mail and not turn its text around.
 */
export function oneLine(text: string, maxLength: number): string {
  const line = text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ').trim();
  return line.length > maxLength ? `${line.slice(0, maxLength - 1)}…` : line;
}

/** @returns the URL without credentials, query and fragment, any of which may hold a secret */
export function shownUrl(url: string): string {
  if (!URL.canParse(url)) return '(not a URL)';
  const { protocol, host, pathname } = new URL(url);
  return `${protocol}//${host}${pathname}`;
}

/** Takes credentials, query and fragment off every URL within a text that others wrote. */
export function withoutQueries(text: string): string {
  return text.replace(/https?:\/\/[^\s"'<>]+/gi, (url) => shownUrl(url));
}

/** Seconds are enough for people: `2026-01-31 12:00:05 UTC`. */
export function instant(date: Date): string {
  return `${date.toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}
