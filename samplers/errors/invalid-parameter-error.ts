/** A value that is not allowed. Names the field, what was given and what is allowed. */
export class InvalidParameterError extends Error {
  override readonly name = 'InvalidParameterError';
  readonly code = 'invalid_parameter';

  constructor(
    readonly field: string,
    readonly given: unknown,
    readonly allowed: string,
  ) {
    super(`Expected \`${field}\` to be ${allowed}, got ${describe(given)}`);
  }
}

function describe(given: unknown): string {
  if (given === undefined) return 'nothing';
  if (given === null) return 'null';
  if (typeof given === 'number' || typeof given === 'bigint' || typeof given === 'boolean') {
    return `${given} (${typeof given})`;
  }
  if (typeof given === 'string') return shortened(JSON.stringify(given));
  if (Array.isArray(given)) return shortened(`[${given.slice(0, 40).map(element).join(', ')}]`);
  return `a value of type ${typeof given}`;
}

/** Of a list within a list nothing is said but that it is one: it may be deeper than a stack. */
const element = (value: unknown): string =>
  typeof value === 'object' && value !== null ? '…' : String(value);

/** A hostile value must not fill the log or the answer. */
const shortened = (text: string): string => (text.length > 80 ? `${text.slice(0, 80)}…` : text);
