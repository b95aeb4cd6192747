const DATA_URL = /^\s*data:[^,]{0,100};base64,/i;

/**
 * The bytes of base64 text, of either alphabet, with blanks in it or a `data:…;base64,` before it. Undefined where it is
 * something else, or nothing.
 */
export function decodeBase64(text: string): Buffer | undefined {
  const base64 = text.replace(DATA_URL, '').replace(/\s+/g, '');
  // Looked for is what must not be there: a greedy match of many megabytes overflows the engine's stack.
  const digits = base64.replace(/={1,2}$/, '');
  if (digits === '' || digits.length % 4 === 1 || /[^\w+/-]/.test(digits)) return undefined;
  return Buffer.from(digits, 'base64');
}

/** What a data URL says before its data, with the comma; undefined for a text that is no data URL in base64. */
export const dataUrlHead = (text: string): string | undefined => DATA_URL.exec(text)?.[0];

export const toDataUrl = (type: string, bytes: Buffer): string =>
  `data:${type};base64,${bytes.toString('base64')}`;
