/** What a header `Prefer` asks for, without parameters; preferences that nobody knows are passed over (RFC 7240, section 2). */
export const preferencesOf = (header: string): readonly string[] =>
  header.split(',').map((wish) => wish.split(';')[0].trim().toLowerCase());
