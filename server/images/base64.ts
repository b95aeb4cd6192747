/**
 * The bytes of base64 text, of either alphabet, with blanks in it or a `data:…;base64,` before it. Undefined where it is
 * something else, or nothing.
 */
export function decodeBase64(text: string): Buffer | undefined {
  const base64 = text.replace(/^\s*data:[^,]{0,100};base64,/i, '').replace(/\s+/g, '');
  // Looked for is what must not be there: a greedy match of many megabytes overflows the engine's stack.
  const digits = base64.replace(/={1,2}$/, '');
  if (digits === '' || digits.length % 4 === 1 || /[^\w+/-]/.test(digits)) return undefined;
  return Buffer.from(digits, 'base64');
}
