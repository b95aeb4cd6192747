import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import Router from '@koa/router';
import { createAsset, sendAsset, type StaticAsset } from '../static-asset.js';
import { createDocument, type DocumentOptions } from './document.js';

/** Addresses are relative, so that the page works under whatever path a proxy puts it. */
const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>img2vid API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="docs/swagger-ui.css">
</head>
<body>
<main id="documentation"></main>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
`;

/** Without `validatorUrl: null` the page would send the document's address to somebody else's validator. */
const START = `SwaggerUIBundle({
  url: 'openapi.json',
  dom_id: '#documentation',
  deepLinking: true,
  validatorUrl: null,
  persistAuthorization: true,
});
`;

/** The page's icons lie within its styles. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** Files of the documentation page, by the last part of their address; `` is the page itself. */
async function loadAssets(): Promise<ReadonlyMap<string, StaticAsset>> {
  const folder = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));
  const file = (name: string): Promise<Buffer> => readFile(join(folder, name));
  return new Map([
    ['', await createAsset('text/html; charset=utf-8', PAGE)],
    ['start.js', await createAsset('text/javascript; charset=utf-8', START)],
    ['swagger-ui.css', await createAsset('text/css; charset=utf-8', await file('swagger-ui.css'))],
    [
      'swagger-ui-bundle.js',
      await createAsset('text/javascript; charset=utf-8', await file('swagger-ui-bundle.js')),
    ],
  ]);
}

/** GET /openapi.json, and GET /docs: the same for a reader, who can try every call. No asset is from another host. */
export function createDocs(options: DocumentOptions): Router {
  let document: Promise<StaticAsset> | undefined;
  let assets: Promise<ReadonlyMap<string, StaticAsset>> | undefined;
  const router = new Router();
  router.get('/openapi.json', async (ctx) => {
    document ??= createAsset('application/json; charset=utf-8', JSON.stringify(createDocument(options)));
    sendAsset(ctx, await document);
  });
  router.get(['/docs', '/docs/:file'], async (ctx) => {
    const { file = '' } = ctx.params as { file?: string };
    assets ??= loadAssets();
    const found = (await assets).get(file);
    if (!found) return;
    ctx.set('Content-Security-Policy', POLICY);
    sendAsset(ctx, found);
  });
  return router;
}
