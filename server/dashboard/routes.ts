import Router from '@koa/router';
import type { Middleware } from 'koa';
import { notFound } from '../errors.js';
import { sendFileOf, sendDocument, type Page } from './page.js';

/**
 * GET /dashboard, GET / for a browser, and the page's script and style. Every address in the page is relative, so that
 * it works under whatever path a proxy puts it; for that the document must lie where the API does, and a slash at its end
 * is taken away.
 */
export function dashboardRoutes(page: Page): Router {
  const router = new Router({ strict: true });
  router.get('/', forBrowsers(page));
  router.get('/dashboard', (ctx) => sendDocument(ctx, page));
  router.get('/dashboard/', (ctx) => ctx.redirect('../dashboard'));
  router.get('/dashboard/:name', (ctx) => {
    if (!sendFileOf(ctx, page, ctx.params.name)) throw notFound(`There is nothing at ${ctx.path}`);
  });
  return router;
}

/** The document for who asks for HTML first; programs, which take anything, get what comes next. */
const forBrowsers =
  (page: Page): Middleware =>
  (ctx, next) => {
    ctx.vary('Accept');
    if (ctx.accepts('json', 'html') !== 'html') return next();
    sendDocument(ctx, page);
    return undefined;
  };
