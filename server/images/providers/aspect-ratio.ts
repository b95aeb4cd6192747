const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b));

/** The option as Midjourney reads it; text editors turn its two hyphens into a dash. */
const GIVEN = /(?:^|\s)(?:--|—|–)(?:ar|aspect)(?=\s|$)/i;

/** Ends a Midjourney-style prompt with ` --ar W:H`, reduced, unless the prompt says its own. */
export const withAspectRatio = (prompt: string, width: number, height: number): string => {
  if (GIVEN.test(prompt)) return prompt;
  const divisor = gcd(width, height);
  return `${prompt} --ar ${width / divisor}:${height / divisor}`;
};
