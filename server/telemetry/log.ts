import { pino, type DestinationStream, type Logger } from 'pino';

export interface LogOptions {
  readonly level: string;
  /** What must never be seen: keys, tokens. */
  readonly secrets: readonly string[];
  /** True to write prompts, and addresses with their queries. */
  readonly prompts: boolean;
}

const HIDDEN = '[secret]';
/** Shorter values would hide ordinary words. */
const SHORTEST_SECRET = 8;

/** Names of variables that hold secrets, and of such that only sound like it: names of keys' holders, paths. */
const SECRET_NAME = /KEY|SECRET|TOKEN|PASSWORD/i;
const NO_SECRET_NAME = /^ADMIN_KEYS$|_FILE$/;
/** In a list of keys, each may stand behind the name of its holder, which is no secret. */
const HOLDER = /^[\w.-]{1,64}:/;

/** The values of an environment that are secrets by the names of their variables, also one by one where they are lists. */
export const secretsOf = (env: NodeJS.ProcessEnv): string[] => {
  const values = Object.entries(env)
    .filter(([name]) => SECRET_NAME.test(name) && !NO_SECRET_NAME.test(name))
    .map(([, value = '']) => value);
  const parts = values.flatMap((value) => value.split(/[\s,]+/).map((entry) => entry.replace(HOLDER, '')));
  const secrets = [...new Set([...values, ...parts])].filter((part) => part.length >= SHORTEST_SECRET);
  return secrets.sort((a, b) => b.length - a.length); // the whole before its parts
};

/** An address in a line: its credentials, the rest up to the query, the query. */
const ADDRESS = /(https?:\/\/)(?:[^\s"\\/@?#]*@)?([^\s"\\?#]*)(\?[^\s"\\#]*)?/gi;

/** What takes out of a finished line whatever is not to be seen, wherever it comes from: an error's message, a stack. */
const scrubber = ({ secrets, prompts }: LogOptions): ((line: string) => string) => {
  // As a secret looks within JSON.
  const written = secrets.map((secret) => JSON.stringify(secret).slice(1, -1));
  return (line) => {
    const open = line.replace(
      ADDRESS,
      (_, scheme: string, place: string, query?: string) =>
        `${scheme}${place}${query === undefined ? '' : prompts ? query : '?…'}`,
    );
    return written.reduce((text, secret) => text.replaceAll(secret, HIDDEN), open);
  };
};

/** Of an error only its words: what libraries hang on it can hold a whole request with its headers. */
const wordsOf = (error: unknown): unknown => {
  if (!(error instanceof Error) && !isErrorLike(error)) return error;
  const { type, message, stack } = pino.stdSerializers.err(error as Error);
  const { code } = error as { code?: unknown };
  return { type, ...(code === undefined ? {} : { code }), message, stack };
};
const isErrorLike = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && 'message' in value && 'stack' in value;

/** The service's log: one JSON object a line, without secrets, and without prompts unless they are asked for. */
export const createLog = (
  options: LogOptions,
  destination: DestinationStream = pino.destination(1),
): Logger => {
  const scrub = scrubber(options);
  return pino(
    { level: options.level, serializers: { err: wordsOf, cause: wordsOf } },
    { write: (line) => destination.write(scrub(line)) },
  );
};
