/** Bundles the dashboard: one script, one style, and the document that names them. */
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, join } from 'node:path';

/** The names of script and style change with their content, so that browsers may keep them for ever. */
export function buildPage(source, target) {
  // Only when it is needed: a service that is built already starts without the build's own packages.
  const { buildSync } = createRequire(import.meta.url)('esbuild');
  const { metafile } = buildSync({
    entryPoints: [join(source, 'main.tsx'), join(source, 'styles/page.css')],
    outdir: target,
    entryNames: '[name]-[hash]',
    bundle: true,
    minify: true,
    format: 'esm',
    target: ['es2022', 'chrome111', 'firefox115', 'safari16.4'],
    jsx: 'automatic',
    jsxImportSource: 'preact',
    legalComments: 'none',
    metafile: true,
    logLevel: 'warning',
  });
  const named = (ending) =>
    Object.keys(metafile.outputs)
      .map((path) => basename(path))
      .find((name) => name.endsWith(ending));
  const document = readFileSync(join(source, 'index.html'), 'utf8')
    .replace('%SCRIPT%', named('.js'))
    .replace('%STYLE%', named('.css'));
  writeFileSync(join(target, 'index.html'), document);
}
