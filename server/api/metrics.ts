import type { Middleware } from 'koa';
import type { Metrics } from '../telemetry/metrics.js';

/** GET /metrics in Prometheus's text form. It tells of everybody's tasks: with access keys it is for admins. */
export const metricsPage =
  ({ registry }: Metrics): Middleware =>
  async (ctx) => {
    ctx.set('Cache-Control', 'no-store');
    ctx.type = registry.contentType;
    ctx.body = await registry.metrics();
  };
