import { existsSync, mkdtempSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The family the caption is set in, and its file: shipped with the service, so that no system font is needed. */
export const CAPTION_FONT = {
  family: 'DejaVu Sans Condensed',
  file: createRequire(import.meta.url).resolve('dejavu-fonts-ttf/ttf/DejaVuSansCondensed.ttf'),
} as const;

const SYSTEM_CONFIGURATION = '/etc/fonts/fonts.conf';

/**
 * Gives fontconfig an empty configuration where the machine has none: it complains on stderr otherwise, though the font
 * file is found all the same. Must run before the first text is drawn, and leaves a configuration that exists alone.
 */
export const ensureFontConfiguration = (): void => {
  const chosen = process.env.FONTCONFIG_FILE;
  const found =
    chosen === undefined
      ? process.env.FONTCONFIG_PATH !== undefined || existsSync(SYSTEM_CONFIGURATION)
      : existsSync(chosen);
  if (found) return;
  const folder = mkdtempSync(join(tmpdir(), 'fonts-'));
  const file = join(folder, 'fonts.conf');
  writeFileSync(file, `<?xml version="1.0"?><fontconfig><cachedir>${folder}</cachedir></fontconfig>`);
  process.env.FONTCONFIG_FILE = file;
};
